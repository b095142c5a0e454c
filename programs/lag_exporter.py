"""What Prometheus asks of clusters: topics, partitions, and how far groups are behind.

The names are those of kafka_exporter, so dashboards made for it fit. It needs Python alone: of
Kafka's protocol it speaks the oldest form of six requests that all releases from 2.1 on answer.

    lag_exporter.py CONFIG      {"listen": ["10.10.1.10", 9308], "clusters": {"dc1": ["h:9092"]}}
    GET /metrics?datacenter=dc1
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

# https://kafka.apache.org/protocol: a request's number and the version of it that is spoken here.
METADATA, LIST_OFFSETS, LIST_GROUPS = (3, 1), (2, 1), (16, 0)
DESCRIBE_GROUPS, OFFSET_FETCH, DESCRIBE_NEW_GROUPS = (15, 0), (9, 2), (69, 0)
LATEST, EARLIEST = -1, -2
CLIENT = "kafkalab-lag-exporter"
ANSWER_S = 2.0
AVOID_S = 10.0  # a broker that did not answer is left alone for so long
MOST_BYTES = 64 << 20
At = tuple[str, int]  # a topic and a partition


class Unreadable(Exception):
    """An answer that is not what it should be."""


class Reader:
    """An answer, read from its beginning to its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise Unreadable(f"{count} bytes at {self._at} of {len(self._data)}")
        self._at += count
        return self._data[self._at - count:self._at]

    def number(self, form: str) -> int:
        return int(struct.unpack(f">{form}", self.take(struct.calcsize(f">{form}")))[0])

    def text(self) -> str:
        """A string, "" for null."""
        return self.take(max(self.number("h"), 0)).decode(errors="replace")

    def bytes(self) -> bytes:
        return self.take(max(self.number("i"), 0))

    def numbers(self) -> list[int]:
        return [self.number("i") for _ in range(self.number("i"))]

    def each(self) -> range:
        """Over an array."""
        return range(self.number("i"))

    # The newer form: lengths of variable size, one too large, and fields that may be passed over.

    def varint(self) -> int:
        result = shift = 0
        while True:
            byte = self.number("B")
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    def short_text(self) -> str:
        return self.take(max(self.varint() - 1, 0)).decode(errors="replace")

    def each_short(self) -> range:
        return range(max(self.varint() - 1, 0))

    def tags(self) -> None:
        for _ in range(self.varint()):
            self.varint()
            self.take(self.varint())


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def array(parts: Iterable[bytes]) -> bytes:
    found = list(parts)
    return struct.pack(">i", len(found)) + b"".join(found)


