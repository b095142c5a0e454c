"""The schema registry as the lab acts on it, against one that rejects what it does not expect."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest

from lab.file import parse
from lab.schemas import JOURNAL, OTHERS
from lab.services.local import local_context
from lab.services.schemas import SWITCH
from lab.topology import Topology, build
from scripts.clients.http import HttpError
from scripts.drivers.driver import Report, Site
from scripts.drivers.journal import Journal, Kept
from scripts.drivers.registry import driver
from scripts.errors import LabError, TimeoutExpired
from tests.fakes import FakeFleet

HOST = "ann-dc1-ctl01"
SUBJECT = re.compile(r"/subjects/([^/?]+)(/versions(?:/latest|/[0-9]+)?)?(\?permanent=true)?")


def error(status: int, answer: Any = None) -> HttpError:
    return HttpError(status, f"it says {status}", where=HOST, answer=answer)


@dataclass
class FakeRegistry:
    """One registry. `lax`: it takes what is not compatible. `forgets`: what is noted is lost.
    `file`: whether its file says that it is read-only; `said`: what was said of that since, which
    it goes by until it restarts, and `kept`: whether its journal has that, too."""

    subjects: dict[str, list[str]] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=lambda: {"": "NONE"})
    reads: bool = True
    lax: bool = False
    forgets: bool = False
    note: str | None = None
    ids: list[str] = field(default_factory=list)
    file: bool = False
    said: str | None = None
    kept: bool = False
    deaths: int = 0  # requests that are left before it is gone; 0: it stays

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        if self.deaths:
            self.deaths -= 1
            if not self.deaths:
                raise error(503)
        if path == "/health/ready":
            if not self.reads:
                raise error(503)
            return {"status": "UP"}
        if path == SWITCH:
            return self._switch(method, body)
        if self.closed and method != "GET" and not path.startswith("/compatibility"):
            raise error(409)
        if path.startswith("/apis/registry/v3/groups"):
            return self._group(method, path.removeprefix("/apis/registry/v3/groups"), body)
        return self._confluent(method, path.removeprefix("/apis/ccompat/v7"), body)

    @property
    def closed(self) -> bool:
        return self.file if self.said is None else self.said == "true"

    def _switch(self, method: str, body: Any) -> Any:
        if method == "GET":
            return {"value": str(self.closed).lower()}
        assert method in ("PUT", "DELETE")
        self.kept = method == "PUT"
        self.said = body["value"] if self.kept else self.said
        return None

    def _group(self, method: str, path: str, body: Any) -> Any:
        if (method, path) == ("POST", "") and self.note is None:
            assert body["groupId"] == "kafkalab"
            self.note = body["description"]
        elif (method, path) == ("PUT", "/kafkalab"):
            if self.note is None:
                raise error(404)
            self.note = self.note if self.forgets else body["description"]
        elif (method, path) == ("GET", "/kafkalab"):
            return {"groupId": "kafkalab", "description": self.note}
        elif dry := re.fullmatch(r"/default/artifacts/([^/]+)/versions\?dryRun=true", path):
            assert method == "POST" and unquote(dry[1]) in self.subjects
            raise error(409, {"causes": [{"description": "c", "context": "/fields/1"}]})
        else:
            raise AssertionError(f"{method} {path}")
        return None

    def _confluent(self, method: str, path: str, body: Any) -> Any:
        if path == "/subjects":
            return [*self.subjects]
        if found := re.fullmatch(r"/config(?:/([^?]+))?(\?defaultToGlobal=true)?", path):
            subject = unquote(found[1] or "")
            if method == "PUT":
                self.levels[subject] = body["compatibility"]
            return {"compatibilityLevel": self.levels.get(subject, self.levels[""])}
        if found := re.fullmatch(r"/schemas/ids/(\d+)", path):
            if int(found[1]) > len(self.ids):
                raise error(404)
            return {"schema": self.ids[int(found[1]) - 1]}
        if path.startswith("/compatibility"):
            subject = unquote(path.split("/")[3])
            return {"is_compatible": self._fits(subject, body["schema"])}
        found = SUBJECT.fullmatch(path)
        assert found, path
        return self._subject(method, unquote(found[1]), found[2], body)

    def _subject(self, method: str, subject: str, versions_of: str | None, body: Any) -> Any:
        if method == "DELETE":
            assert not versions_of
            if self.subjects.pop(subject, None) is None:
                raise error(404)
            return [1]
        if method == "GET":
            versions = self.subjects[subject]
            if versions_of == "/versions":
                return [*range(1, len(versions) + 1)]
            last = versions_of.removeprefix("/versions/") if versions_of else ""
            number = int(last) if last.isdecimal() else len(versions)
            schema = versions[number - 1]
            return {"id": self.ids.index(schema) + 1, "schema": schema, "version": number,
                    "schemaType": "AVRO"}
        if not versions_of:
            return {"version": self.subjects[subject].index(body["schema"]) + 1}
        return {"id": self._register(subject, body["schema"])}

    def _register(self, subject: str, schema: str) -> int:
        if not self._fits(subject, schema) and not self.lax:
            raise error(409)
        if schema not in self.ids:
            self.ids.append(schema)
        if schema not in self.subjects.setdefault(subject, []):
            self.subjects[subject].append(schema)
        return self.ids.index(schema) + 1

    def _fits(self, subject: str, schema: str) -> bool:
        """BACKWARD: what was written has the field, or it has a default."""
        level = self.levels.get(subject, self.levels[""])
        if level == "NONE" or subject not in self.subjects:
            return True
        before = {one["name"] for one in json.loads(self.subjects[subject][-1])["fields"]}
        return all(one["name"] in before or "default" in one
                   for one in json.loads(schema)["fields"])


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    made = FakeRegistry()
    monkeypatch.setattr(Site, "http", lambda *_: made)
    return made


@pytest.fixture(autouse=True)
def topics(monkeypatch: pytest.MonkeyPatch) -> dict[str, Kept]:
    found = {name: Kept(3, 3, 5, {}) for name in (JOURNAL, *OTHERS)}
    monkeypatch.setattr(Journal, "look", lambda _: found)
    return found


def topology(**section: Any) -> Topology:
    return build(parse({
        "owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
        "registry": {"at": "dc1", **section},
    }).lab)


def site(**section: Any) -> Site:
    made = topology(**section)
    return Site(FakeFleet([]), local_context(made, {}), made.datacenters[0])


REGISTRY = driver("registry")


def verified(place: Site) -> dict[str, str]:
    """What `verify` says of each check that did not hold."""
    report = Report("dc1")
    REGISTRY.verify(place, report)
    assert report.lines[0].what == "answers"
    return {line.what: line.seen for line in report.lines if not line.held}


def test_a_proof_leaves_nothing_and_touches_nothing_of_others(registry: FakeRegistry) -> None:
    registry.subjects = {"orders-value": ["{}"], "kafkalab-verify-old": ["{}"]}
    assert verified(site()) == {}
    assert registry.subjects == {"orders-value": ["{}"]}, "what a killed run left goes, too"
    assert json.loads(registry.ids[0])["name"] == "Proof" and len(registry.ids) == 2


@pytest.mark.parametrize("after", range(3, 14))
def test_a_proof_that_is_cut_off_fails_and_the_next_one_cleans_up(
    registry: FakeRegistry, after: int
) -> None:
    registry.deaths = after
    assert verified(site())
    assert verified(site()) == {}
    assert registry.subjects == {}


def test_it_is_no_registry_that_takes_what_breaks_readers(registry: FakeRegistry) -> None:
    registry.lax = True
    assert verified(site()) == {"schemas": "a schema that is not compatible was taken"}
    assert registry.subjects == {}


def test_a_change_that_does_not_come_back_is_told(registry: FakeRegistry) -> None:
    registry.note, registry.forgets = "old", True
    assert "it took a change and does not have it" in verified(site())["schemas"]


def test_before_it_has_read_its_journal_it_does_not_serve(registry: FakeRegistry) -> None:
    registry.reads = False
    place = site()
    assert REGISTRY.silent(place, place.carriers("registry")[0]) == "it says 503"
    part = REGISTRY.status(place, [HOST])
    assert part.problems == (f"registry on {HOST}: it says 503",)
    assert part.data["subjects"] is None
    assert part.data["url"] == "http://127.0.0.1:20850/apis/ccompat/v7"


def faults() -> Iterator[tuple[str, Mapping[str, Kept | None], str]]:
    yield "gone", {JOURNAL: None}, "is missing: what is registered is gone when"
    yield "another gone", {OTHERS[0]: None}, "is missing; run `fab registry`"
    yield "ends", {JOURNAL: Kept(3, 3, 5, {"retention.ms": "3600000"})}, \
        "retention.ms = 3600000 instead of -1; run `fab up`"
    yield "few", {JOURNAL: Kept(3, 1, 5, {})}, "1 replica in sync, and 2 are needed"


@pytest.mark.parametrize(("change", "told"), [one[1:] for one in faults()],
                         ids=[one[0] for one in faults()])
def test_what_is_wrong_with_its_topics_is_a_problem(
    registry: FakeRegistry, topics: dict[str, Kept], change: Mapping[str, Kept | None], told: str
) -> None:
    for name, kept in change.items():
        topics.pop(name)
        if kept is not None:
            topics[name] = kept
    place = site()
    (problem,) = REGISTRY.status(place, [HOST]).problems
    assert told in problem
    assert told in verified(place)["journal"]


def test_what_is_asked_of_schemas_becomes_what_the_file_says(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = site(compatibility="FULL")
    line = "schema registry of dc1: compatibility"
    monkeypatch.setattr(Journal, "mend", lambda _: 0)
    registry.levels = {"": "NONE", "orders-value": "FORWARD"}
    assert REGISTRY.differences(place, {}, there=True).lines == (f"~ {line}: NONE -> FULL",)
    assert REGISTRY.differences(place, {}, there=False).lines == (f"+ {line} FULL",)
    assert REGISTRY.reconcile(place, {}, lambda _: None) == 1
    assert registry.levels == {"": "FULL", "orders-value": "FORWARD"}
    assert REGISTRY.differences(place, {}, there=True).lines == ()
    assert REGISTRY.reconcile(place, {}, lambda _: None) == 0


def test_nothing_is_said_to_one_that_has_not_read_its_journal(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take what stands there for missing."""
    registry.reads = False
    monkeypatch.setattr("scripts.drivers.driver.ANSWER_SECONDS", 0.1)
    with pytest.raises(TimeoutExpired, match="it says 503, still after"):
        REGISTRY.reconcile(site(), {}, lambda _: None)
    assert registry.levels == {"": "NONE"}


def test_a_setting_that_was_changed_is_in_the_plan(
    registry: FakeRegistry, topics: dict[str, Kept]
) -> None:
    registry.levels = {"": "BACKWARD"}
    topics[JOURNAL] = Kept(3, 3, 5, {"cleanup.policy": "compact"})
    assert REGISTRY.differences(site(), {}, there=True).lines == (
        "~ topic _schemas of dc1: cleanup.policy: compact -> delete",
    )


def test_no_broker_no_plan_and_a_problem(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: Journal) -> Any:
        raise LabError("no broker answers")

    monkeypatch.setattr(Journal, "look", nobody)
    place = site()
    assert REGISTRY.status(place, [HOST]).problems == (
        "the registry's topics cannot be looked at: no broker answers",)
    registry.levels = {"": "BACKWARD"}
    assert REGISTRY.differences(place, {}, there=True).lines == ()
