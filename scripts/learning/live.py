"""The facts of a running lab's cluster, for `lab.learning.facts`: asked through its endpoint, and
what lies on disk through SSH."""

from __future__ import annotations

import base64
import gzip
import shlex
from collections.abc import Mapping
from typing import Any

from lab.learning import coordinator, metadata
from lab.learning.batches import Batch, parse
from lab.learning.facts import Facts, recording
from lab.resources import CLIENT
from lab.services.kafka import DATA
from lab.services.leading import NAME as REGISTRY
from lab.services.monitored import place as monitoring_place
from lab.services.prometheus import NAME as PROMETHEUS, PORT as PROMETHEUS_PORT
from lab.services.registry import carriers
from lab.services.sinks import searched, store_host
from scripts.clients.accounts import Accounts
from scripts.clients.groups import committed
from scripts.clients.kafka import admin_client
from scripts.clients.partitions import Partitions
from scripts.clients.prometheus import Prometheus
from scripts.drivers.driver import Site
from scripts.drivers.schemas import schemas
from scripts.drivers.stores import documents
from scripts.drivers.workers import Workers
from scripts.errors import LabError, one_line
from scripts.learning import guarded
from scripts.learning.lived import lived

REQUEST_SECONDS = 10.0
OFFSETS = "__consumer_offsets"
MOST_RECORDS = 20_000
MOST_BYTES = 64 << 20  # of one partition's log that is looked into
# Run as root on a broker's host, with the folders of partitions (TOPIC-N).
FILES = """\
cd @DATA@/@PLACES@ 2>/dev/null || exit 3
stat -c '%n %s' -- * 2>/dev/null  # of one that is deleted meanwhile it tells nothing
exit 0
"""
LOGS = """\
for place in @PLACES@; do
  cd @DATA@/"$place" 2>/dev/null || continue
  printf '%s ' "$place"
  cat *.log | head -c @MOST@ | gzip -1 | base64 -w0
  echo
done
"""


