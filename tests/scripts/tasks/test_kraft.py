"""What `fab kraft` says of each stage, and what its tasks refuse before they do anything."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from lab.migration.stages import Stage
from lab.migration.world import Node
from scripts.errors import LabError, UsageError
from scripts.tasks import kraft
from tests.lab.test_migration import BROKERS, DATACENTER, HOSTS, topology, world


@pytest.mark.parametrize(("stage", "ahead", "back"), [
    (Stage.ZOOKEEPER, "fab kraft.migrate: start controllers beside ZooKeeper", "-"),
    (Stage.PREPARED, "fab kraft.migrate: restart brokers with both", "fab kraft.back"),
    (Stage.DUAL_WRITE, "fab kraft.migrate: restart brokers with KRaft", "fab kraft.back"),
    (Stage.BROKERS, "fab kraft.finish: restart controllers without", "fab kraft.back"),
    (Stage.FINISHED, "-", "no"),
])
def test_each_stage_says_what_is_next_and_whether_there_is_a_way_back(
    stage: Stage, ahead: str, back: str
) -> None:
    row = kraft._row(DATACENTER, world(stage))
    assert row[:2] == ("d", stage.words)
    assert row[2].startswith(ahead) and row[3] == back


def test_a_way_back_that_was_cut_off_is_told() -> None:
    found = world(Stage.DUAL_WRITE)
    cut = replace(found, nodes={n: replace(one, controller="") for n, one in found.nodes.items()})
    _, where, ahead, back = kraft._row(DATACENTER, cut)
    assert where.startswith("on the way back") and "`fab kraft.back` completes it" in ahead
    assert back == "fab kraft.back"


def test_what_is_between_two_stages_is_counted() -> None:
    found = world(Stage.PREPARED)
    some = replace(found, nodes={**found.nodes, BROKERS[0]: Node(broker="both"),
                                 HOSTS[0]: Node(server=True)})
    assert kraft._row(DATACENTER, some)[1] == (
        "between stages: brokers: 2 with ZooKeeper, 1 with both; controllers: 2 of 3")


def test_datacenters_that_do_not_move_are_told_in_a_word() -> None:
    assert kraft._row(DATACENTER, None)[1:] == ("with KRaft", "-", "-")
    stays = replace(DATACENTER, config=DATACENTER.config.model_copy(
        update={"metadata": "zookeeper"}))
    assert kraft._row(stays, world(Stage.ZOOKEEPER, stays))[1:] == ("in ZooKeeper", "-", "-")
    _, _, ahead, back = kraft._row(stays, world(Stage.BROKERS, stays))
    assert ahead == "fab kraft.back: the lab file has it in ZooKeeper" and back == "fab kraft.back"


def session(**more: Any) -> Any:
    lab = topology()
    return SimpleNamespace(
        topology=lab, select=lambda datacenter, host: lab.hosts,
        datacenters=lambda hosts: more.get("datacenters", lab.datacenters), say=print,
    )


def test_the_end_needs_the_labs_name(monkeypatch: pytest.MonkeyPatch) -> None:
    kraft._agreed(session(), ["d"], "kafkalab")
    with pytest.raises(UsageError, match="not the lab's name; nothing was changed"):
        kraft._agreed(session(), ["d"], "another")
    with pytest.raises(UsageError, match=r"nobody here to type .* \(give it with --yes NAME\)"):
        kraft._agreed(session(), ["d"], "")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda question: f" {question.split()[-1][:-1]} ")
    kraft._agreed(session(), ["d"], "")


def test_only_what_the_lab_file_moves_is_moved() -> None:
    plain = SimpleNamespace(name="p", config=SimpleNamespace(kraft=False, count=lambda role: 3),
                            by_role=lambda role: (role,))
    with pytest.raises(LabError, match="p: the lab file does not move its metadata"):
        kraft._moving(session(datacenters=(plain,)), None)
    both = session(datacenters=(plain, DATACENTER))
    assert kraft._moving(both, None) == [DATACENTER]
    with pytest.raises(LabError, match="p: the lab file does not move its metadata"):
        kraft._moving(both, "p,d")
    assert kraft._moving(both, None, anyway=True) == [plain, DATACENTER]


def test_a_stage_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--until end \(accepted: prepared, dual-write\)"):
        kraft.migrate.body.__wrapped__(session(), until="end")
