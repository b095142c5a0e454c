"""The lab file against the lab that runs: what changes is done without a loss, or refused by `plan`
and `up` alike before anything is touched."""

from __future__ import annotations

import re

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from tests.e2e.clients import Client
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, Run, answers

pytestmark = pytest.mark.host

ONE = {"control": 0, "zookeeper": 1, "kafka": 1}
RECORDS = [str(number) for number in range(200)]
MODE = "exec 3<>/dev/tcp/127.0.0.1/2181; printf srvr >&3; cat <&3\n"
# Each line of the log at which a run that makes an ensemble grow is killed.
POINTS = (
    r"zk02: change -> 0", r"zk01: change -> 0", r"zk01: restart zookeeper -> 0",
    r"zk03: change -> 0", r"zk02: restart zookeeper -> 0", r"kafka01: change -> 0",
)


@pytest.fixture(scope="module")
def changing(make_lasting: MakeLab) -> Lab:
    """Two small datacenters; the first one has three brokers, and a topic on the third."""
    lab = make_lasting("file", first=20, port_base=22000, datacenters=(
        {"control": 0, "zookeeper": 1, "kafka": 3}, ONE,
    ))
    lab.fab("up")
    client(lab).make("kept", 6)
    client(lab).write("kept", RECORDS)
    return lab


def client(lab: Lab) -> Client:
    return Client(lab.bootstrap())


def kept(lab: Lab) -> list[str]:
    return client(lab).read("kept", {0: RECORDS[-1]})[0]


def change(lab: Lab, *datacenters: dict[str, int]) -> None:
    lab.datacenters = datacenters
    lab.write()


def refused(lab: Lab, words: str) -> Run:
    """`plan` and `up` refuse with the same words, and nothing is touched."""
    before = lab.main_pids()
    plan, up = lab.fab("plan", expect=1), lab.fab("up", expect=1)
    for run in (plan, up):
        assert re.search(words, run.err.replace("\n", " ")), run
    assert lab.main_pids() == before
    return plan


def in_order(lab: Lab) -> None:
    lab.fab("verify")
    assert lab.fab("plan").out.splitlines()[-1] == "plan: nothing to do"
    assert kept(lab) == RECORDS


def test_a_datacenter_that_is_taken_out_locks_nobody_out(changing: Lab) -> None:
    """The gateway that hosts let in is that of the network, whichever datacenters the file has."""
    hosts = changing.topology.hosts
    change(changing, {"control": 0, "zookeeper": 1, "kafka": 3})
    before = changing.main_pids("dc1")
    assert "nobody here to ask whether ann-dc2-zk01, ann-dc2-kafka01 with all their data may be " \
           "removed (say so with --yes)" in changing.fab("up", expect=2).err
    changing.fab("up", "--datacenter", "dc1")
    assert all(answers(host.ssh_port) for host in hosts)
    assert changing.main_pids("dc1") == before
    assert ("surplus: ann-dc2-kafka01 (kafka of dc2) is of this lab but not in the lab file; "
            "`fab up` removes it, runs") in changing.fab("status").out
    changing.fab("verify")
    assert kept(changing) == RECORDS


def test_a_datacenter_that_does_not_fit_into_the_network_is_refused(changing: Lab) -> None:
    change(changing, {"control": 0, "zookeeper": 1, "kafka": 3}, ONE, ONE)
    refused(changing, r"dc3: 10\.30\.22\.0/24 is not in the lab's network 10\.30\.20\.0/23")
    change(changing, {"control": 0, "zookeeper": 1, "kafka": 3}, ONE)
    in_order(changing)


def test_a_host_cannot_be_another_one(changing: Lab) -> None:
    """A nickname is part of every name: its change would be a second lab at the same addresses."""
    text = changing.file.read_text()
    changing.file.write_text(text.replace('"ann"', '"kisu"'))
    plan = changing.fab("plan", expect=1)
    assert re.search(r"kisu-dc1-\S+: would need the address or port of ann-dc1-\S+, .* \d more",
                     plan.err), plan
    assert re.search(r"lost with it: \d topics? of dc1 \(kept", plan.out), plan
    assert "surplus: ann-dc1-kafka01 (kafka of dc1)" in plan.out
    assert changing.fab("up", expect=1).err.splitlines()[0].split(": ", 1)[1] in plan.err
    changing.file.write_text(text)