class Live:
    """Answers questions about one datacenter's cluster; a broker that does not answer is a
    LabError. Keeps connections: `close` it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._cluster: Any = None
        self._extents: dict[str, dict[str, tuple[int, int]]] = {}
        self._admin = admin_client(site.kafka.endpoint)
        self._readers: dict[bool, Partitions] = {}
        self._logs: dict[str, list[Batch]] = {}

    def close(self) -> None:
        for one in self._readers.values():
            one.close()
        self._readers.clear()

    def anew(self) -> Live:
        """Itself, to look at what is so from now on."""
        self._cluster = None
        self._extents.clear()
        self._logs.clear()
        return self

    def ask(self, what: str, arguments: Mapping[str, Any]) -> Any:
        """The answer to one question, as `lab.learning.facts` wants it. Raises LabError."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        try:
            return getattr(self, f"_{what}")(**arguments)
        except KafkaException as error:
            raise LabError(
                f"{what} cannot be asked: {one_line(error)}", where=self.site.name,
                hint="see `fab status`",
            ) from error

    def _topics(self) -> Any:
        if self._cluster is None:
            self._cluster = self._admin.list_topics(timeout=REQUEST_SECONDS)
        return self._cluster.topics

    def _brokers(self) -> list[int]:
        self._topics()
        return sorted(self._cluster.brokers)

    def _topic(self, name: str) -> list[dict[str, Any]] | None:
        topic = self._topics().get(name)
        if topic is None:
            return None
        return [
            {"number": one.id, "leader": one.leader if one.leader >= 0 else None,
             "replicas": list(one.replicas), "isr": sorted(one.isrs)}
            for _, one in sorted(topic.partitions.items())
        ]

    def _config(self, topic: str) -> dict[str, str] | None:
        from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415 - 50 ms
        from confluent_kafka.admin import ConfigResource, ResourceType  # noqa: PLC0415 - 50 ms

        if topic not in self._topics():
            return None
        asked = [ConfigResource(ResourceType.TOPIC, topic)]
        (future,) = self._admin.describe_configs(asked, request_timeout=REQUEST_SECONDS).values()
        try:
            return {name: one.value or "" for name, one in future.result().items()}
        except KafkaException as error:
            # A topic that is being made or removed is not known to all who are asked.
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            return None

    def _spans(self, topic: str) -> dict[str, tuple[int, int]] | None:
        if topic not in self._topics():
            return None
        if topic not in self._extents:
            places = [(topic, number) for number in self._topics()[topic].partitions]
            found = self._reader(committed=False).extents(places)
            self._extents[topic] = {
                str(number): span for (_, number), span in sorted(found.items())}
        return self._extents[topic]

    def _records(self, topic: str, committed: bool) -> list[tuple[Any, ...]] | None:
        spans = self._spans(topic)
        if spans is None:
            return None
        kept = sum(end - low for low, end in spans.values())
        if kept > MOST_RECORDS:
            raise LabError(
                f"{topic} has {kept} records, more than the {MOST_RECORDS} that are looked at",
                where=self.site.name, hint="`fab exercise.reset`, and begin anew",
            )
        reader = self._reader(committed=committed)
        reader.topics()  # who leads what: else its first read takes a second
        wanted = {(topic, int(number)): span for number, span in spans.items()}
        return sorted(
            (one.partition(), one.offset(), one.timestamp()[1], _text(one.key()),
             _text(one.value()))
            for one in reader.spans(wanted)
        )

    def _reader(self, *, committed: bool) -> Partitions:
        if committed not in self._readers:
            self._readers[committed] = Partitions(
                self.site.kafka.endpoint, self.site.name, committed=committed)
        return self._readers[committed]

    def _group(self, name: str) -> dict[str, Any] | None:
        if OFFSETS not in self._topics():  # no group has a coordinator yet: none was ever there
            return None
        (future,) = self._admin.describe_consumer_groups(
            [name], request_timeout=REQUEST_SECONDS).values()
        found = future.result()
        kept = {f"{topic}-{number}": offset for (topic, number), offset
                in committed(self._admin, [name], self.site.name)[name].items()}
        state = found.state.name.lower()
        if state in ("dead", "unknown") or (not found.members and not kept):
            return None
        return {
            "state": state, "assignor": found.partition_assignor or "", "offsets": kept,
            "members": [
                {"client": one.client_id, "instance": one.group_instance_id or "",
                 "partitions": [f"{p.topic}-{p.partition}"
                                for p in one.assignment.topic_partitions]}
                for one in found.members
            ],
        }

    def _files(self, topic: str, partition: int) -> list[tuple[str, int]]:
        leader = self._leaders(topic).get(partition)
        lines = self._on_broker(leader, FILES, [f"{topic}-{partition}"]).splitlines()
        return [(name, int(size)) for name, size in (line.split() for line in lines)]

    def _batches(self, topic: str, partition: int) -> list[Batch]:
        place = f"{topic}-{partition}"
        if place not in self._logs:
            leaders = self._leaders(topic)
            leader = leaders.get(partition)
            # A command for each takes longer than what is in them.
            beside = [f"{topic}-{number}" for number, by in leaders.items() if by == leader]
            self._logs |= {one: [] for one in beside} | self._read(leader, beside)
        return self._logs.get(place, [])

    def _disk(self, topic: str, partition: int, broker: int) -> list[Batch]:
        place = f"{topic}-{partition}"
        return self._read(broker, [place]).get(place, [])

    def _transaction(self, id: str) -> tuple[str, int, int] | None:
        topic = self._topics().get(coordinator.TOPIC)
        if topic is None or not topic.partitions:  # nobody ever began a transaction
            return None
        place = coordinator.TOPIC, coordinator.partition_of(id, len(topic.partitions))
        reader = self._reader(committed=False)
        reader.topics()  # as above
        mine = [one.value() for one in reader.spans(reader.extents([place]))
                if coordinator.id_of(one.key() or b"") == id]
        return coordinator.state_of(mine[-1]) if mine and mine[-1] else None

    def _subject(self, name: str) -> dict[str, Any] | None:
        (host,) = self.site.carriers(REGISTRY)
        registry = schemas(self.site, host)
        if name not in registry.subjects():
            return None
        return {"level": registry.compatibility(name), "versions": registry.versions(name)}

    def _quorum(self) -> dict[str, Any] | None:
        if not self.site.datacenter.config.kraft:
            return None
        found = self.site.quorum.ask().described
        return None if found is None else {
            "leader": found.leader, "epoch": found.epoch, "voters": sorted(found.voters)}

    def _metadata(self, topic: str) -> list[metadata.Entry] | None:
        """Every broker has the controllers' log, so any will do."""
        if topic not in self._topics():
            return None
        log = self._logs_of(self._brokers()[0], [metadata.PLACE]).get(metadata.PLACE, b"")
        if len(log) >= MOST_BYTES:
            raise LabError(
                f"{metadata.PLACE} has more than the {MOST_BYTES >> 20} MB that are looked at",
                where=self.site.name, hint="it grows with time; a new lab has a short one",
            )
        return metadata.entries(log, topic)

    def _connector(self, name: str) -> dict[str, Any] | None:
        if not self.site.carriers("connect"):
            return None
        found = {one.name: one for one in Workers(self.site).states()}.get(name)
        return None if found is None else {
            "kind": found.kind, "state": found.state, "tasks": list(found.tasks),
            "problem": found.problem,
        }

    def _documents(self, index: str, field: str) -> tuple[int, int]:
        sink = searched(self.site.lab, self.site.name)
        if sink is None:
            raise LabError("has no store with a sink of Avro", where=self.site.name)
        store = documents(self.site, store_host(sink, self.site.datacenter), sink.kind)
        found = store.count(index)
        hits = store.search([index], f"_exists_:{field}", 0)["hits"]
        return found, int(hits["total"]["value"])

    def _measured(self, query: str) -> list[tuple[dict[str, str], float]]:
        """One Prometheus looks at all datacenters, and may stand in another one."""
        lab = self.site.lab
        there = self.site.context.topology.datacenter(monitoring_place(lab))
        (host,) = carriers(PROMETHEUS, there, lab)
        asked = Prometheus(self.site.http(host, PROMETHEUS_PORT, PROMETHEUS))
        return sorted(((dict(one.labels), one.value) for one in asked.query(query)),
                      key=lambda one: sorted(one[0].items()))

    def _shares(self) -> dict[str, tuple[int, int]]:
        partitions = [one for topic in self._topics().values()
                      for one in topic.partitions.values()]
        return {
            str(broker): (sum(one.replicas.count(broker) for one in partitions),
                          sum(one.leader == broker for one in partitions))
            for broker in self._brokers()
        }

    def _quotas(self, client: str) -> dict[str, float]:
        return Accounts(self.site.kafka).quotas(CLIENT).get(client, {})

    def _certificates(self) -> dict[str, Any]:
        return guarded.certificates(self.site)

    def _refusals(self, user: str) -> list[tuple[str, str, str]]:
        return guarded.refusals(self.site, user)

    def _rights(self, user: str) -> list[str]:
        return guarded.rights(self.site, user)

    def _releases(self) -> dict[str, dict[str, Any]]:
        return lived(self.site)

    def _leaders(self, topic: str) -> dict[int, int | None]:
        """The leader of each partition of a topic."""
        return {one["number"]: one["leader"] for one in self._topic(topic) or []}

    def _read(self, broker: int | None, places: list[str]) -> dict[str, list[Batch]]:
        """The batches in folders of partitions on one broker's disk, of those that it has."""
        return {place: list(parse(log)) for place, log in self._logs_of(broker, places).items()}

    def _logs_of(self, broker: int | None, places: list[str]) -> dict[str, bytes]:
        """The logs themselves."""
        lines = self._on_broker(broker, LOGS, places).splitlines()
        return {place: gzip.decompress(base64.b64decode(packed))
                for place, packed in (line.split() for line in lines)}

    def _on_broker(self, broker: int | None, script: str, places: list[str]) -> str:
        """What a script prints on the host of a broker; "" for none, or where it fails."""
        host = next((one for one in self.site.datacenter.by_role("kafka")
                     if one.number == broker), None)
        if host is None:
            return ""
        for mark, text in (("@DATA@", DATA), ("@PLACES@", shlex.join(places)),
                           ("@MOST@", str(MOST_BYTES))):
            script = script.replace(mark, text)
        answer = self.site.fleet[host.name].script(
            script, label=f"look into {', '.join(places)}", check=False)
        return answer.stdout if answer.status == 0 else ""


def facts(lives: Mapping[str, Live], datacenter: str, asked: dict[str, Any]) -> Facts:
    """The facts of one datacenter's cluster, as they are now, and through it of the others';
    `asked` gets each answer, by datacenter and question."""
    def of(name: str) -> Facts:
        return Facts(
            recording(lives[name].anew().ask, asked.setdefault(name, {})), of, name
        )

    return of(datacenter)


def _text(data: bytes | None) -> str | None:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.hex()