class Broker:
    """A connection to one broker, made when it is needed. Raises OSError and Unreadable."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self._socket: socket.socket | None = None
        self._count = 0

    def ask(self, request: tuple[int, int], body: bytes, *, newer: bool = False) -> Reader:
        """The answer to a request. After an error the connection is a new one."""
        try:
            return self._ask(request, body, newer)
        except BaseException:
            self.close()
            raise

    def _ask(self, request: tuple[int, int], body: bytes, newer: bool) -> Reader:
        if self._socket is None:
            self._socket = socket.create_connection(self.address, ANSWER_S)
        self._count += 1
        message = struct.pack(">hhi", *request, self._count) + text(CLIENT) + b"\0" * newer + body
        self._socket.sendall(struct.pack(">i", len(message)) + message)
        size = struct.unpack(">i", self._receive(4))[0]
        if not 4 <= size <= MOST_BYTES:
            raise Unreadable(f"an answer of {size} bytes")
        answer = Reader(self._receive(size))
        if answer.number("i") != self._count:
            raise Unreadable("the answer to another question")
        if newer:
            answer.tags()
        return answer

    def _receive(self, count: int) -> bytes:
        assert self._socket is not None
        found = bytearray()
        while len(found) < count:
            piece = self._socket.recv(count - len(found))
            if not piece:
                raise OSError("the broker ended the connection")
            found += piece
        return bytes(found)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@dataclass
class Partition:
    leader: int
    replicas: list[int]
    isr: list[int]


@dataclass
class Seen:
    """A cluster at one moment. `committed` and `members` are by group."""

    brokers: dict[int, tuple[str, int]] = field(default_factory=dict)
    partitions: dict[At, Partition] = field(default_factory=dict)
    ends: dict[At, int] = field(default_factory=dict)
    begins: dict[At, int] = field(default_factory=dict)
    committed: dict[str, dict[At, int]] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)


def metadata(answer: Reader) -> Seen:
    seen = Seen()
    for _ in answer.each():
        number, host, port = answer.number("i"), answer.text(), answer.number("i")
        seen.brokers[number] = host, port
        answer.text()  # its rack
    answer.number("i")  # the controller, which a broker of KRaft makes up
    for _ in answer.each():
        wrong, topic = answer.number("h"), answer.text()
        answer.number("?")
        for _ in answer.each():
            answer.number("h")
            index = answer.number("i")
            found = Partition(answer.number("i"), answer.numbers(), answer.numbers())
            if not wrong:
                seen.partitions[topic, index] = found
    return seen


def asked_offsets(places: Iterable[At], when: int) -> bytes:
    topics: dict[str, list[int]] = defaultdict(list)
    for topic, index in places:
        topics[topic].append(index)
    return struct.pack(">i", -1) + array(
        text(topic) + array(struct.pack(">iq", index, when) for index in indexes)
        for topic, indexes in topics.items()
    )


def offsets(answer: Reader) -> Iterator[tuple[At, int]]:
    for _ in answer.each():
        topic = answer.text()
        for _ in answer.each():
            index, wrong = answer.number("i"), answer.number("h")
            answer.number("q")
            offset = answer.number("q")
            if not wrong:
                yield (topic, index), offset


def groups(answer: Reader) -> dict[str, str]:
    """The names of groups, with what shares their work ("consumer", "connect")."""
    if wrong := answer.number("h"):
        raise Unreadable(f"error {wrong}")
    return {answer.text(): answer.text() for _ in answer.each()}


def sizes(answer: Reader) -> Iterator[tuple[str, int | None]]:
    """Groups with how many members they have; None of those that this request does not know."""
    for _ in answer.each():
        wrong, name, state = answer.number("h"), answer.text(), answer.text()
        answer.text(), answer.text()
        count = 0
        for count, _ in enumerate(answer.each(), 1):
            answer.text(), answer.text(), answer.text(), answer.bytes(), answer.bytes()
        yield name, None if wrong or state == "Dead" else count


def committed(answer: Reader) -> dict[At, int]:
    found = {}
    for _ in answer.each():
        topic = answer.text()
        for _ in answer.each():
            index, offset = answer.number("i"), answer.number("q")
            answer.text()
            if not answer.number("h") and offset >= 0:
                found[topic, index] = offset
    return found


def asked_new_group(name: str) -> bytes:
    data = name.encode()
    length = len(data) + 1
    prefix = bytearray()
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    return b"\x02" + bytes(prefix) + bytes([length]) + data + b"\0\0"


def new_size(answer: Reader) -> int | None:
    """How many members a group of the new protocol (KIP-848) has; None where it is none."""
    answer.number("i")
    for _ in answer.each_short():
        wrong = answer.number("h")
        answer.short_text(), answer.short_text(), answer.short_text()
        answer.number("i"), answer.number("i"), answer.short_text()
        return None if wrong else len(answer.each_short())
    return None


def new_members(broker: Broker, name: str) -> int | None:
    """The same, asked of a broker; an older one ends the connection on a request that it has not."""
    try:
        return new_size(broker.ask(DESCRIBE_NEW_GROUPS, asked_new_group(name), newer=True))
    except (OSError, Unreadable):
        return None


class Cluster:
    """One cluster, asked by one at a time."""

    def __init__(self, servers: Iterable[str]) -> None:
        pairs = (server.rpartition(":") for server in servers)
        self._first = [(host, int(port)) for host, _, port in pairs]
        self._brokers: dict[tuple[str, int], Broker] = {}
        self._avoided: dict[tuple[str, int], float] = {}
        self._lock = threading.Lock()

    def look(self) -> Seen:
        """Raises OSError where no broker answers. One that does not hides what only it knows."""
        with self._lock:
            seen = self._metadata()
            leads: dict[int, list[At]] = defaultdict(list)
            for place, one in seen.partitions.items():
                leads[one.leader].append(place)
            for number, address in seen.brokers.items():
                self._try(address, lambda broker, n=number: self._of(broker, leads[n], seen))
            return seen

    def _metadata(self) -> Seen:
        for address in dict.fromkeys((*self._brokers, *self._first)):
            found = self._try(
                address, lambda broker: metadata(broker.ask(METADATA, struct.pack(">i", -1)))
            )
            if found:
                return found
        raise OSError("no broker answers")

    def _try(
        self, address: tuple[str, int], work: Callable[[Broker], Seen | None]
    ) -> Seen | None:
        if self._avoided.get(address, 0.0) > time.monotonic():
            return None
        try:
            return work(self._brokers.setdefault(address, Broker(address)))
        except (OSError, Unreadable):
            self._brokers.pop(address).close()
            self._avoided[address] = time.monotonic() + AVOID_S
            return None

    @staticmethod
    def _of(broker: Broker, leads: list[At], seen: Seen) -> None:
        """What one broker knows: the partitions that it leads, the groups that it looks after."""
        if leads:
            seen.ends.update(offsets(broker.ask(LIST_OFFSETS, asked_offsets(leads, LATEST))))
            seen.begins.update(offsets(broker.ask(LIST_OFFSETS, asked_offsets(leads, EARLIEST))))
        names = groups(broker.ask(LIST_GROUPS, b""))
        if not names:
            return
        for name in names:
            body = text(name) + struct.pack(">i", -1)
            seen.committed[name] = committed(broker.ask(OFFSET_FETCH, body))
        told = dict(sizes(broker.ask(DESCRIBE_GROUPS, array(map(text, names)))))
        for name, known in told.items():
            count = new_members(broker, name) if known is None else known
            if count is not None:
                seen.members[name] = count


TEXTS = {
    "kafka_brokers": "brokers in the cluster",
    "kafka_broker_info": "each broker, with where it is",
    "kafka_topic_partitions": "partitions of a topic",
    "kafka_topic_partition_current_offset": "where the next record goes",
    "kafka_topic_partition_oldest_offset": "the first record that is still there",
    "kafka_topic_partition_in_sync_replica": "replicas in sync",
    "kafka_topic_partition_leader": "the broker that leads, -1 for none",
    "kafka_topic_partition_leader_is_preferred": "1 where the first replica leads",
    "kafka_topic_partition_replicas": "replicas",
    "kafka_topic_partition_under_replicated_partition": "1 where a replica is not in sync",
    "kafka_consumergroup_members": "members of a group",
    "kafka_consumergroup_current_offset": "what a group committed",
    "kafka_consumergroup_current_offset_sum": "what a group committed, over a topic's partitions",
    "kafka_consumergroup_lag": "records that a group has not read",
    "kafka_consumergroup_lag_sum": "records of a topic that a group has not read",
}
Sample = tuple[str, dict[str, str], int]


def samples(seen: Seen) -> Iterator[Sample]:
    yield "kafka_brokers", {}, len(seen.brokers)
    for number, (host, port) in seen.brokers.items():
        yield "kafka_broker_info", {"id": str(number), "address": f"{host}:{port}"}, 1
    counts: dict[str, int] = defaultdict(int)
    for (topic, index), one in seen.partitions.items():
        counts[topic] += 1
        at = {"topic": topic, "partition": str(index)}
        name = "kafka_topic_partition"
        yield f"{name}_leader", at, one.leader
        yield f"{name}_leader_is_preferred", at, int(one.replicas[:1] == [one.leader])
        yield f"{name}_replicas", at, len(one.replicas)
        yield f"{name}_in_sync_replica", at, len(one.isr)
        yield f"{name}_under_replicated_partition", at, int(len(one.isr) < len(one.replicas))
        for kind, known in (("current", seen.ends), ("oldest", seen.begins)):
            if (topic, index) in known:
                yield f"{name}_{kind}_offset", at, known[topic, index]
    for topic, count in counts.items():
        yield "kafka_topic_partitions", {"topic": topic}, count
    for group, count in seen.members.items():
        yield "kafka_consumergroup_members", {"consumergroup": group}, count
    for group, places in seen.committed.items():
        yield from _of_group(group, places, seen)


def _of_group(group: str, places: dict[At, int], seen: Seen) -> Iterator[Sample]:
    """A partition without a leader has no end, and nobody's lag there is known."""
    read: dict[str, int] = defaultdict(int)
    behind: dict[str, int] = defaultdict(int)
    for (topic, index), offset in places.items():
        at = {"consumergroup": group, "topic": topic, "partition": str(index)}
        yield "kafka_consumergroup_current_offset", at, offset
        read[topic] += offset
        if (topic, index) in seen.ends:
            lag = max(seen.ends[topic, index] - offset, 0)
            yield "kafka_consumergroup_lag", at, lag
            behind[topic] += lag
    for name, sums in (("current_offset_sum", read), ("lag_sum", behind)):
        for topic, value in sums.items():
            yield f"kafka_consumergroup_{name}", {"consumergroup": group, "topic": topic}, value


