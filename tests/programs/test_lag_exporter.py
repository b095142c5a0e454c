"""The lag exporter, against brokers on ports of this machine and Kafka's own words for answers."""

from __future__ import annotations

import json
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kafka.protocol.admin import (
    DescribeGroupsRequest,
    DescribeGroupsResponse,
    ListGroupsResponse,
)
from kafka.protocol.consumer import (
    ListOffsetsRequest,
    ListOffsetsResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
)
from kafka.protocol.metadata import MetadataResponse

from programs import kafka_wire as wire, lag_exporter
from programs.kafka_wire import Broker, Reader, Unreadable
from programs.lag_exporter import Cluster, exposed, samples
from scripts.workstation.authority import Authority
from tests import fake_brokers as fakes
from tests.closed import closed
from tests.fake_brokers import TOPIC, FakeBrokers

GROUP = "readers of \"orders\"\\"


class Grouped(FakeBrokers):
    """Brokers of which the first looks after a group that read 4 of 7 records; the oldest two are
    gone. `dead`: whether the group is of the new protocol, which older requests do not know."""

    dead = False

    def answer(self, broker: int, request: Any) -> Any:
        if isinstance(request, DescribeGroupsRequest):
            return self._described(request)
        if isinstance(request, OffsetFetchRequest):
            return self._fetched()
        if isinstance(request, ListOffsetsRequest):
            return self._ends(request)
        if broker == min(self.told) and type(request).__name__ == "ListGroupsRequest":
            one = ListGroupsResponse.ListedGroup
            return ListGroupsResponse(throttle_time_ms=0, error_code=0, groups=[
                one(group_id=GROUP, protocol_type="consumer"),
            ])
        return super().answer(broker, request)

    def _ends(self, request: Any) -> Any:
        one = ListOffsetsResponse.ListOffsetsTopicResponse
        return ListOffsetsResponse(throttle_time_ms=0, topics=[
            one(name=topic.name, partitions=[one.ListOffsetsPartitionResponse(
                partition_index=part.partition_index, error_code=0, timestamp=-1,
                offset=7 if part.timestamp == -1 else 2, leader_epoch=0,
            ) for part in topic.partitions]) for topic in request.topics])

    def _described(self, request: Any) -> Any:
        one = DescribeGroupsResponse.DescribedGroup
        member = one.DescribedGroupMember(
            member_id="m", group_instance_id=None, client_id="c", client_host="/h",
            member_metadata=b"abc", member_assignment=b"")
        return DescribeGroupsResponse(throttle_time_ms=0, groups=[one(
            error_code=0, group_id=name, group_state="Dead" if self.dead else "Stable",
            protocol_type="consumer", protocol_data="range",
            members=[] if self.dead else [member, member], authorized_operations=0,
        ) for name in request.groups])

    def _fetched(self) -> Any:
        one = OffsetFetchResponse.OffsetFetchResponseTopic
        part = one.OffsetFetchResponsePartition
        return OffsetFetchResponse(throttle_time_ms=0, error_code=0, topics=[one(
            name=TOPIC, partitions=[part(partition_index=0, committed_offset=4, metadata="",
                                         committed_leader_epoch=0, error_code=0),
                                    part(partition_index=1, committed_offset=-1, metadata=None,
                                         committed_leader_epoch=0, error_code=0)],
        )])


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Grouped]:
    for kind, versions in ((DescribeGroupsRequest, (0, 0)), (OffsetFetchRequest, (2, 2))):
        monkeypatch.setitem(fakes.SPOKEN, kind, versions)  # type: ignore[arg-type]
        monkeypatch.setitem(fakes.BY_KEY, kind.API_KEY, kind)
    cluster = Grouped((1, 2, 3))
    yield cluster
    for one in cluster.brokers.values():
        one.close()


def text(brokers: FakeBrokers) -> list[str]:
    found = exposed(samples(Cluster(brokers.servers.split(",")).look()))
    return [line for line in found.splitlines() if not line.startswith("#")]


