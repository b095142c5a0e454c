"""Versions of Kafka and where they keep their metadata: each comes up, is whole, and stays so."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest

from lab import kraft
from lab.topology import Host
from tests.e2e.clients import Client
from tests.e2e.conftest import FAILED, MakeLab
from tests.e2e.lab_under_test import Lab, until

pytestmark = [pytest.mark.host, pytest.mark.area("versions")]

BOOK = {"control": 1, "version": "3.9.2", "zookeeper": 1, "kafka": 1}
TODAY = {"control": 1, "version": "4.3.1", "metadata": "kraft", "controller": 3, "kafka": 2}
QUORUM = "/usr/local/kafka/bin/kafka-metadata-quorum.sh --bootstrap-controller {}:9093 "
RECORDS = [str(number) for number in range(100)]
# Every version that the lab file takes, each with what is special about it.
OTHERS = (
    {"version": "3.7.2", "zookeeper": 1}, {"version": "3.8.1", "zookeeper": 1},
    {"version": "3.9.1", "zookeeper": 1}, {"version": "3.9.2", "metadata": "kraft", "combined": 1},
    {"version": "3.9.1", "metadata": "kraft", "controller": 1},
    {"version": "4.1.1", "metadata": "kraft", "combined": 1},
)


@pytest.fixture(scope="module")
def _pair(make_lasting: MakeLab) -> Lab:
    """A book's datacenter and one of today, mirrored both ways."""
    lab = make_lasting(
        "pair", first=140, port_base=21200, datacenters=(BOOK, TODAY), links=[("dc1", "dc2")],
        mirrors=[{"from": "dc1", "to": "dc2"}, {"from": "dc2", "to": "dc1"}],
    )
    lab.fab("up")
    return lab


@pytest.fixture
def pair(request: pytest.FixtureRequest, _pair: Lab) -> Iterator[Lab]:
    yield _pair
    _pair.datacenters = (BOOK, TODAY)
    _pair.write()
    if request.node.stash.get(FAILED, False):
        _pair.fab("up")


