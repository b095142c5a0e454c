"""Single brokers asked: for the ends of their own logs, and for the groups that they coordinate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from kafka.errors import KafkaConnectionError, UnknownBrokerIdError
from kafka.protocol.admin import DescribeGroupsRequest, ListGroupsRequest
from kafka.protocol.consumer import LeaveGroupRequest, ListOffsetsRequest, OffsetFetchRequest
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

from lab.data.groups import Group, Member
from lab.endpoint import Endpoint
from scripts.clients import brokers as module, replicas
from scripts.clients.brokers import Brokers, log_dirs
from scripts.clients.coordinators import Known, known
from scripts.clients.membership import Membership, leave
from scripts.errors import LabError

HERE, THERE = ("a", 0), ("a", 1)
MISSING, LOADING = 3, 14  # of Kafka's error codes
Answer = Callable[[Any], Any]


@dataclass
class Broker:
    """What a broker has: ends of logs with an error, and groups."""

    logs: Mapping[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    groups: Mapping[str, Any] = field(default_factory=dict)
    loading: bool = False

    def answer(self, request: Any) -> Any:
        return {
            ListOffsetsRequest: self._ends, ListGroupsRequest: self._listed,
            DescribeGroupsRequest: self._described, OffsetFetchRequest: self._committed,
            LeaveGroupRequest: self._left,
        }[type(request)](request)

    def _ends(self, request: Any) -> Any:
        request = ListOffsetsRequest.decode(request.encode(version=1), version=1)
        assert request.replica_id == -2, "a follower tells nobody else"
        return SimpleNamespace(topics=[SimpleNamespace(name=topic.name, partitions=[
            SimpleNamespace(partition_index=part.partition_index, error_code=error,
                            offset=offset if part.timestamp == -1 else 1)
            for part in topic.partitions
            for offset, error in [self.logs[topic.name, part.partition_index]]
        ]) for topic in request.topics])

    def _listed(self, request: Any) -> Any:
        return SimpleNamespace(error_code=LOADING if self.loading else 0, groups=[
            SimpleNamespace(group_id=name) for name in self.groups])

    def _described(self, request: Any) -> Any:
        return SimpleNamespace(groups=[self.groups[name] for name in request.groups])

    def _committed(self, request: Any) -> Any:
        request = OffsetFetchRequest.decode(request.encode(version=8), version=8)
        assert all(one.topics is None for one in request.groups), "of all partitions"
        return SimpleNamespace(groups=[SimpleNamespace(
            group_id=one.group_id, error_code=self.groups[one.group_id].lost,
            topics=[SimpleNamespace(name="a", partitions=[
                SimpleNamespace(partition_index=0, committed_offset=7, error_code=0),
                SimpleNamespace(partition_index=1, committed_offset=-1, error_code=0),
            ])]) for one in request.groups])


    def _left(self, request: Any) -> Any:
        request = LeaveGroupRequest.decode(request.encode(version=3), version=3)
        gone = {one.member_id for one in request.members}
        found = self.groups[request.group_id]
        assert gone <= {one.member_id for one in found.members}, "it would be told of an error"
        found.members = tuple(one for one in found.members if one.member_id not in gone)
        return SimpleNamespace(error_code=0)


def group(name: str, state: str = "Stable", *members: Any, error: int = 0, lost: int = 0,
          kind: str = "consumer") -> Any:
    return SimpleNamespace(group_id=name, group_state=state, protocol_type=kind, members=members,
                           protocol_data="range", error_code=error, lost=lost)


def member(assignment: bytes = b"", id: str = "m-1", client: str = "app") -> Any:
    return SimpleNamespace(member_id=id, client_id=client, client_host="/10.1.1.5",
                           group_instance_id=None, member_assignment=assignment)


def assigned(*numbers: int) -> bytes:
    made = ConsumerProtocolAssignment(user_data=b"", assigned_partitions=[
        ConsumerProtocolAssignment.TopicPartition(topic="a", partitions=list(numbers))])
    return bytes(made.encode(version=0))


@dataclass
class Manager:
    """Brokers by id; None is one that is silent, who is not among them is not known."""

    brokers: Mapping[int, Broker | None]
    asked: list[int] = field(default_factory=list)
    updates: int = 0

    @property
    def cluster(self) -> Any:
        return SimpleNamespace(request_update=self._update)

    def _update(self) -> None:
        self.updates += 1

    def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return asyncio.run(work(*arguments))

    def send(self, request: Any, node_id: int, request_timeout_ms: int) -> Any:
        assert 0 < request_timeout_ms <= 3000
        if node_id not in self.brokers:
            raise UnknownBrokerIdError(node_id)
        self.asked.append(node_id)

        async def answer() -> Any:
            found = self.brokers[node_id]
            if found is None:
                raise KafkaConnectionError("gone")
            return found.answer(request)

        return answer()


class Cluster:
    """Makes clients of some brokers."""

    def __init__(self) -> None:
        self.brokers: dict[int, Broker | None] = {}
        self.made: list[Manager] = []

    def admin(self, endpoint: Endpoint, *, request_ms: int) -> Any:
        self.made.append(Manager(self.brokers.copy()))
        return SimpleNamespace(
            _manager=self.made[-1], close=lambda: None, describe_cluster=lambda: {
                "brokers": [{"broker_id": id, "is_fenced": id == 9} for id in self.brokers]})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = Cluster()
    monkeypatch.setattr(module, "python_admin", found.admin)
    return found


@pytest.fixture
def brokers(cluster: Cluster) -> Brokers:
    return Brokers(Endpoint("h:1"))


def test_each_broker_tells_the_end_of_its_own_log(cluster: Cluster, brokers: Brokers) -> None:
    cluster.brokers = {
        1: Broker({HERE: (90, 0), THERE: (5, 0)}), 2: Broker({HERE: (80, 0), THERE: (-1, MISSING)}),
        3: None,
    }
    wanted = {1: [HERE, THERE], 2: [HERE, THERE], 3: [HERE], 4: []}
    assert replicas.ends(brokers, wanted) == {(1, HERE): 90, (1, THERE): 5, (2, HERE): 80}
    assert cluster.made[0].asked == [1, 2, 3], "who has nothing of it is not asked"
    assert replicas.starts(brokers, {1: [HERE]}) == {(1, HERE): 1}
    assert len(cluster.made) == 1


def test_nobody_is_asked_for_nothing(cluster: Cluster, brokers: Brokers) -> None:
    assert replicas.ends(brokers, {1: [], 2: []}) == {}
    assert not cluster.made


def test_who_was_gone_when_the_client_looked_last_is_looked_for(
    cluster: Cluster, brokers: Brokers
) -> None:
    cluster.brokers = {1: Broker({HERE: (90, 0)})}
    assert replicas.ends(brokers, {1: [HERE], 2: [HERE]}) == {(1, HERE): 90}
    assert [one.updates for one in cluster.made] == [1]


def test_after_silence_a_new_client_is_made(cluster: Cluster, brokers: Brokers) -> None:
    cluster.brokers = {1: None}
    assert replicas.ends(brokers, {1: [HERE]}) == {}
    cluster.brokers = {1: Broker({HERE: (90, 0)})}
    assert replicas.ends(brokers, {1: [HERE]}) == {(1, HERE): 90}
    assert len(cluster.made) == 2


def test_groups_by_the_brokers_that_coordinate_them(cluster: Cluster, brokers: Brokers) -> None:
    cluster.brokers = {
        1: Broker(groups={"pay": group("pay", "PreparingRebalance", member())}),
        2: Broker(groups={
            "bill": group("bill", "Stable", member(assigned(1, 0))),
            "over": group("over", "Dead"),
            "connect-x": group("connect-x", "Stable", member(b"its own"), kind="connect"),
        }), 9: Broker(groups={"fenced": group("fenced")}),
    }
    found = known(brokers, "dc1")
    assert found.silent == {} and found.unheard == frozenset()
    assert found.groups == (
        Group("bill", "stable", "range", 2, (Member("m-1", "app", "10.1.1.5", (HERE, THERE)),)),
        Group("connect-x", "stable", "range", 2, (Member("m-1", "app", "10.1.1.5"),)),
        Group("pay", "preparing rebalance", "range", 1, (Member("m-1", "app", "10.1.1.5"),)),
    )
    assert found.committed == {name: {HERE: 7} for name in ("bill", "connect-x", "pay")}
    assert [one.name for one in known(brokers, "dc1", only="pay").groups] == ["pay"]
    assert known(brokers, "dc1", only="none") == Known()
    assert [one.name for one in known(brokers, "dc1", among={1}).groups] == ["pay"]


@pytest.mark.parametrize(("second", "silent"), [
    (None, {"groups of broker 2": "it does not answer"}),
    (Broker(groups={"bill": group("bill", error=LOADING)}),
     {"group bill": "CoordinatorLoadInProgress"}),
    (Broker(groups={"bill": group("bill", lost=LOADING)}),
     {"group bill": "CoordinatorLoadInProgress"}),
    (Broker(loading=True), {"groups of broker 2": "CoordinatorLoadInProgress"}),
])
def test_one_silent_broker_hides_no_groups_of_others(
    cluster: Cluster, brokers: Brokers, second: Broker | None, silent: dict[str, str]
) -> None:
    cluster.brokers = {1: Broker(groups={"pay": group("pay", "Empty")}), 2: second}
    found = known(brokers, "dc1")
    assert [one.name for one in found.groups] == ["pay"]
    assert found.silent == silent
    assert found.unheard == (frozenset() if second else {2})


def test_where_nobody_answers_there_are_no_groups_to_tell_of(
    cluster: Cluster, brokers: Brokers
) -> None:
    cluster.brokers = {1: None, 2: None}
    with pytest.raises(LabError, match="dc1: no broker tells of its groups"):
        known(brokers, "dc1")
    with pytest.raises(LabError, match="dc1: no broker tells of its groups"):
        known(brokers, "dc1", among=())


def test_who_ended_without_a_word_is_taken_out_of_its_group(
    cluster: Cluster, brokers: Brokers
) -> None:
    """A worker of Connect whose coordinator has moved does not find it any more when it ends; its
    group waits until its session is over."""
    workers = group("connect-x", "Stable", *(
        member(b"its own", id, client) for id, client in (("a-1", "a"), ("a-2", "a"), ("b-1", "b"))
    ), kind="connect")
    cluster.brokers = {1: Broker(), 2: Broker(groups={"connect-x": workers})}
    leave(brokers, "dc1", "connect-x", {"a-1", "a-9"})
    assert [one.member_id for one in workers.members] == ["a-2", "b-1"]
    leave(brokers, "dc1", "connect-x", {"a-1"})
    leave(brokers, "dc1", "none", {"a-2"})
    assert len(workers.members) == 2


def test_members_are_known_by_what_they_call_themselves() -> None:
    def told(group: str, timeout: float) -> list[Any]:
        if group == "silent":
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return [SimpleNamespace(members=[
            SimpleNamespace(id=id, client_id=client)
            for id, client in (("a-1", "a"), ("a-2", "a"), ("b-1", "b"))
        ])]

    cluster: Any = SimpleNamespace(name="dc1", admin=SimpleNamespace(list_groups=told))
    members = Membership(cluster, "connect-x")
    assert members.of("a") == {"a-1", "a-2"} and members.of("c") == frozenset()
    members.remove(())
    with pytest.raises(LabError, match="dc1: "):
        Membership(cluster, "silent").of("a")


@pytest.mark.parametrize("assignment", [b"", b"\0", assigned(0)[:9], b"\xff" * 40])
def test_an_assignment_that_is_none_gives_no_partitions(
    cluster: Cluster, brokers: Brokers, assignment: bytes
) -> None:
    cluster.brokers = {1: Broker(groups={"odd": group("odd", "Stable", member(assignment))})}
    (found,) = known(brokers, "dc1").groups
    assert found.members[0].partitions == ()


def test_each_broker_is_asked_for_what_is_on_its_disks_in_its_own_version() -> None:
    """kafka-python gives a request the version of the first broker that it goes to; while a cluster
    comes to another release, an older broker hangs up on that."""
    newest = {1: 5, 2: 4}

    class Admin:
        _manager = SimpleNamespace(cluster=SimpleNamespace(
            brokers=lambda: [SimpleNamespace(node_id=one) for one in (2, 1)]))

        def describe_log_dirs(self, *, brokers: list[int]) -> list[dict[str, Any]]:
            version = newest[brokers[0]]
            assert all(newest[one] >= version for one in brokers), "socket disconnected"
            return [{"broker": one, "log_dirs": []} for one in brokers]

    assert [one["broker"] for one in log_dirs(Admin())] == [1, 2]
    assert [one["broker"] for one in log_dirs(Admin(), [2])] == [2]