def test_it_tells_what_kafka_exporter_tells_by_the_same_names(brokers: Grouped) -> None:
    at = '{topic="orders",partition="0"}'
    group = r'consumergroup="readers of \"orders\"\\"'
    ports = {id: one.port for id, one in brokers.brokers.items()}
    assert sorted(text(brokers)) == sorted([
        "kafka_brokers 3",
        *(f'kafka_broker_info{{id="{id}",address="127.0.0.1:{port}"}} 1'
          for id, port in ports.items()),
        'kafka_topic_partitions{topic="orders"} 1',
        f"kafka_topic_partition_leader{at} 1",
        f"kafka_topic_partition_leader_is_preferred{at} 1",
        f"kafka_topic_partition_replicas{at} 3",
        f"kafka_topic_partition_in_sync_replica{at} 3",
        f"kafka_topic_partition_under_replicated_partition{at} 0",
        f"kafka_topic_partition_current_offset{at} 7",
        f"kafka_topic_partition_oldest_offset{at} 2",
        f"kafka_consumergroup_members{{{group}}} 2",
        f'kafka_consumergroup_current_offset{{{group},topic="orders",partition="0"}} 4',
        f'kafka_consumergroup_lag{{{group},topic="orders",partition="0"}} 3',
        f'kafka_consumergroup_current_offset_sum{{{group},topic="orders"}} 4',
        f'kafka_consumergroup_lag_sum{{{group},topic="orders"}} 3',
    ])


def test_each_name_says_what_it_is_before_its_values(brokers: Grouped) -> None:
    lines = exposed(samples(Cluster(brokers.servers.split(",")).look())).splitlines()
    for name in lag_exporter.TEXTS:
        assert f"# TYPE {name} gauge" in lines
        assert lines.index(f"# TYPE {name} gauge") < next(
            index for index, line in enumerate(lines) if line.startswith((f"{name} ", f"{name}{{"))
        )


def test_a_broker_that_is_gone_hides_only_what_it_knows(brokers: Grouped) -> None:
    cluster = Cluster(brokers.servers.split(","))
    assert cluster.look().ends
    brokers.brokers[3].close()  # it leads nothing
    brokers.told = [1, 2]
    seen = cluster.look()
    assert seen.ends == {(TOPIC, 0): 7}
    assert seen.partitions[TOPIC, 0].isr == [1, 2]
    assert next(line for line in text(brokers) if "under_replicated" in line).endswith(" 1")


def test_where_the_leader_is_gone_no_lag_is_made_up(brokers: Grouped) -> None:
    cluster = Cluster([brokers.servers.split(",")[1]])
    seen = cluster.look()
    assert seen.committed
    seen.ends.clear()
    assert not any("lag" in line for line in exposed(samples(seen)).splitlines()
                   if not line.startswith("#"))


