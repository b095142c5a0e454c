"""What a cluster answers, as `lab.learning.facts` wants it; and what it says when it cannot."""

from __future__ import annotations

import base64
import gzip
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from lab.endpoint import Endpoint
from lab.learning import metadata
from lab.learning.facts import Facts, Quorum
from scripts.drivers.connectors import ConnectorState
from scripts.errors import CommandError, LabError
from scripts.learning import live
from scripts.learning.live import Live
from tests.fakes import FakeFleet, FakeHost
from tests.lab.learning import test_metadata
from tests.lab.learning.test_batches import segment
from tests.scripts.learning.fakes import done, topology

OFFSETS = live.OFFSETS
TIMED_OUT = KafkaException(KafkaError(KafkaError._TIMED_OUT))


def partition(number: int, leader: int, replicas: list[int], isrs: list[int]) -> Any:
    return SimpleNamespace(id=number, leader=leader, replicas=replicas, isrs=isrs)


class Admin:
    """topics by name, each its partitions; group: what a description says. Counts its listings."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Any]] = {}
        self.group: Any = None
        self.offsets: dict[tuple[str, int], int] = {}
        self.listed, self.fails = 0, False

    def list_topics(self, timeout: float) -> Any:
        assert timeout == live.REQUEST_SECONDS
        if self.fails:
            raise TIMED_OUT
        self.listed += 1
        return SimpleNamespace(brokers={2: None, 1: None}, topics={
            name: SimpleNamespace(partitions={one.id: one for one in some})
            for name, some in self.topics.items()})

    def describe_consumer_groups(self, names: list[str], request_timeout: float) -> Any:
        assert request_timeout == live.REQUEST_SECONDS
        return {names[0]: done(self.group)}

    def describe_configs(self, asked: list[Any], request_timeout: float) -> Any:
        assert request_timeout == live.REQUEST_SECONDS
        if asked[0].name == "coming":
            return {asked[0]: done(KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)))}
        return {asked[0]: done({"retention.ms": SimpleNamespace(value="1000"),
                                "none": SimpleNamespace(value=None)})}


class Reader:
    """Stands for `Partitions`: spans by place, and what can be read of them."""

    def __init__(self, endpoint: Endpoint, where: str, *, committed: bool) -> None:
        assert (endpoint.servers, where) == ("a:1", "dc1")
        self.closed = self.knows = False

    def topics(self) -> None:
        self.knows = True

    def extents(self, places: list[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        Reader.asked += 1
        return {place: (3, 5 if place[1] else 3 + Reader.many) for place in places}

    def spans(self, wanted: dict[tuple[str, int], tuple[int, int]]) -> Any:
        assert self.knows, "its first read takes a second where it does not know who leads what"
        for (_, number), (low, end) in sorted(wanted.items(), reverse=True):
            for offset in range(low, end):
                yield _message(number, offset)

    def close(self) -> None:
        self.closed = True

    many, asked = 2, 0


def _message(number: int, offset: int) -> Any:
    return SimpleNamespace(
        partition=lambda: number, offset=lambda: offset, timestamp=lambda: (1, 7),
        key=lambda: None if offset % 2 else b"k", value=lambda: b"\xff" if offset % 2 else b"v")


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    one = Admin()
    monkeypatch.setattr(live, "admin_client", lambda endpoint: one)
    monkeypatch.setattr(live, "Partitions", Reader)
    monkeypatch.setattr(live, "committed", lambda admin, names, where: {names[0]: one.offsets})
    monkeypatch.setattr(Reader, "many", 2)
    return one


def a_live(*hosts: FakeHost) -> Live:
    site: Any = SimpleNamespace(
        name="dc1", kafka=SimpleNamespace(endpoint=Endpoint("a:1")), fleet=FakeFleet(hosts),
        datacenter=topology(brokers=3).datacenters[0])
    return Live(site)


def facts(one: Live) -> Facts:
    return live.facts({"dc1": one}, "dc1", {})


def test_topics_are_as_the_metadata_has_them_and_it_is_asked_for_once(admin: Admin) -> None:
    admin.topics = {"t": [partition(1, -1, [2, 1], [2]), partition(0, 1, [1, 2], [2, 1])]}
    found = facts(a_live())
    first, second = found.topic("t") or ()
    assert (first.number, first.leader, first.replicas, first.isr) == (0, 1, (1, 2), (1, 2))
    assert (second.number, second.leader, second.isr) == (1, None, (2,))
    assert found.topic("none") is None and found.brokers() == (1, 2)
    assert found.config("none") == {} and found.spans("none") == {}
    assert admin.listed == 1
    assert found.config("t") == {"retention.ms": "1000", "none": ""}
    admin.topics["coming"] = []
    assert facts(a_live()).config("coming") == {}, "not known to the broker that was asked"


def test_records_come_in_order_and_what_is_no_text_as_hex(admin: Admin) -> None:
    admin.topics = {"t": [partition(0, 1, [1], [1]), partition(1, 1, [1], [1])]}
    one = a_live()
    assert [(r.partition, r.offset, r.key, r.value) for r in facts(one).records("t")] == [
        (0, 3, None, "ff"), (0, 4, "k", "v"), (1, 3, None, "ff"), (1, 4, "k", "v")]
    one.close()
    assert one._readers == {}


def test_where_a_topic_begins_and_ends_is_asked_for_once_a_look(admin: Admin) -> None:
    """Also by who wants its records: so these are of the same moment."""
    admin.topics, one = {"t": [partition(0, 1, [1], [1])]}, a_live()
    Reader.asked = 0
    for look in (1, 2):
        found = facts(one)
        assert len(found.records("t")) == 2 and found.spans("t")[0].end == 5
        assert Reader.asked == look


def test_a_topic_with_too_many_records_is_not_read(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.topics = {"t": [partition(0, 1, [1], [1])]}
    monkeypatch.setattr(Reader, "many", live.MOST_RECORDS + 1)
    with pytest.raises(LabError, match=r"dc1: t has 20001 records, more than .* begin anew"):
        facts(a_live()).records("t")


def test_a_group_that_never_was_is_none(admin: Admin) -> None:
    assert facts(a_live()).group("g") is None, "nobody is asked before there are offsets"
    admin.topics = {OFFSETS: []}
    for state in ("DEAD", "UNKNOWN", "EMPTY"):
        admin.group = _group(state)
        assert facts(a_live()).group("g") is None
    admin.offsets = {("t-1", 0): 4}
    found = facts(a_live()).group("g")
    assert found is not None and (found.state, found.offsets) == ("empty", {"t-1-0": 4})


def test_members_are_told_with_their_partitions(admin: Admin) -> None:
    admin.topics = {OFFSETS: []}
    admin.group = _group("STABLE", SimpleNamespace(
        client_id="c", group_instance_id=None, assignment=SimpleNamespace(
            topic_partitions=[SimpleNamespace(topic="t", partition=2)])))
    found = facts(a_live()).group("g")
    assert found is not None and found.assignor == "range"
    assert [(one.client, one.partitions, one.instance) for one in found.members] == [
        ("c", ("t-2",), "")]


def _group(state: str, *members: Any) -> Any:
    return SimpleNamespace(state=SimpleNamespace(name=state), members=list(members),
                           partition_assignor="range")


def test_a_cluster_that_does_not_answer_is_a_line(admin: Admin) -> None:
    admin.fails = True
    with pytest.raises(LabError) as caught:
        facts(a_live()).topic("t")
    assert str(caught.value).startswith("dc1: topic cannot be asked: ")
    assert str(caught.value).endswith("(see `fab status`)") and "\n" not in str(caught.value)


def _on_a_host(monkeypatch: pytest.MonkeyPatch, folder: Path) -> FakeHost:
    """The leader's host, whose scripts run here, on a folder that stands for its data."""
    monkeypatch.setattr(live, "DATA", str(folder))
    return FakeHost("ann-dc1-kafka02", {"look into t-0": _run})


