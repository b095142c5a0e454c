"""What an eavesdropper sees: a record with a mark is written and read over each listener of each
broker, while all that the broker's host sends and receives is searched for it.

That nothing is seen proves something only where something would be seen. So the same is sent to a
closed port in the clear, by nobody whom Kafka understands: that mark has to be found.
"""

from __future__ import annotations

import secrets
import shlex
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from lab.artifacts import PREFIX
from lab.counted import counted
from lab.endpoint import Endpoint
from lab.listeners import KINDS, SCRAM, Kind
from lab.services.context import Context
from lab.services.tools import option
from lab.templates import properties
from lab.topology import Host
from lab.versions import takes_old_scram
from scripts.clients.kafka import client_settings, make_topics
from scripts.drivers.driver import Site
from scripts.drivers.eavesdropper import Begin, Sought, listening_in
from scripts.drivers.proof import TOPIC_PREFIX
from scripts.drivers.visitor import Visitor, visiting
from scripts.errors import LabError, one_line
from scripts.workstation.waiting import wait_until

NAME = "kafka"
WIRE = f"{TOPIC_PREFIX}wire-"
RECORD_SECONDS, EACH_SECONDS = 30, 20
# How long a host looks on where nobody tells it to end, and EACH_SECONDS more for each record.
MOST_SECONDS = 120
FOUND, HIDDEN = "readable", "not readable"

# On a host of the lab: marks in the clear, then records of one kind of listener there and back.
# kcat is there at once, Kafka's own tools take seconds; what these write all replicas acknowledge.
INSIDE = """\
set -eu
umask 077
folder=$(mktemp -d /run/kafkalab-wire.XXXXXX)
trap 'rm -rf "$folder"' EXIT
@BEFORE@
printf '%s' @KCAT@ | sed "s|@FOLDER@|$folder|g" >"$folder/kcat.conf"
printf '%s' @JAVA@ | sed "s|@FOLDER@|$folder|g" >"$folder/client.properties"
fast() {
  @FITS@ && command -v kcat >/dev/null
}
write() {
  if fast; then
    kcat -F "$folder/kcat.conf" -b "$1" -P -t "$2" -X acks=all -X allow.auto.create.topics=false
  else
    @BIN@/kafka-console-producer.sh --bootstrap-server "$1" --topic "$2" \\
      @WRITER@ "$folder/client.properties" >&2
  fi
}
read_back() {
  if fast; then
    kcat -F "$folder/kcat.conf" -b "$1" -C -t "$2" -o beginning -c 1 -q
  else
    @BIN@/kafka-console-consumer.sh --bootstrap-server "$1" --topic "$2" --from-beginning \\
      @READER@ "$folder/client.properties" --max-messages 1 --timeout-ms 20000
  fi
}
python3 - <<'PYTHON'
import socket
for name, port, mark in @PLAIN@:
    with socket.create_connection((name, port), 5) as there:
        there.sendall(mark.encode())
PYTHON
@EACH@
"""
EACH = "echo @MARK@ | write @SERVERS@ @TOPIC@; read_back @SERVERS@ @TOPIC@\n"


@dataclass(frozen=True)
class Pass:
    """A record over one listener of one broker. mark: what it says; bare: what is sent there in the
    clear. port: the listener's on the host."""

    host: Host
    kind: str
    inside: bool
    topic: str
    mark: str
    bare: str

    @property
    def of(self) -> Kind:
        return KINDS[self.kind]

    @property
    def port(self) -> int:
        return self.of.inside if self.inside else self.of.outside

    @property
    def listener(self) -> str:
        return self.of.internal if self.inside else self.of.external


@dataclass(frozen=True)
class Overheard:
    """What was seen of it. held: whether it is as it should be; None where that is not proven, and
    `seen` says why."""

    host: str
    listener: str
    seen: str
    held: bool | None


def overheard(site: Site, begin: Begin) -> tuple[Overheard, ...]:
    """What somebody who listens in sees of records at each listener of a datacenter. Raises
    Forbidden where nobody may listen in, LabError where a record does not come through."""
    passes = tuple(_passes(site))
    logins = any(one.of.mechanism for one in passes)
    with _topics(site, passes), (
        visiting(site, WIRE) if logins else nullcontext()
    ) as visitor, listening_in(site, _sought(passes), begin, seconds=MOST_SECONDS
                               + EACH_SECONDS * len(passes)) as answers:
        for name in site.context.listens(site.datacenter).ordered:
            for inside in (False, True):
                if mine := [one for one in passes if (one.kind, one.inside) == (name, inside)]:
                    (_from_inside if inside else _from_here)(site, mine, visitor)
    return tuple(judged(one, answers[one.host.name]) for one in passes)


def judged(one: Pass, answer: Mapping[str, Any]) -> Overheard:
    """A pass against what its host has seen."""
    seen: Mapping[str, Sequence[int]] = answer["seen"]

    def result(text: str, held: bool | None) -> Overheard:
        return Overheard(one.host.name, one.listener, text, held)

    if one.mark in seen:
        return result(FOUND, not one.of.closed)
    if answer["lost"]:
        return result(f"{counted(answer['lost'], 'packet')} went by unseen", None)
    if not one.of.closed:
        return result("the record was not seen, though nothing hides it", None)
    if one.port not in seen.get(one.bare, ()):
        return result("nothing of this listener was seen", None)
    return result(HIDDEN, True)


def _passes(site: Site) -> Iterator[Pass]:
    token = secrets.token_hex(4)
    ways = [
        (host, name, inside) for host in site.carriers(NAME)
        for name in site.context.listens(site.datacenter).ordered for inside in (False, True)
        if inside or (host.name, KINDS[name].outside) in site.context.reached
    ]
    for number, (host, name, inside) in enumerate(ways):
        yield Pass(host, name, inside, f"{WIRE}{token}-{number}",
                   secrets.token_hex(16), secrets.token_hex(16))