def quorum(lab: Lab, datacenter: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = lab.fab("status", "--json", expect=None).json
    part: dict[str, Any] = found["datacenters"][datacenter]["controller"]
    return part


def leader(lab: Lab, datacenter: int = 1) -> Host:
    name = quorum(lab, datacenter)["leader"]
    return next(host for host in lab.topology.hosts if host.name == name)


def in_order(lab: Lab) -> None:
    assert lab.fab("plan").out.splitlines()[-1] == "plan: nothing to do"
    lab.fab("status")
    lab.fab("verify")


def test_the_pair_is_whole_and_a_second_run_changes_nothing(pair: Lab) -> None:
    before = pair.main_pids("dc2")
    assert "hosts in order, nothing to do" in pair.fab("up").out
    proven = pair.fab("verify").out
    told = r"controller +quorum +ok +300\d leads, 3001, 3002, 3003 vote, 2 brokers follow"
    assert re.search(told, proven), proven
    shown = pair.fab("status").out
    assert re.search(r"dc2: quorum of 3, controller 300\d leads in epoch \d+, \d+ records?", shown)
    assert pair.main_pids("dc2") == before


def test_records_cross_both_ways(pair: Lab) -> None:
    old, new = Client(pair.bootstrap("dc1")), Client(pair.bootstrap("dc2"))
    values = old.write("old", RECORDS)
    assert new.read("dc1.old", {0: values[-1]})[0] == values
    values = new.write("new", RECORDS)
    assert old.read("dc2.new", {0: values[-1]})[0] == values


def test_each_datacenter_has_its_own_software_and_tools(pair: Lab) -> None:
    for datacenter, version in (("dc1", "3.9.2"), ("dc2", "4.3.1")):
        (control,) = pair.of("control", datacenter)
        said = pair.inside(control, "/usr/local/kafka/bin/kafka-topics.sh --version")
        assert said.startswith(version)
        (broker, *_) = pair.of("kafka", datacenter)
        command = pair.inside(broker, "tr '\\0' ' ' < /proc/$(systemctl show -p MainPID --value "
                                      "kafka)/cmdline")
        assert f"kafka_2.13-{version}/" in command
        log = pair.inside(broker, "cat /var/log/kafka/server.log")
        assert "started (kafka.server." in log, "logging is set in this version, too"


def test_kafka_itself_sees_the_quorum_as_the_lab_does(pair: Lab) -> None:
    """And the features that the release begins with: nothing was left at an older level."""
    control, first = pair.of("control", "dc2")[0], pair.of("controller", "dc2")[0]
    told = pair.inside(control, QUORUM.format(first.fqdn) + "describe --status")
    seen = quorum(pair)
    assert re.search(rf"LeaderId: +{dict(_ids(pair))[seen['leader']]}\n", told), told
    assert len(re.findall(r'"endpoints": \["CONTROLLER://', told)) == 3, told
    script = "/usr/local/kafka/bin/kafka-features.sh --bootstrap-controller {}:9093 describe"
    levels = dict(re.findall(r"Feature: (\S+) .*FinalizedVersionLevel: (\S+)",
                             pair.inside(control, script.format(first.fqdn))))
    mapped = pair.inside(control, "/usr/local/kafka/bin/kafka-features.sh "
                                  "--bootstrap-controller x:1 version-mapping")
    wanted = dict(re.findall(r"^([a-z.]+)=(\d+)", mapped, re.MULTILINE))
    assert wanted.keys() >= {"metadata.version", "group.version"}
    assert dict(kraft.features("4.3.1")) == {
        name: int(level) for name, level in wanted.items()
        if int(level) and name != "kraft.version"
    }
    assert levels["metadata.version"] == "4.3-IV0"
    for name in wanted.keys() - {"metadata.version"}:
        assert levels[name] == wanted[name]


def _ids(lab: Lab) -> Iterator[tuple[str, int]]:
    for host in lab.of("controller", "dc2"):
        yield host.name, 3000 + host.number


def test_controllers_restart_one_at_a_time_and_the_leader_last(pair: Lab) -> None:
    first = leader(pair)
    pair.sections["controller"] = {"heap_mb": 100}
    pair.write()
    plan = pair.fab("plan", expect=2).out
    turns = re.findall(r"^  (\S+) controller( \(leader\))?$", plan, re.MULTILINE)
    assert [bool(note) for _, note in turns] == [False, False, True] and turns[-1][0] == first.name
    before = {host.name: pair.main_pid(host) for host in pair.of("controller", "dc2")}
    assert "3 services restarted one at a time" in pair.fab("up").out
    after = {host.name: pair.main_pid(host) for host in pair.of("controller", "dc2")}
    assert not {*before.values()} & {*after.values()}
    in_order(pair)


def test_a_controller_that_is_killed_comes_back_and_another_one_leads(pair: Lab) -> None:
    first, values = leader(pair), Client(pair.bootstrap("dc2")).write("kept", RECORDS)
    marks = pair.inside(first, "cat /data/controller/meta.properties")
    before = pair.main_pid(first)
    pair.inside(first, "systemctl kill -s KILL controller.service")
    until(lambda: pair.main_pid(first) not in (0, before), "it is started again")
    until(lambda: len(quorum(pair)["followers"]) == 2 and quorum(pair)["leader"], "a whole quorum")
    assert pair.inside(first, "cat /data/controller/meta.properties") == marks
    # A unit that was restarted is in order when it has stayed up for a while.
    until(lambda: pair.fab("plan", expect=None).status == 0, "its restart is over")
    in_order(pair)
    assert Client(pair.bootstrap("dc2")).read("kept", {0: values[-1]})[0] == values


def test_the_quorums_leader_dies_under_load(pair: Lab) -> None:
    run = pair.fab("drill.controller", "--datacenter", "dc2", "--rate", "300", "--duration", "3")
    assert "no acknowledged records were lost" in run.out
    for words, hint in (
        (("drill.zookeeper", "--datacenter", "dc2"), "drill.controller"),
        (("drill.controller", "--datacenter", "dc1"), "drill.zookeeper"),
        (("drill.broker", "--controller", "--datacenter", "dc2"), "drill.controller"),
    ):
        assert hint in pair.fab(*words, expect=2).err
    in_order(pair)


@pytest.mark.parametrize(("number", "change", "words"), [
    (0, {"metadata": "kraft"}, "its metadata is in ZooKeeper"),
    (1, {"controller": 2}, "with 3 controllers, and the lab takes none out of a quorum"),
    (1, {"controller": 0, "combined": 1}, "with 3 controllers"),
    (1, {"controller": 5}, "its metadata is with the controllers "),
], ids=["to KRaft", "fewer", "combined", "more"])
def test_metadata_moves_nowhere_by_itself(
    pair: Lab, number: int, change: dict[str, Any], words: str
) -> None:
    shapes = [dict(BOOK), dict(TODAY)]
    shapes[number].update(change)
    if "metadata" in change:
        del shapes[number]["zookeeper"]
    pair.datacenters = shapes
    pair.write()
    before, hosts = pair.main_pids("dc2"), containers(pair)
    for task in ("plan", "up"):
        assert words in pair.fab(task, expect=1).err.replace("\n", " ")
    # What they name as the way out asks first, and does not say that there is nothing to replace.
    assert "nobody here to ask" in pair.fab("up", "--replace", expect=2).err
    assert (pair.main_pids("dc2"), containers(pair)) == (before, hosts)


def containers(lab: Lab) -> list[str]:
    label = f"label=kafkalab.lab={lab.name}"
    return sorted(lab.engine.lines("ps", "--all", "--filter", label, "--format", "{{.Names}}"))


def as_kafka_does(lab: Lab, host: Host) -> None:
    """What the first start was given is what Kafka's own tool writes, but for times."""
    data, own = "/data/kafka-logs", "/tmp/formatted"
    marks = dict(line.split("=") for line in lab.inside(
        host, f"grep -v '^#' {data}/meta.properties").split())
    lab.inside(host, f"""
        sed 's!^log.dirs=.*!log.dirs={own}!' /etc/kafka/server.properties > /tmp/own.properties
        /usr/local/kafka/bin/kafka-storage.sh format -t {marks["cluster.id"]} \\
            -c /tmp/own.properties --initial-controllers 1@{host.fqdn}:9093:{marks["directory.id"]}
    """)
    assert marks == dict(line.split("=") for line in lab.inside(
        host, f"grep -v '^#' {own}/meta.properties").split())
    for path in (f"{kraft.METADATA_LOG}/{kraft.SNAPSHOT}", kraft.BOOTSTRAP):
        mine, theirs = (
            records(base64.b64decode(lab.inside(host, f"base64 {folder}/{path}")))
            for folder in (data, own)
        )
        assert mine == theirs, path


def records(data: bytes) -> list[tuple[int, bytes]]:
    """Every batch of a snapshot: its attributes and what is in its records, without times."""
    found = []
    while data:
        size = int.from_bytes(data[8:12], "big")
        batch, data = data[12:12 + size], data[12 + size:]
        attributes = int.from_bytes(batch[9:11], "big")
        body = batch[49:]
        if attributes & kraft.CONTROL_BATCH and b"\0\0\0\x03" in body[:12]:
            body = body[:10] + body[20:]  # the header tells when it was written
        found.append((attributes, body))
    return found


@pytest.fixture
def small(make_lab: MakeLab, request: pytest.FixtureRequest) -> Lab:
    return make_lab("alone", first=143, port_base=23200, datacenters=(request.param,))


@pytest.mark.parametrize("small", [
    {"control": 0, "version": "4.3.1", "metadata": "kraft", "combined": 1, "kafka": 1},
], indirect=True, ids=["tiny"])
def test_one_host_is_a_whole_lab(small: Lab) -> None:
    """Formatted as Kafka's own tool does it, once, and as small as it is called."""
    small.fab("up")
    in_order(small)
    (host,) = small.topology.hosts
    as_kafka_does(small, host)
    used = small.inside(host, "cat /proc/$(systemctl show -p MainPID --value kafka)/status")
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+)", used)
    assert int(kilobytes) < 450_000
    before, values = small.main_pid(host), Client(small.bootstrap()).write("kept", RECORDS)
    small.inside(host, "systemctl kill -s KILL kafka.service")
    until(lambda: small.main_pid(host) not in (0, before), "it is started again")
    small.fab("verify")
    assert Client(small.bootstrap()).read("kept", {0: values[-1]})[0] == values


@pytest.mark.full("versions", sample=1)
@pytest.mark.parametrize("small", [
    {"control": 0, "kafka": 1, **one} for one in OTHERS
], indirect=True, ids=lambda one: f"{one['version']}-{one.get('metadata', 'zookeeper')}")
def test_each_version_comes_up_and_is_whole(small: Lab) -> None:
    small.fab("up")
    in_order(small)
    assert "in order, nothing to do" in small.fab("up").out
