"""What Prometheus says of itself, as `fab status`, `fab verify` and `fab alerts` tell it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.services.prometheus import jobs
from lab.services.registry import SERVICES, with_scraped
from lab.topology import build
from scripts.clients.http import Http, HttpError
from scripts.clients.prometheus import Asked
from scripts.drivers import prometheus as module
from scripts.drivers.driver import Driver, Report, Site
from scripts.drivers.prometheus import Prometheus
from scripts.operations.grafana import write
from tests.fakes import FakeFleet

TOPOLOGY = build(parse({
    "owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
    "monitoring": {"enabled": True, "scrape_s": 2},
}).lab)
CONTROL = TOPOLOGY.datacenters[0].by_role("control")[0]
BROKER = "ann-dc1-kafka02"


class World:
    """A Prometheus that hears all but `silent`, and heard `late` long ago."""

    def __init__(self) -> None:
        context = with_scraped(local_context(TOPOLOGY, {}))
        self.targets = [Asked(job.name, one.datacenter, one.instance)
                        for job in jobs(CONTROL, context) for one in job.targets]
        self.silent: set[Asked] = set()
        self.late: set[Asked] = set()
        self.alerts: list[dict[str, Any]] = []
        self.silences: list[dict[str, str]] = []
        self.asked = 0

    def __call__(self, http: Http, method: str, path: str) -> Any:
        assert method == "GET"
        if path.startswith("/api/v2/alerts"):
            assert parse_qs(urlsplit(path).query)["silenced"] == ["true"]
            return [{"labels": one} for one in self.silences]
        self.asked += 1
        parts = urlsplit(path)
        kind = parts.path.removeprefix("/api/v1/")
        if kind == "alerts":
            return {"status": "success", "data": {"alerts": self.alerts}}
        if kind == "targets":
            return {"status": "success", "data": {"activeTargets": [
                {"labels": one._asdict(), "lastError": "refused" if one in self.silent else ""}
                for one in self.targets]}}
        expression = parse_qs(parts.query)["query"][0]
        if expression == "up == 1":
            return self.vector({one: 1.0 for one in self.targets if one not in self.silent})
        assert expression == "time() - timestamp(up)"
        return self.vector({one: 99.0 if one in self.late else 0.5 for one in self.targets})

    def vector(self, values: dict[Asked, float]) -> Any:
        return {"status": "success", "data": {"result": [
            {"metric": one._asdict(), "value": [0, str(value)]} for one, value in values.items()]}}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
    monkeypatch.setattr(Driver, "silent", lambda driver, site, host: "")


    def call(http: Http, method: str, path: str) -> Any:
        return found(http, method, path)

    monkeypatch.setattr(Http, "__call__", call)
    return found


@pytest.fixture
def site() -> Site:
    return Site(FakeFleet([]), local_context(TOPOLOGY, {}), TOPOLOGY.datacenters[0])


def driver() -> Prometheus:
    return Prometheus(SERVICES["prometheus"])


def alert(state: str = "firing", **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": "KafkaBrokerDown", "severity": "critical", **labels},
            "annotations": {"summary": "down"}, "state": state, "activeAt": "2026-01-01T00:00:00Z"}


def test_status_counts_targets_and_tells_alerts_without_calling_them_problems(
    world: World, site: Site
) -> None:
    world.alerts = [alert(instance=BROKER), alert("pending", instance="x")]
    part = driver().status(site, [CONTROL.name])
    assert part.problems == ()
    assert part.data["targets"] == len(world.targets) == 3 + 7 + 1 + 2
    assert part.data["silent"] == [] and len(part.data["alerts"]) == 2
    assert part.lines == (
        "dc1: Prometheus: 13 targets scraped, 1 alert fires: KafkaBrokerDown",)


def test_an_alert_that_is_silenced_does_not_count(world: World, site: Site) -> None:
    world.alerts = [alert(instance=BROKER)]
    world.silences = [{**alert(instance=BROKER)["labels"], "lab": "kafkalab"}]
    assert driver().status(site, [CONTROL.name]).lines[0].endswith("no alert fires")


def test_a_target_that_is_not_heard_is_a_problem_with_its_reason(
    world: World, site: Site
) -> None:
    world.silent = {Asked("kafka", "dc1", BROKER)}
    world.late = {Asked("lag", "dc1", CONTROL.name)}
    part = driver().status(site, [CONTROL.name])
    assert part.problems == (
        f"Prometheus does not hear kafka of {BROKER}: refused",
        f"Prometheus does not hear lag of {CONTROL.name}: it has not been asked yet",
    )
    assert "11 of 13 targets scraped" in part.lines[0]


def test_of_many_that_are_not_heard_some_are_told(world: World, site: Site) -> None:
    world.silent = set(world.targets)
    problems = driver().status(site, [CONTROL.name]).problems
    assert len(problems) == 4 and problems[-1] == "nor 10 targets more"


def test_without_its_host_nothing_is_asked(world: World, site: Site) -> None:
    assert driver().status(site, []).lines == ()
    assert world.asked == 0


def test_verify_waits_until_all_are_heard_and_tells_how_far_it_is(
    world: World, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.late = set(world.targets[:5])
    told: list[str] = []

    def hear(what: str) -> None:
        told.append(what)
        world.late = set(list(world.late)[:-2])

    report = Report("dc1", hear)
    assert driver().verify(site, report)
    assert [line.what for line in report.lines] == ["answers", "targets"]
    assert report.lines[-1].seen == "13 targets scraped, each within 6 s"
    assert "10 of 13 targets scraped" in told or "12 of 13 targets scraped" in told


def test_verify_names_who_is_never_heard(
    world: World, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.silent = {Asked("kafka", "dc1", BROKER)}
    waited: list[float] = []

    def wait(condition: Any, *, timeout: float, pause: float) -> None:
        waited.append(timeout)
        assert not condition()
        raise module.TimeoutExpired("not so")

    monkeypatch.setattr(module, "wait_until", wait)
    report = Report("dc1")
    assert not driver().verify(site, report)
    assert waited == [16.0]
    assert report.lines[-1].seen == (
        f"still after 16 s: Prometheus does not hear kafka of {BROKER}: refused")


def test_an_answer_of_another_kind_is_no_answer(
    world: World, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Http, "__call__", lambda http, *words: "<html>")
    report = Report("dc1")
    assert not driver().verify(site, report)
    assert "in no known way" in report.lines[-1].seen


def test_alerts_need_both(world: World, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(http: Http, *words: str) -> Any:
        raise HttpError(503, "alertmanager does not listen yet", where="h")

    monkeypatch.setattr(Http, "__call__", refused)
    with pytest.raises(HttpError, match="does not listen"):
        driver().alarms(site)


def test_grafana_gets_a_file_for_each_dashboard(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "one"
    paths = list(write(TOPOLOGY.config, "http://127.0.0.1:1", str(folder)))
    assert [path.name for path in paths] == [
        "cluster.json", "broker.json", "topic.json", "group.json", "host.json", "datasource.yml"]
    assert json.loads(paths[0].read_text())["title"] == "kafkalab: Cluster"
    assert json.loads(paths[-1].read_text())["datasources"][0]["url"] == "http://127.0.0.1:1"