def _sought(passes: Sequence[Pass]) -> dict[str, Sought]:
    """What each host looks for."""
    found: dict[str, Sought] = {}
    for one in passes:
        mine = found.setdefault(one.host.name, Sought(set(), []))
        mine.ports.add(one.port)
        mine.marks.extend((one.mark, one.bare))
    return found


@contextmanager
def _topics(site: Site, passes: Sequence[Pass]) -> Iterator[None]:
    """A topic for each pass, that its broker alone has: what replicas fetch goes elsewhere."""
    from confluent_kafka.admin import NewTopic  # noqa: PLC0415 - 50 ms

    admin, names = site.kafka.admin, [one.topic for one in passes]
    try:
        make_topics(admin, [
            NewTopic(one.topic, num_partitions=1, replica_assignment=[[one.host.number]], config={
                "min.insync.replicas": "1", "compression.type": "uncompressed"})
            for one in passes
        ], site.name)
        yield
    finally:
        for future in admin.delete_topics(names, operation_timeout=30).values():
            future.exception(timeout=60)


def speaking(site: Site, kind: str) -> Context:
    """The lab as if its own clients took a listener of this kind."""
    now = site.context.listens(site.datacenter)
    return replace(site.context, listening={
        **site.context.listening, site.name: replace(now, clients=kind)})


def _from_here(site: Site, passes: Sequence[Pass], visitor: Visitor | None) -> None:
    """Write and read over listeners of one kind from the workstation."""
    kind = passes[0].kind
    endpoint = speaking(site, kind).external(site.datacenter)
    if visitor:
        endpoint = replace(endpoint, settings={**endpoint.settings, **visitor.librdkafka(kind)})
    for one in passes:
        if one.of.closed:
            address = site.context.reached[one.host.name, one.port]
            with socket.create_connection(address, RECORD_SECONDS) as there:
                there.sendall(one.bare.encode())
    _write(endpoint, passes, site.name)
    _read(endpoint, passes, site.name)


def _write(endpoint: Endpoint, passes: Sequence[Pass], where: str) -> None:
    from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

    failures: list[str] = []

    def delivered(error: Any, message: Any) -> None:
        del message
        if error is not None:
            failures.append(one_line(error))

    producer = Producer(client_settings(endpoint, **{
        "acks": "all", "message.timeout.ms": RECORD_SECONDS * 1000}))
    for one in passes:
        producer.produce(one.topic, one.mark, partition=0, on_delivery=delivered)
    if left := producer.flush(RECORD_SECONDS):
        failures.append(f"{counted(left, 'record')} not acknowledged")
    if failures:
        raise LabError(f"{passes[0].listener}: {failures[0]}", where=where)


def _read(endpoint: Endpoint, passes: Sequence[Pass], where: str) -> None:
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition  # noqa: PLC0415 - 50 ms

    consumer = Consumer(client_settings(endpoint, **{
        "group.id": "kafkalab-reader", "enable.auto.commit": False, "fetch.wait.max.ms": 20}))
    missing = {one.mark for one in passes}

    def read() -> bool:
        missing.difference_update(
            (message.value() or b"").decode() for message in consumer.consume(100, 0.2)
            if message.error() is None)
        return not missing

    try:
        consumer.assign([TopicPartition(one.topic, 0, OFFSET_BEGINNING) for one in passes])
        wait_until(read, timeout=RECORD_SECONDS, where=where,
                   message=f"{passes[0].listener}: a record did not come back", pause=0.0)
    finally:
        consumer.close()


def _fits(kind: Kind, version: str) -> bool:
    """Whether the kcat of a host, which is as old as its distribution, comes in at a listener."""
    return kind.mechanism != SCRAM or takes_old_scram(version)


def _from_inside(site: Site, passes: Sequence[Pass], visitor: Visitor | None) -> None:
    """Write and read over listeners of one kind from a host of the lab."""
    kind = passes[0].kind
    endpoint = speaking(site, kind).internal(site.datacenter)
    kcat, java = ((visitor.librdkafka(kind), visitor.java(kind)) if visitor else ({}, {}))
    plain = [(one.host.fqdn, one.port, one.bare) for one in passes if one.of.closed]
    each = "".join(
        EACH.replace("@MARK@", one.mark).replace("@TOPIC@", one.topic)
        .replace("@SERVERS@", shlex.quote(endpoint.servers)) for one in passes
    )
    version = site.datacenter.config.version
    script = (
        INSIDE.replace("@FITS@", "true" if _fits(passes[0].of, version) else "false")
        .replace("@WRITER@", option("console-producer", version))
        .replace("@READER@", option("console-consumer", version))
        .replace("@BEFORE@", visitor.before(kind) if visitor else "")
        .replace("@KCAT@", shlex.quote(properties({**endpoint.librdkafka, **kcat})))
        .replace("@JAVA@", shlex.quote(properties({**endpoint.java, **java})))
        .replace("@BIN@", f"{PREFIX}/kafka/bin").replace("@PLAIN@", repr(plain))
        .replace("@EACH@", each)
    )
    host = site.datacenter.seed
    said = site.fleet[host.name].script(script, label=f"write and read over {passes[0].listener}",
                                        timeout=RECORD_SECONDS + EACH_SECONDS * len(passes))
    if said.stdout.split() != [one.mark for one in passes]:
        raise LabError(f"{passes[0].listener}: a record did not come back", where=host.name)
