"""What Prometheus asks of clusters: topics, partitions, and how far groups are behind.

The names are those of kafka_exporter, so dashboards made for it fit. It needs Python alone.

    python3 -m programs.lag_exporter CONFIG
        {"listen": ["10.10.1.10", 9308], "clusters": {"dc1": ["broker:9092"]}}
        with "signed": {"dc1": FILE}, the certificate that brokers' own are signed with, and
        "keys": {"dc1": FILE}, an own key and certificate where brokers ask for that
    GET /metrics?datacenter=dc1
"""

from __future__ import annotations

import functools
import json
import struct
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from programs import kafka_wire as wire
from programs.kafka_wire import At, Broker, Seen, Unreadable

if TYPE_CHECKING:
    from ssl import SSLContext

AVOID_S = 10.0  # a broker that did not answer is left alone for so long


def new_members(broker: Broker, name: str) -> int | None:
    """How many members a group of the new protocol has, by a broker's word; an older broker ends
    the connection on a request that it has not."""
    try:
        asked = wire.asked_new_group(name)
        return wire.new_size(broker.ask(wire.DESCRIBE_NEW_GROUPS, asked, newer=True))
    except (OSError, Unreadable):
        return None


def trusting(file: str, key: str | None = None) -> SSLContext:
    """What accepts certificates that the one in `file` has signed, for the names that are asked,
    and shows its own."""
    import ssl  # noqa: PLC0415 - 2 MB, where listeners are open to all for nothing

    trust = ssl.create_default_context(cafile=file)
    if key:
        trust.load_cert_chain(key)
    return trust


class Cluster:
    """One cluster, asked by one at a time."""

    def __init__(
        self, servers: Iterable[str], signed: str | None = None, key: str | None = None
    ) -> None:
        pairs = (server.rpartition(":") for server in servers)
        self._first = [(host, int(port)) for host, _, port in pairs]
        self._brokers: dict[tuple[str, int], Broker] = {}
        self._avoided: dict[tuple[str, int], float] = {}
        self._lock = threading.Lock()
        self._trust = trusting(signed, key) if signed else None

    def look(self) -> Seen:
        """Raises OSError where no broker answers. One that does not hides what only it knows."""
        with self._lock:
            seen = self._metadata()
            leads: dict[int, list[At]] = defaultdict(list)
            for place, one in seen.partitions.items():
                leads[one.leader].append(place)
            for number, address in seen.brokers.items():
                self._try(address, functools.partial(self._of, leads=leads[number], seen=seen))
            return seen

    def _metadata(self) -> Seen:
        for address in dict.fromkeys((*self._brokers, *self._first)):
            if found := self._try(address, self._whole):
                return found
        raise OSError("no broker answers")

    def _try(
        self, address: tuple[str, int], work: Callable[[Broker], Seen | None]
    ) -> Seen | None:
        if self._avoided.get(address, 0.0) > time.monotonic():
            return None
        try:
            return work(self._brokers.setdefault(address, Broker(address, self._trust)))
        except (OSError, Unreadable):
            self._brokers.pop(address).close()
            self._avoided[address] = time.monotonic() + AVOID_S
            return None

    @staticmethod
    def _whole(broker: Broker) -> Seen:
        return wire.metadata(broker.ask(wire.METADATA, struct.pack(">i", -1)))

    @staticmethod
    def _of(broker: Broker, leads: list[At], seen: Seen) -> Seen:
        """What one broker knows: the partitions that it leads, the groups that it looks after."""
        if leads:
            for known, when in ((seen.ends, wire.LATEST), (seen.begins, wire.EARLIEST)):
                asked = wire.asked_offsets(leads, when)
                known.update(wire.offsets(broker.ask(wire.LIST_OFFSETS, asked)))
        names = wire.groups(broker.ask(wire.LIST_GROUPS, b""))
        if not names:
            return seen
        for name in names:
            body = wire.text(name) + struct.pack(">i", -1)
            seen.committed[name] = wire.committed(broker.ask(wire.OFFSET_FETCH, body))
        asked = wire.array(map(wire.text, names))
        for name, size in list(wire.sizes(broker.ask(wire.DESCRIBE_GROUPS, asked))):
            count = new_members(broker, name) if size is None else size
            if count is not None:
                seen.members[name] = count
        return seen


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
    signed, keys = config.get("signed", {}), config.get("keys", {})
    clusters = {name: Cluster(servers, signed.get(name), keys.get(name))
                for name, servers in config["clusters"].items()}
    ThreadingHTTPServer(tuple(config["listen"]), handler(clusters)).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
