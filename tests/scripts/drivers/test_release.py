"""What a cluster says of its release, from the command lines of its processes and its controllers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab import kraft
from lab.file import parse
from lab.services.local import local_context
from lab.topology import build
from lab.upgrade import PROTOCOL
from scripts.drivers import release
from scripts.drivers.driver import Site
from scripts.drivers.release import proven, running
from scripts.errors import LabError
from tests.fakes import FakeFleet, FakeHost, Reply

OLD, NEW = kraft.features("4.1.1"), kraft.features("4.3.1")


def runs(version: str, protocol: str = "") -> str:
    settings = f"{PROTOCOL}={protocol}\n" if protocol else ""
    return f"@/usr/local/kafka_2.13-{version}/classpath.args\n{settings}"


def site(version: str, finalize: str, said: Mapping[str, Reply], **shape: Any) -> Site:
    topology = build(parse({
        "owner": "a", "kafka": {"finalize": finalize},
        "datacenters": [{"name": "d", "cidr": "10.1.0.0/24", "version": version, **shape}],
    }).lab)
    fleet = FakeFleet(FakeHost(name, {"release": text}) for name, text in said.items())
    return Site(fleet, local_context(topology, {}), topology.datacenter("d"))


def of_zookeeper(*said: Reply, version: str = "3.9.2", finalize: str = "auto") -> Site:
    brokers = {f"a-d-kafka{number:02}": text for number, text in enumerate(said, 1)}
    return site(version, finalize, brokers, kafka=len(said), zookeeper=1)


def of_kraft(first: str, second: str, finalize: str = "auto") -> Site:
    return site("4.3.1", finalize, {"a-d-kraft01": runs(first), "a-d-kafka01": runs(second)},
                metadata="kraft", controller=1, kafka=1)


def line(place: Site) -> str:
    return running(place, place.fleet.hosts).line


def test_in_order_it_says_what_it_runs_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    place = of_zookeeper(runs("3.9.2"), runs("3.9.2"))
    assert line(place) == f"d: Kafka 3.9.2, {PROTOCOL} 3.9"
    assert proven(place) == f"Kafka 3.9.2, {PROTOCOL} 3.9"
    monkeypatch.setattr(release, "levels", lambda _: NEW)
    place = of_kraft("4.3.1", "4.3.1")
    assert proven(place) == "Kafka 4.3.1, metadata.version 30"
    found = running(place, place.fleet.hosts)
    assert found.as_json() == {
        "running": ["4.3.1"], "protocol": None, "features": dict(NEW), "not_finalised": "",
    }


@pytest.mark.parametrize(("finalize", "step"), [
    ("by hand", "`fab kafka.finalize`"), ("auto", "`fab up`"),
])
def test_what_waits_says_for_what(
    finalize: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "levels", lambda _: OLD)
    for place, change in (
        (of_zookeeper(runs("3.9.2", "3.8"), runs("3.9.2", "3.8"), finalize=finalize),
         f"{PROTOCOL} 3.8 to 3.9"),
        (of_kraft("4.3.1", "4.3.1", finalize),
         "metadata.version 27 to 30, share.version 0 to 1, streams.version 0 to 1"),
    ):
        assert line(place).endswith(f", waits to be finalised ({change}): {step}")
        if finalize == "auto":
            with pytest.raises(LabError, match=r"^d: waits to be finalised"):
                proven(place)
        else:
            assert "waits to be finalised" in proven(place), "that is what the lab file says"


def test_in_the_middle_it_says_both_and_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    place, both = of_zookeeper(runs("3.8.1"), runs("3.9.2", "3.8")), "Kafka 3.8.1 and 3.9.2"
    assert line(place) == f"d: {both}, {PROTOCOL} 3.8, the lab file has 3.9.2: `fab up`"
    assert "3.8 to 3.9" in line(of_zookeeper(runs("3.9.2", "3.8"), runs("3.9.2")))
    monkeypatch.setattr(release, "levels", lambda _: OLD)
    with pytest.raises(LabError, match=r"the lab file has 4\.3\.1: `fab up`"):
        proven(of_kraft("4.3.1", "4.1.1", "by hand"))


def test_who_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    place = of_zookeeper(runs("3.9.2"), LabError("connection lost"))
    assert running(place, place.fleet.hosts).several == ("3.9.2",)
    with pytest.raises(LabError, match="a-d-kafka02 does not tell what it runs"):
        proven(place)
    monkeypatch.setattr(release, "levels", lambda _: None)
    assert line(of_kraft("4.3.1", "4.3.1")) == "d: Kafka 4.3.1"
    with pytest.raises(LabError, match="no controller tells what is finalised"):
        proven(of_kraft("4.3.1", "4.3.1"))


def test_a_protocol_of_the_lab_files_own_is_its_end() -> None:
    place = site("3.9.2", "auto", {"a-d-kafka01": runs("3.9.2", "3.8")}, kafka=1, zookeeper=1)
    lab = place.lab.model_copy(update={"kafka": place.lab.kafka.model_copy(
        update={"config": {PROTOCOL: "3.8"}})})
    context = local_context(build(lab), {})
    place = Site(place.fleet, context, context.topology.datacenter("d"))
    assert proven(place) == f"Kafka 3.9.2, {PROTOCOL} 3.8"