@pytest.mark.parametrize("point", [
    pytest.param(one, marks=pytest.mark.full("kills", sample=1)) for one in POINTS
])
def test_an_ensemble_grows_and_keeps_what_it_has(point: str, make_lab: MakeLab) -> None:
    """Also when the run is killed in between."""
    lab = make_lab("grows", first=30, port_base=26000, datacenters=(ONE,))
    lab.fab("up")
    client(lab).make("kept", 1)
    client(lab).write("kept", RECORDS)
    change(lab, {**ONE, "zookeeper": 3})
    plan = lab.fab("plan", expect=2).out
    assert "ann-dc1-zk02 joins server 1 of dc1, restarted one at a time\n" in plan
    assert "ann-dc1-zk03 joins servers 1, 2 of dc1, restarted one at a time\n" in plan
    lab.kill_when(point, "up")
    assert kept(lab) == RECORDS
    lab.fab("up")
    in_order(lab)
    assert sum("leader" in lab.inside(host, MODE) for host in lab.of("zookeeper")) == 1
    change(lab, {**ONE, "zookeeper": 1})
    plan = refused(lab, "dc1: its ZooKeeper ensemble of 3 servers would become one of 1: ")
    assert "lost with the lab as it is now: 4 hosts\n" in plan.out
    assert re.search(r"lost with it: \d topics? of dc1 \(kept", plan.out), plan
    assert "nobody here to ask" in lab.fab("up", "--replace", expect=2).err
    assert kept(lab) == RECORDS
    lab.fab("up", "--replace", "--yes", "verify")
    assert lab.fab("plan").out.splitlines()[-1] == "plan: nothing to do"
    assert "kept" not in client(lab).topics()


def test_a_lab_of_another_name_is_told_whose_ports_it_wants(make_lab: MakeLab) -> None:
    lab = make_lab("grows", first=30, port_base=26000, datacenters=(ONE,))
    lab.fab("up")
    text = lab.file.read_text()
    lab.file.write_text(text.replace('"e2e-grows"', '"e2e-renamed"'))
    try:
        told_and_ended(lab)
    finally:
        lab.file.write_text(text)
    assert lab.leftovers() == []


def told_and_ended(lab: Lab) -> None:
    plan, up = lab.fab("plan", expect=1), lab.fab("up", expect=1)
    has = (r"the lab e2e-grows with 2 hosts has port 26021 of 127\.0\.0\.1 \(SSH of ann-dc1-zk01\) "
           r"and the network .* `fab down --lab e2e-grows`")
    assert re.search(has, plan.err) and re.search(has, up.err), (plan, up)
    assert "would remove container e2e-grows.ann-dc1-zk01" in lab.fab(
        "--dry", "down", "--lab", "e2e-grows").out
    assert "no other lab 'e2e-grown'" in lab.fab("down", "--lab", "e2e-grown", expect=2).err
    assert "nothing of e2e-grows is left" in lab.fab("down", "--lab", "e2e-grows").out


@pytest.mark.parametrize("before, after", [
    pytest.param(*pair, marks=pytest.mark.full("kills", sample=0)) for pair in ((3, 5), (1, 2))
])
def test_an_ensemble_of_another_size_grows(before: int, after: int, make_lab: MakeLab) -> None:
    lab = make_lab("grows", first=30, port_base=26000, datacenters=({**ONE, "zookeeper": before},))
    lab.fab("up")
    client(lab).make("kept", 1)
    client(lab).write("kept", RECORDS)
    change(lab, {**ONE, "zookeeper": after})
    lab.fab("up")
    in_order(lab)
    modes = [lab.inside(host, MODE) for host in lab.of("zookeeper")]
    assert sum("Mode: leader" in mode for mode in modes) == 1
    assert sum("Mode: follower" in mode for mode in modes) == after - 1


