"""The lab file against the lab that runs: what changes is done without a loss, or refused by `plan`
and `up` alike before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.clients import Client
from tests.e2e.conftest import MakeLab, remove
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
def changing(_make_lab: MakeLab) -> Iterator[Lab]:
    """Two small datacenters; the first one has three brokers, and a topic on the third."""
    lab = _make_lab("file", first=20, port_base=33000, datacenters=(
        {"control": 0, "zookeeper": 1, "kafka": 3}, ONE,
    ))
    try:
        lab.fab("up")
        client(lab).make("kept", 6)
        client(lab).write("kept", RECORDS)
        yield lab
    finally:
        remove(lab)


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
    run = changing.fab("up")
    assert "is of this lab but not in the lab file; left alone" in run.out
    assert all(answers(host.ssh_port) for host in hosts)
    in_order(changing)


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
    assert changing.fab("up", expect=1).err.splitlines()[0].split(": ", 1)[1] in plan.err
    changing.file.write_text(text)


@pytest.mark.parametrize("point", [
    pytest.param(one, marks=pytest.mark.full("kills", sample=1)) for one in POINTS
])
def test_an_ensemble_grows_and_keeps_what_it_has(point: str, make_lab: MakeLab) -> None:
    """Also when the run is killed in between."""
    lab = make_lab("grows", first=30, port_base=36000, datacenters=(ONE,))
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
    refused(lab, "dc1: its ZooKeeper ensemble of 3 servers would become one of 1: ")
    change(lab, {**ONE, "zookeeper": 3})


@pytest.mark.parametrize("before, after", [
    pytest.param(*pair, marks=pytest.mark.full("kills", sample=0)) for pair in ((3, 5), (1, 2))
])
def test_an_ensemble_of_another_size_grows(before: int, after: int, make_lab: MakeLab) -> None:
    lab = make_lab("grows", first=30, port_base=36000, datacenters=({**ONE, "zookeeper": before},))
    lab.fab("up")
    client(lab).make("kept", 1)
    client(lab).write("kept", RECORDS)
    change(lab, {**ONE, "zookeeper": after})
    lab.fab("up")
    in_order(lab)
    modes = [lab.inside(host, MODE) for host in lab.of("zookeeper")]
    assert sum("Mode: leader" in mode for mode in modes) == 1
    assert sum("Mode: follower" in mode for mode in modes) == after - 1


def test_a_broker_that_the_file_has_no_more_is_found_by_its_name(changing: Lab) -> None:
    """It goes on leading until somebody moves its replicas: plan says which."""
    change(changing, {"control": 0, "zookeeper": 1, "kafka": 2}, ONE)
    plan = changing.fab("plan", expect=2).out
    note = re.search(r"note: dc1: broker 3, no longer in the lab file, runs on with replicas of "
                     r"(\d+) partitions \(.*kept-\d", plan)
    assert note, plan
    began = changing.fab("up")
    assert began.seconds < 120, began
    in_order(changing)
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
