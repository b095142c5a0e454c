"""What mirrors made of an exercise's topics goes with them, whatever the exercise is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.file import parse as lab_of
from lab.learning.progress import Progress
from lab.topology import build
from scripts.clients.kafka import Cluster
from scripts.learning import removal, reset as reset_module
from scripts.learning.look import looking
from scripts.learning.reset import reset
from tests.fakes import FakeHost
from tests.scripts.learning.fakes import THERE, a_lab, instance
from tests.scripts.learning.test_removal import REFRESH, World, world

BROKERS = [f"ann-dc{number}-kafka01" for number in (1, 2, 3)]


def chained(*mirrors: Mapping[str, Any]) -> Any:
    names = ("dc1", "dc2", "dc3")
    return build(lab_of({
        "owner": "ann", "mirrors": list(mirrors),
        "links": [{"between": ["dc1", "dc2"]}, {"between": ["dc2", "dc3"]}],
        "datacenters": [{"name": name, "cidr": f"10.{number}.0.0/24", "kafka": 1, "zookeeper": 1,
                         "control": 0, "connect": 1}
                        for number, name in enumerate(names, 1)],
    }).lab)


def was_reset(
    monkeypatch: pytest.MonkeyPatch, state: Path, mirrors: Sequence[Mapping[str, Any]],
    stopped: Sequence[str] = (),
) -> tuple[list[str], list[tuple[str, Sequence[str], Sequence[str]]]]:
    """What a reset said, and what it removed: datacenter, topics, groups."""
    lab = a_lab(monkeypatch, state, THERE)
    lab.topology = chained(*mirrors)
    lab.instances = {host.name: instance(host.name, running=host.name not in stopped)
                     for host in lab.topology.hosts}
    lab.hosts = [FakeHost(name, {"end what is left": "", "start the broker": ""})
                 for name in BROKERS]
    monkeypatch.setattr(Cluster, "wait_healthy", lambda self, timeout: None)
    removed = []

    def remove(site: Any, topics: Sequence[str], groups: Sequence[str], **_: Any) -> list[str]:
        removed.append((site.name, [*topics], [*groups]))
        return [f"{site.name}: topic {one} removed" for one in topics]

    monkeypatch.setattr(removal, "remove", remove)
    monkeypatch.setattr(reset_module, "remove", remove)
    with looking(lab.course(state), copies=True) as look:
        return reset(look), removed


def test_an_exercise_that_is_not_about_mirrors_has_copies_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, removed = was_reset(monkeypatch, tmp_path, [
        {"from": "dc2", "to": "dc3"}, {"from": "dc1", "to": "dc2"}, {"from": "dc2", "to": "dc1"}])
    assert removed == [("dc1", ["t-ann"], ["g-ann"]), ("dc2", ["dc1.t-ann"], ["g-ann"]),
                       ("dc3", ["dc2.dc1.t-ann"], ["g-ann"])]


def test_where_no_mirror_takes_them_nobody_looks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for mirrors in ([{"from": "dc2", "to": "dc1"}],
                    [{"from": "dc1", "to": "dc2", "exclude": ["t-.*"]}]):
        said, removed = was_reset(monkeypatch, tmp_path, mirrors)
        assert [one[0] for one in removed] == ["dc1"] and said == ["dc1: topic t-ann removed"]


def test_copies_in_a_datacenter_that_does_not_run_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said, removed = was_reset(monkeypatch, tmp_path, [{"from": "dc1", "to": "dc2"}],
                              stopped=BROKERS[1:])
    assert [one[0] for one in removed] == ["dc1"]
    assert said[-1] == "dc2: does not run, so copies stay there: dc1.t-ann"


@pytest.mark.parametrize("known", [True, False])
def test_a_copy_does_not_come_back(monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    """Nor where the mirror made it only after the topic was removed."""
    made: World = world(monkeypatch, {"from": "dc1", "to": "dc2"})
    here, there = made.clusters["dc1"], made.clusters["dc2"]
    here.topics, there.topics, there.groups = {"orders"}, {"mine"}, {"shop", "mine"}
    made.pass_by(REFRESH if known else 0)
    made.look()
    sites = made.sites()
    gone = removal.remove(sites["dc1"], ["orders"], [])
    done = removal.remove_copies(sites, {"dc2": ["dc1.orders"], "dc3": ["dc2.dc1.orders"]},
                                 ["shop"], was_there=bool(gone))
    assert "dc2: group shop removed" in done
    made.pass_by(4 * REFRESH)
    assert (there.topics, there.groups) == ({"mine"}, {"mine"})
    before = made.now
    assert removal.remove_copies(sites, {"dc2": ["dc1.orders"]}, ["shop"], was_there=False) == []
    assert made.now == before, "where there was nothing nobody waits"




@pytest.mark.parametrize("again", [0, 2])
def test_a_reset_forgets_all_but_the_language_and_which_time_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, again: int
) -> None:
    course = a_lab(monkeypatch, tmp_path, THERE).course(tmp_path)
    course.keep(Progress(started=1.0, answers={"who": "1"}, again=again, language="ko"))
    was_reset(monkeypatch, tmp_path, [])
    assert course.progress == Progress(language="ko")
    course.keep(Progress(started=1.0))
    was_reset(monkeypatch, tmp_path, [])
    assert not list((tmp_path / "exercises").iterdir())
