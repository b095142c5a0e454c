"""A cluster comes to another version of Kafka under load, and back until that is finalised."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, killed_at_last, until
from tests.e2e.test_scale import ended, numbers, shares

pytestmark = [pytest.mark.host, pytest.mark.area("versions")]

KRAFT = {"control": 0, "metadata": "kraft", "controller": 1, "kafka": 2}
# Each with the versions that it comes to, and what is raised at the end of the first way.
KINDS: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "zookeeper": ({"control": 0, "zookeeper": 1, "kafka": 2}, ("3.8.1", "3.9.2"),
                  r"inter\.broker\.protocol\.version 3\.8 to 3\.9"),
    "kraft": (KRAFT, ("4.1.1", "4.3.1"), r"metadata\.version 27 to 30, .*streams\.version 0 to 1"),
    "kraft from 3.9": (KRAFT, ("3.9.2", "4.1.1", "4.3.1"), r"metadata\.version 21 to 27, "),
}


def come_to(lab: Lab, version: str, finalize: str = "auto", **more: Any) -> None:
    """Say it in the lab file."""
    lab.datacenters = ({**lab.datacenters[0], "version": version, **more},)
    lab.sections["kafka"] = {"finalize": finalize}
    lab.write()


def runs(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = lab.fab("status", "--json").json
    part: dict[str, Any] = found["datacenters"][0]["kafka"]
    return part


def pids(lab: Lab) -> dict[str, int]:
    return {host.name: lab.main_pid(host) for host in lab.topology.hosts}


def refused(lab: Lab, version: str, why: str) -> None:
    """Back to it is refused, and nothing is touched."""
    kept = lab.datacenters[0]["version"]
    before = pids(lab)
    come_to(lab, version)
    for task in ("plan", "up"):
        assert re.search(why, lab.fab(task, expect=1).err.replace("\n", " "))
    assert pids(lab) == before
    come_to(lab, str(kept))
    assert lab.fab("plan").out.splitlines()[-1] == "plan: nothing to do"


def test_one_host_comes_to_a_newer_version_and_not_back(make_lab: MakeLab) -> None:
    shape = {"control": 0, "metadata": "kraft", "combined": 1, "kafka": 1, "version": "4.1.1"}
    lab = make_lab("newer", first=160, port_base=19200, datacenters=(shape,))
    lab.fab("up")
    come_to(lab, "4.3.1")
    plan = lab.fab("plan", expect=2).out
    assert re.search(r"^dc1: from Kafka 4\.1\.1 to 4\.3\.1\n  1\. .*\n  2\. finalised, metadata",
                     plan, re.MULTILINE), plan
    assert plan.rstrip().endswith("1 restart, 1 release to finalise")
    assert "`fab up` first" in lab.fab("kafka.finalize", expect=1).err
    come_to(lab, "4.3.1", "by hand")
    assert "note: dc1: Kafka 4.3.1 waits to be finalised" in lab.fab("up").out
    before = pids(lab)
    plan = lab.fab("--dry", "kafka.finalize").out
    assert plan.rstrip().endswith("0 restarts, 1 release to finalise"), plan
    run = lab.fab("kafka.finalize")
    assert re.search(r"^dc1: Kafka 4\.3\.1 is finalised: metadata\.version 27 to 30, ", run.out,
                     re.MULTILINE), run
    assert "is finalised already" in lab.fab("kafka.finalize").out
    assert pids(lab) == before
    come_to(lab, "4.3.1")
    assert "in order, nothing to do" in lab.fab("up").out
    assert re.search(r"kafka +release +ok +Kafka 4\.3\.1, metadata\.version 30 ",
                     lab.fab("verify").out)
    refused(lab, "4.1.1", r"metadata\.version 30, .* are finalised, and Kafka 4\.1\.1 knows")


@pytest.mark.full("versions", sample=0)
@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_comes_to_newer_versions_under_load(make_lab: MakeLab, kind: str) -> None:
    shape, (first, second, *further), raised = KINDS[kind]
    lab = make_lab("versions", first=161, port_base=19400,
                   datacenters=({**shape, "version": first},))
    lab.fab("up")
    load = lab.start("load", "--topic", "orders", "--rate", "100")
    with killed_at_last(load):
        by_hand(lab, first, second, raised)
        back_and_forward(lab, first, second, raised)
        for version in further:
            drilled(lab, version)
            refused(lab, second, "finalised")
        count = ended(load)
    assert numbers(lab, "orders") == Counter(range(count)), "none lost, none twice"
    lab.fab("verify")


def by_hand(lab: Lab, first: str, second: str, raised: str) -> None:
    """Killed in the middle of the roll and completed; then it waits, and nothing else is to do."""
    come_to(lab, second, "by hand")
    plan = lab.fab("plan", expect=2).out
    assert re.search(rf"from Kafka {first} to {second}\n.*\n  2\. `fab kafka\.finalize`.*{raised}",
                     plan), plan
    lab.kill_when(r"kafka0\d: restart kafka", "up")
    lab.fab("up")
    waits = rf"note: dc1: Kafka {second} waits to be finalised \({raised}.*kafka\.finalize"
    plan = lab.fab("plan").out
    assert re.search(waits, plan) and plan.splitlines()[-1] == "plan: nothing to do", plan
    assert re.search(rf"dc1: Kafka {second}, .* waits to be finalised", lab.fab("status").out)
    assert (runs(lab)["running"], bool(runs(lab)["not_finalised"])) == ([second], True)
    assert re.search("kafka +release +ok .*waits to be finalised", lab.fab("verify").out)


def back_and_forward(lab: Lab, first: str, second: str, raised: str) -> None:
    """Back to where it was, and for good to the newer one, killed again on the way."""
    come_to(lab, first)
    assert f"back from Kafka {second} to {first}" in lab.fab("plan", expect=2).out
    lab.fab("up")
    assert (runs(lab)["running"], runs(lab)["not_finalised"]) == ([first], "")
    come_to(lab, second)
    lab.kill_when("(?s)restart kafka.*restart kafka", "up")
    run = lab.fab("up")
    assert re.search(rf"^dc1: Kafka {second} is finalised: {raised}", run.out, re.MULTILINE), run
    assert "in order, nothing to do" in lab.fab("up").out
    assert (runs(lab)["running"], runs(lab)["not_finalised"]) == ([second], "")
    refused(lab, first, "finalised")


def drilled(lab: Lab, version: str) -> None:
    come_to(lab, version)
    run = lab.fab("drill.upgrade", "--rate", "300", "--duration", "3")
    assert "no acknowledged records were lost" in run.out
    (*_, path) = sorted((lab.state / "drills").glob("*-upgrade-*.json"))
    score = json.loads(path.read_text())["score"]
    assert (score["lost"], score["skipped"], score["order_violations"]) == (0, 0, 0)
    assert runs(lab)["running"] == [version]
    assert "as its lab file says" in lab.fab("drill.upgrade", expect=2).err


# Four brokers of which one goes, the versions, and what is raised when it has gone.
FEWER: dict[str, tuple[dict[str, Any], tuple[str, str], str]] = {
    "zookeeper": ({"control": 0, "zookeeper": 1, "kafka": 4}, ("3.8.1", "3.9.2"),
                  r"inter\.broker\.protocol\.version 3\.8 to 3\.9"),
    "kraft": ({**KRAFT, "kafka": 4}, ("4.1.1", "4.3.1"), r"metadata\.version 27 to 30"),
}


@pytest.mark.full("versions", sample=0)
@pytest.mark.parametrize("kind", FEWER)
def test_a_broker_leaves_in_the_edit_that_brings_a_newer_version(
    make_lab: MakeLab, kind: str
) -> None:
    """It would understand the others no more once they are finalised: so it goes before. Killed
    while it is emptied, too."""
    shape, (first, second), raised = FEWER[kind]
    lab = make_lab("versions", first=161, port_base=19400,
                   datacenters=({**shape, "version": first},))
    lab.fab("up")
    gone = lab.of("kafka")[3]
    load = lab.start("load", "--topic", "orders", "--rate", "100")
    with killed_at_last(load):
        until(lambda: shares(lab)[0][gone.number], "the fourth broker has something")
        come_to(lab, second, kafka=3)
        plan = lab.fab("plan", expect=2).out
        phases = (rf"^dc1: from Kafka {first} to {second}\n  1\. .*\n"
                  rf"  2\. once {gone.name} is removed, finalised, {raised}")
        assert re.search(phases, plan, re.MULTILINE), plan
        assert f"- host {gone.name} (kafka of dc1)" in plan
        lab.kill_when("(?s)restart kafka -> 0.*restart kafka -> 0.*restart kafka -> 0",
                      "up", "--yes")
        waits = rf"^note: dc1: Kafka {second} is not finalised \(.*\) before {gone.name} has left"
        assert re.search(waits, lab.fab("--dry", "kafka").out, re.MULTILINE)
        assert f"{gone.name} has to leave first" in lab.fab("kafka.finalize", expect=1).err
        run = lab.fab("up", "--yes")
        told = rf"{waits}.*removed host {gone.name}.*^dc1: Kafka {second} is finalised: {raised}"
        assert re.search(told, run.out, re.MULTILINE | re.DOTALL), run
        assert "in order, nothing to do" in lab.fab("up").out
        count = ended(load)
    assert numbers(lab, "orders") == Counter(range(count)), "none lost, none twice"
    assert (runs(lab)["running"], runs(lab)["not_finalised"]) == ([second], "")
    assert shares(lab)[0].keys() == {1, 2, 3}
    lab.fab("verify")


PAIR = (
    {"control": 1, "version": "3.8.1", "zookeeper": 3, "kafka": 2},
    {"control": 1, "version": "4.1.1", "metadata": "kraft", "controller": 3, "kafka": 2},
)


@pytest.mark.full("versions", sample=0)
def test_a_mirrored_pair_comes_to_newer_versions_at_once(make_lab: MakeLab) -> None:
    """ZooKeeper here, three controllers there, and a mirror each way; all that was written here is
    there in the end."""
    lab = make_lab(
        "versions", first=161, port_base=26000, datacenters=PAIR, links=[("dc1", "dc2")],
        mirrors=[{"from": "dc1", "to": "dc2"}, {"from": "dc2", "to": "dc1"}],
    )
    lab.fab("up")
    load = lab.start("load", "--datacenter", "dc1", "--topic", "orders", "--rate", "100")
    with killed_at_last(load):
        lab.datacenters = tuple({**shape, "version": version} for shape, version in zip(
            PAIR, ("3.9.2", "4.3.1"), strict=True))
        lab.write()
        plan = lab.fab("plan", expect=2).out
        turns = re.findall(r"^  (ann-dc2-kraft0\d) controller( \(leader\))?$", plan, re.MULTILINE)
        assert [bool(leads) for _, leads in turns] == [False, False, True], plan
        lab.kill_when("restart controller -> 0", "up")
        lab.kill_when("(?s)restart kafka -> 0.*restart kafka -> 0", "up")
        run = lab.fab("up")
        for line in ("dc1: Kafka 3.9.2 is finalised: inter.broker.protocol.version 3.8 to 3.9",
                     "dc2: Kafka 4.3.1 is finalised: metadata.version 27 to 30"):
            assert f"\n{line}" in run.out, run
        assert "in order, nothing to do" in lab.fab("up").out
        count = ended(load)
    assert numbers(lab, "orders") == Counter(range(count)), "none lost, none twice"
    until(lambda: numbers(lab, "dc1.orders", "dc2").keys() == {*range(count)}, "all are there")
    assert lab.fab("mirror.status", "--json").json["healthy"]
    lab.fab("verify")