def exposed(found: Iterable[Sample]) -> str:
    """The text format of Prometheus, version 0.0.4."""
    lines: dict[str, list[str]] = {name: [] for name in TEXTS}
    for name, labels, value in found:
        within = ",".join(f'{key}="{escaped(one)}"' for key, one in labels.items())
        lines[name].append(f"{name}{{{within}}} {value}\n" if within else f"{name} {value}\n")
    return "".join(
        f"# HELP {name} {TEXTS[name]}\n# TYPE {name} gauge\n{''.join(those)}"
        for name, those in lines.items() if those
    )


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def handler(clusters: dict[str, Cluster]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            name = parse_qs(asked.query).get("datacenter", [""])[0]
            if asked.path != "/metrics":
                self._answer(200, f"/metrics?datacenter= {' '.join(clusters)}\n")
            elif name not in clusters:
                self._answer(404, f"datacenter is one of {' '.join(clusters)}\n")
            else:
                try:
                    self._answer(200, exposed(samples(clusters[name].look())))
                except OSError as error:
                    self._answer(503, f"{error}\n")

        def _answer(self, status: int, body: str) -> None:
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a line every few seconds for ever."""

    return Handler


def main(path: str) -> None:
    config = json.loads(Path(path).read_text(encoding="utf-8"))
    clusters = {name: Cluster(servers) for name, servers in config["clusters"].items()}
    ThreadingHTTPServer(tuple(config["listen"]), handler(clusters)).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