def test_one_that_did_not_answer_is_left_alone_for_a_while(
    brokers: Grouped, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = brokers.servers.split(",")[:2]
    brokers.brokers[1].close()
    cluster = Cluster([first, second])
    brokers.told = [2, 3]
    tried: list[object] = []
    create = wire.socket.create_connection
    monkeypatch.setattr(wire.socket, "create_connection",
                        lambda address, *rest: tried.append(address) or create(address, *rest))
    cluster.look()
    cluster.look()
    assert tried.count(("127.0.0.1", brokers.brokers[1].port)) == 1


def test_a_connection_that_ended_with_the_brokers_last_process_is_made_anew(
    brokers: Grouped
) -> None:
    cluster = Cluster(brokers.servers.split(","))
    cluster.look()
    for broker in brokers.brokers.values():
        for connection in broker._open:
            connection.shutdown(2)
    assert cluster.look().ends == {(TOPIC, 0): 7}


def test_where_nobody_answers_it_says_so(brokers: Grouped) -> None:
    for one in brokers.brokers.values():
        one.close()
    with pytest.raises(OSError, match="no broker answers"):
        Cluster(brokers.servers.split(",")).look()


def test_a_group_of_the_new_protocol_has_members_where_the_broker_can_tell(
    brokers: Grouped, monkeypatch: pytest.MonkeyPatch
) -> None:
    brokers.dead = True
    assert not any("members" in line for line in text(brokers)), "an older broker cannot"
    assert brokers.strange == ["request 69"]
    monkeypatch.setattr(lag_exporter, "new_members", lambda broker, name: 3)
    assert next(line for line in text(brokers) if "members" in line).endswith(" 3")


def compact(value: str | None) -> bytes:
    return b"\0" if value is None else bytes([len(value) + 1]) + value.encode()


def test_the_newer_answer_is_read_field_by_field() -> None:
    group = (
        struct.pack(">h", 0) + compact(None) + compact("g") + compact("Stable")
        + struct.pack(">ii", 4, 4) + compact("uniform") + bytes([3])
    )
    assert wire.new_size(Reader(struct.pack(">i", 0) + bytes([2]) + group)) == 2
    missing = struct.pack(">ihB", 0, 69, 0)
    assert wire.new_size(Reader(missing[:4] + bytes([2]) + missing[4:] + bytes(20))) is None
    long = "é" * 100
    assert wire.asked_new_group(long)[1:3] == bytes([201 & 0x7F | 0x80, 1])


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_half_an_answer_is_refused(cut: int) -> None:
    whole = bytes(MetadataResponse(
        controller_id=1, topics=[], brokers=[
            MetadataResponse.MetadataResponseBroker(node_id=1, host="h" * 60, port=1, rack=None),
        ]).encode(version=1))
    with pytest.raises(Unreadable):
        wire.metadata(Reader(whole[:cut]))


def test_over_http_a_cluster_is_asked_by_its_name(brokers: Grouped) -> None:
    clusters = {"dc1": Cluster(brokers.servers.split(",")), "dc2": Cluster(["127.0.0.1:1"])}
    server = ThreadingHTTPServer(("127.0.0.1", 0), lag_exporter.handler(clusters))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"

    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(base + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    try:
        status, found = get("/metrics?datacenter=dc1")
        assert status == 200 and "kafka_brokers 3\n" in found
        assert get("/metrics?datacenter=dc2") == (503, "no broker answers\n")
        assert get("/metrics?datacenter=dc9") == (404, "datacenter is one of dc1 dc2\n")
        assert get("/") == (200, "/metrics?datacenter= dc1 dc2\n")
    finally:
        server.shutdown()
        server.server_close()


def test_its_settings_are_what_the_lab_writes() -> None:
    from pathlib import Path

    from lab.file import parse
    from lab.services.local import local_context
    from lab.services.registry import desired_state
    from lab.state import File, Key
    from lab.topology import build

    topology = build(parse({
        "owner": "a", "datacenters": [{"name": "d", "cidr": "10.1.0.0/24"}],
        "monitoring": {"enabled": True},
    }).lab)
    state = desired_state(topology.datacenters[0].by_role("control")[0],
                          local_context(topology, {}))
    config = state[Key("file", "/etc/lag-exporter/clusters.json")]
    assert isinstance(config, File)
    assert json.loads(config.text) == {
        "listen": ["10.1.0.10", 9308],
        "clusters": {"d": [f"a-d-kafka0{n}.lab.internal:9092" for n in (1, 2, 3)]},
    }
    for one in (lag_exporter, wire):
        name = Path(one.__file__).name
        program = state[Key("file", f"/etc/lag-exporter/programs/{name}")]
        assert isinstance(program, File)
        assert program.text == Path(one.__file__).read_text()


def test_a_closed_broker_is_asked_where_its_certificate_is_the_labs(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "lab")
    authority.issue({"one": ("127.0.0.1",), "other": ("other",)}, days=1)
    trust = lag_exporter.trusting(str(authority.file))
    with closed(authority, "one") as address:
        assert Broker(address, trust).ask((18, 0), b"").number("h") == 0
    with closed(authority, "other") as address, pytest.raises(OSError, match="certificate"):
        Broker(address, trust).ask((18, 0), b"")
    with closed(authority, "one") as address, pytest.raises((OSError, Unreadable)):
        Broker(address).ask((18, 0), b"")