def test_a_broker_that_the_file_has_no_more_and_that_cannot_go_is_found_by_its_name(
    changing: Lab
) -> None:
    """It goes on leading: what it has finds no room on two brokers. All say so."""
    third = changing.of("kafka")[2]
    admin = AdminClient({"bootstrap.servers": changing.bootstrap()})
    for future in admin.create_topics([NewTopic("wide", 1, 3)]).values():
        future.result(30)
    change(changing, {"control": 0, "zookeeper": 1, "kafka": 2}, ONE)
    refused(changing, r"dc1: broker 3 cannot give away what it has: .*wide.* more replicas than "
                      r"the 2 brokers that stay \(say kafka = 3 again, give these topics fewer")
    surplus = (r"surplus: ann-dc1-kafka03 \(kafka of dc1\) is of this lab but not in the lab file; "
               r"`fab up` empties and removes it, runs: broker 3, with replicas of \d+ partitions? "
               r"\(.*kept-\d")
    problem = "broker 3 (ann-dc1-kafka03) is surplus: the lab file has it no more, with replicas of"
    status = changing.fab("status", expect=1)
    assert f"problem: dc1: {problem}" in status.out and re.search(surplus, status.out), status
    (one,) = changing.fab("status", "--json", expect=1).json["surplus"]
    assert one["broker"] == 3 and any(name.startswith("kept-") for name in one["partitions"])
    failed = [line for line in changing.fab("verify", expect=1).lines if "failed: " in line]
    assert len(failed) == 1 and failed[0].startswith(f"failed: dc1: no surplus broker: {problem}")
    assert kept(changing) == RECORDS
    stopped = changing.fab("lab.stop")
    assert "6 hosts stopped" in stopped.out and not answers(third.ssh_port), stopped
    changing.fab("lab.start")
    assert kept(changing) == RECORDS
    change(changing, {"control": 0, "zookeeper": 1, "kafka": 4}, ONE)
    more = changing.fab("plan", expect=2).out
    # The one that nobody looked after meanwhile has another file than those that agree.
    assert more.count("+++ /etc/hosts (wanted)") == 2 and "~ 5 hosts: ann-dc1-zk01, " in more, more
    change(changing, {"control": 0, "zookeeper": 1, "kafka": 3}, ONE)
    changing.fab("up")
    in_order(changing)


def test_another_domain_is_rolled_through_the_brokers(changing: Lab) -> None:
    """Who has not restarted yet is known by its old name until it has."""
    text = changing.file.read_text()
    changing.file.write_text(f'domain = "new.example"\n{text}')
    changing.fab("up")
    broker = changing.of("kafka")[0]
    in_order(changing)
    hosts = changing.inside(broker, "cat /etc/hosts")
    assert "ann-dc1-kafka03.new.example" in hosts and "lab.internal" not in hosts


def test_a_datacenter_that_is_taken_out_is_removed_when_somebody_agrees(changing: Lab) -> None:
    """Also when the run is killed while it goes; the other one notices nothing."""
    gone, text = changing.topology.datacenter("dc2").hosts, changing.file.read_text()
    changing.file.write_text(text.partition('\n[[datacenters]]\nname = "dc2"')[0] + "\n")
    plan = changing.fab("plan", expect=2).out
    for host in gone:
        said = (rf"^- host {host.name} \({host.role} of dc2\) at {host.address}, [\d.]+[kM]B on "
                "its disk: its datacenter leaves the lab$")
        assert re.search(said, plan, re.M), plan
    assert re.search(r"^lost with it: \d topics? of dc2", plan, re.M), plan
    assert re.search(r"^plan: 0 hosts to create, \d to change, 2 to remove, ", plan, re.M), plan
    before = changing.main_pids()
    changing.kill_when(r"ann-dc2-kafka01: stop kafka.service -> 0", "up", "--yes")
    run = changing.fab("up", "--yes")
    assert "removed host ann-dc2-kafka01" in run.out, run
    left = changing.leftovers()
    assert not any("-dc2-" in one for one in left), left
    assert not any(answers(host.ssh_port) for host in gone)
    assert changing.main_pids() == before
    in_order(changing)
    hosts = changing.inside(changing.of("kafka")[0], "cat /etc/hosts")
    assert "-dc2-" not in hosts