def _run(text: str) -> Any:
    done = subprocess.run(["bash", "-s"], input=text, text=True, capture_output=True,
                          check=False, timeout=10)
    return SimpleNamespace(stdout=done.stdout, stderr=done.stderr, status=done.returncode)


def test_files_are_those_of_the_leaders_folder(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    admin.topics = {"t": [partition(0, 2, [2, 1], [2])]}
    host = _on_a_host(monkeypatch, tmp_path)
    assert facts(a_live(host)).folder("t", 0) == (), "its folder is not there yet"
    (tmp_path / "t-0").mkdir()
    assert facts(a_live(host)).folder("t", 0) == ()
    sizes = {"00000000000000000000.log": 5, "00000000000000000000.index": 10,
             "00000000000000000007.log": 0, "00000000000000000007.log.deleted": 3,
             "partition.metadata": 43}
    for name, size in sizes.items():
        (tmp_path / "t-0" / name).write_bytes(bytes(size))
    found = facts(a_live(host))
    assert {one.name: one.size for one in found.folder("t", 0)} == sizes
    assert [one.name for one in found.files("t", 0)] == [
        "00000000000000000000.log", "00000000000000000007.log"]
    assert [label for label, _ in host.heard] == ["look into t-0"] * 3, "one look a check"


def test_a_file_that_goes_while_it_is_looked_at_is_not_there(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Retention deletes when it likes: between a file's name and its size, too."""
    admin.topics = {"t": [partition(0, 2, [2], [2])]}
    host = _on_a_host(monkeypatch, tmp_path)
    (tmp_path / "t-0").mkdir()
    for name in ("0.log", "9.log"):
        (tmp_path / "t-0" / name).write_bytes(b"x")
    monkeypatch.setattr(live, "FILES", live.FILES.replace(
        "stat -c", f"stat() {{ rm -f {tmp_path}/t-0/9.log; command stat \"$@\"; }}\nstat -c", 1))
    assert [one.name for one in facts(a_live(host)).files("t", 0)] == ["0.log"]


def test_batches_are_read_from_all_segments_in_order(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    admin.topics = {"t": [partition(0, 2, [2], [2])]}
    host = _on_a_host(monkeypatch, tmp_path)
    data, batches = segment([(3, 20, 0, 5, 0, 0), (2, 9, 1, 5, 3, 0x10)])
    (tmp_path / "t-0").mkdir()
    cut = 61 + 20
    (tmp_path / "t-0" / "00000000000000000000.log").write_bytes(data[:cut])
    (tmp_path / "t-0" / "00000000000000000003.log").write_bytes(data[cut:])
    assert list(facts(a_live(host)).batches("t", 0)) == batches


def test_without_a_leader_there_are_no_files(admin: Admin) -> None:
    admin.topics = {"t": [partition(0, -1, [2], [2]), partition(1, 99, [99], [99])]}
    found = facts(a_live())
    assert (found.files("t", 0), found.files("t", 1), found.files("t", 7)) == ((), (), ())
    assert found.batches("t", 0) == ()


def test_a_host_that_cannot_be_reached_is_a_line(admin: Admin) -> None:
    admin.topics = {"t": [partition(0, 2, [2], [2])]}
    lost = CommandError("look into t-0", "connection lost", where="ann-dc1-kafka02")
    host = FakeHost("ann-dc1-kafka02", {"look into t-0": lost})
    with pytest.raises(LabError, match="ann-dc1-kafka02"):
        facts(a_live(host)).files("t", 0)


def test_what_comes_over_the_line_is_small() -> None:
    """gzip before base64, or a segment's zeros would be sent."""
    packed = base64.b64encode(gzip.compress(bytes(1 << 20)))
    assert len(packed) < 3000 and "gzip" in live.LOGS and "base64" in live.LOGS


def test_the_metadata_log_is_that_of_a_broker(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    admin.topics = {"t": [partition(0, 2, [2], [2])]}
    monkeypatch.setattr(live, "DATA", str(tmp_path))
    folder = tmp_path / metadata.PLACE
    folder.mkdir()
    data = test_metadata.log([test_metadata.made("t"), test_metadata.partition("t", 0)])
    (folder / "00000000000000000000.log").write_bytes(data)
    host = FakeHost("ann-dc1-kafka01", {f"look into {metadata.PLACE}": _run})
    assert facts(a_live(host)).metadata("t") == (
        (0, "TopicRecord", 0), (1, "PartitionRecord", 0))
    assert facts(a_live()).metadata("none") == (), "the log of a topic that is gone is not read"
    monkeypatch.setattr(live, "MOST_BYTES", len(data))
    with pytest.raises(LabError, match=r"dc1: __cluster_metadata-0 has more than"):
        facts(a_live(host)).metadata("t")


def test_shares_are_of_all_topics_and_of_brokers_that_have_nothing(admin: Admin) -> None:
    admin.topics = {"t": [partition(0, 2, [2, 1], [2]), partition(1, -1, [2], [])],
                    "u": [partition(0, 2, [2], [2])]}
    assert {id: tuple(vars(one).values()) for id, one in facts(a_live()).shares().items()} == {
        1: (1, 0), 2: (3, 2)}


def test_a_quorum_is_asked_where_there_is_one(admin: Admin) -> None:
    one = a_live()
    assert facts(one).quorum() is None, "ZooKeeper has the metadata"
    said: Any = SimpleNamespace(leader=3002, epoch=4, voters={3002: None, 3001: None})
    for described in (None, said):
        view = SimpleNamespace(described=described)
        one.site = cast(Any, SimpleNamespace(
            name="dc1", quorum=SimpleNamespace(ask=lambda view=view: view),
            datacenter=SimpleNamespace(config=SimpleNamespace(kraft=True))))
        found = facts(one).quorum()
        assert found == (None if described is None else Quorum(3002, 4, (3001, 3002)))


def test_a_connector_is_told_by_its_own_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    state = ConnectorState("reads", "RUNNING", ("RUNNING", "FAILED"), "no such file", "source")
    monkeypatch.setattr(live, "Workers", lambda site: SimpleNamespace(states=lambda: [state]))
    one = object.__new__(Live)
    one.site = cast(Any, SimpleNamespace(carriers=lambda service: ("host",)))
    assert one._connector("none") is None
    found = Facts(one.ask).connector("reads")
    assert found is not None
    assert (found.kind, found.tasks) == ("source", ("RUNNING", "FAILED"))
    assert found.problem == "reads: a task is FAILED: no such file"
    one.site = cast(Any, SimpleNamespace(carriers=lambda service: ()))
    assert one._connector("reads") is None
