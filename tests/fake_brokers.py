"""Brokers on ports of this machine, in Kafka's own protocol. They answer what a picture asks for
and refuse the rest; one that dies is silent as a dead host is: no connection is refused, none ends,
and nothing is answered."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from kafka.protocol.admin import (
    DescribeClusterRequest,
    DescribeClusterResponse,
    ListGroupsRequest,
    ListGroupsResponse,
)
from kafka.protocol.consumer import ListOffsetsRequest, ListOffsetsResponse
from kafka.protocol.metadata import (
    ApiVersionsRequest,
    ApiVersionsResponse,
    MetadataRequest,
    MetadataResponse,
)

HOST = "127.0.0.1"
TOPIC, END = "orders", 7
REFUSED = 35  # UNSUPPORTED_VERSION
# What they answer, and in which versions.
SPOKEN: Mapping[Any, tuple[int, int]] = {
    ApiVersionsRequest: (0, 3), MetadataRequest: (1, 9), DescribeClusterRequest: (0, 0),
    ListOffsetsRequest: (1, 5), ListGroupsRequest: (0, 4),
}
BY_KEY = {one.API_KEY: one for one in SPOKEN}


class Broker:
    """One broker of a cluster."""

    def __init__(self, id: int, cluster: FakeBrokers) -> None:
        self.id, self.cluster = id, cluster
        self.heard: list[str] = []  # what it was asked for
        self.dead = False
        self._listening = socket.create_server((HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def die(self) -> None:
        """From now on it is as if its host were gone."""
        self.dead = True
        self._listening.listen(0)
        with suppress(OSError):  # who waits in `accept` is let go
            self._knock()
        while self._knock():  # the queue is full: the kernel answers nobody any more
            pass

    def _knock(self) -> bool:
        """Connect; whether that was answered."""
        client = socket.socket()
        self._open.append(client)
        client.settimeout(0.2)
        try:
            client.connect((HOST, self.port))
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self.dead = True
        for one in (*self._open, self._listening):
            one.close()

    def _accept(self) -> None:
        while not self.dead:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._open.append(connection)
            if not self.dead:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, EOFError):
            while True:
                size = struct.unpack(">i", self._read(connection, 4))[0]
                answer = self._answer(self._read(connection, size))
                if self.dead:
                    return
                connection.sendall(struct.pack(">i", len(answer)) + answer)

    def _read(self, connection: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := connection.recv(size - len(data))):
                raise EOFError
            data += more
        return data

    def _answer(self, data: bytes) -> bytes:
        key, version, correlation = struct.unpack(">hhi", data[:8])
        kind = BY_KEY.get(key)
        if kind is None:
            self.cluster.strange.append(f"request {key}")
            raise EOFError
        self.heard.append(kind.__name__)
        low, high = SPOKEN[kind]
        if kind is ApiVersionsRequest and version > high:
            refusal = ApiVersionsResponse(error_code=REFUSED, api_keys=[])
            return self._encoded(refusal, 0, correlation)
        if not low <= version <= high:
            self.cluster.strange.append(f"{kind.__name__} {version}")
            raise EOFError
        request = kind.decode(data, version=version, header=True)
        return self._encoded(self.cluster.answer(self.id, request), version, correlation)

    def _encoded(self, answer: Any, version: int, correlation: int) -> bytes:
        tagged = answer.flexible_version_q(version) and not isinstance(answer, ApiVersionsResponse)
        head = struct.pack(">i", correlation) + (b"\0" if tagged else b"")
        return head + bytes(answer.encode(version=version))


class FakeBrokers:
    """A cluster of `ids`, each with a replica of one partition of TOPIC. strange: what was asked
    for that they do not know. told: the brokers that it tells of."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.strange: list[str] = []
        self.told = list(ids)
        self.brokers = {id: Broker(id, self) for id in ids}

    @property
    def servers(self) -> str:
        return ",".join(f"{HOST}:{one.port}" for one in self.brokers.values())

    def answer(self, broker: int, request: Any) -> Any:
        return {
            ApiVersionsRequest: self._versions, MetadataRequest: self._metadata,
            DescribeClusterRequest: self._cluster, ListGroupsRequest: self._groups,
            ListOffsetsRequest: self._offsets,
        }[type(request)](request)

    def _versions(self, request: Any) -> Any:
        key = ApiVersionsResponse.ApiVersion
        return ApiVersionsResponse(error_code=0, throttle_time_ms=0, api_keys=[
            key(api_key=one.API_KEY, min_version=low, max_version=high)
            for one, (low, high) in SPOKEN.items()])

    def _metadata(self, request: Any) -> Any:
        one = MetadataResponse
        return one(
            throttle_time_ms=0, cluster_id="fake", controller_id=min(self.told),
            brokers=[one.MetadataResponseBroker(node_id=id, host=HOST, port=self.brokers[id].port,
                                                rack=None) for id in self.told],
            topics=[one.MetadataResponseTopic(
                error_code=0, name=TOPIC, is_internal=False,
                partitions=[one.MetadataResponseTopic.MetadataResponsePartition(
                    error_code=0, partition_index=0, leader_id=min(self.told), leader_epoch=0,
                    replica_nodes=list(self.brokers), isr_nodes=self.told, offline_replicas=[])])],
        )

    def _cluster(self, request: Any) -> Any:
        one = DescribeClusterResponse
        return one(throttle_time_ms=0, error_code=0, error_message=None, cluster_id="fake",
                   controller_id=min(self.told), cluster_authorized_operations=-2147483648,
                   brokers=[one.DescribeClusterBroker(
                       broker_id=id, host=HOST, port=self.brokers[id].port, rack=None)
                       for id in self.told])

    def _groups(self, request: Any) -> Any:
        return ListGroupsResponse(throttle_time_ms=0, error_code=0, groups=[])

    def _offsets(self, request: Any) -> Any:
        one = ListOffsetsResponse.ListOffsetsTopicResponse
        return ListOffsetsResponse(throttle_time_ms=0, topics=[
            one(name=topic.name, partitions=[one.ListOffsetsPartitionResponse(
                partition_index=part.partition_index, error_code=0, timestamp=-1, offset=END,
                leader_epoch=0) for part in topic.partitions]) for topic in request.topics])


@contextmanager
def fake_brokers(*ids: int) -> Iterator[FakeBrokers]:
    """Brokers that live as long as this context; what they were asked for they had to know."""
    cluster = FakeBrokers(ids)
    try:
        yield cluster
    finally:
        for one in cluster.brokers.values():
            one.close()
    assert cluster.strange == []
