"""Replicas that move from broker to broker: what is where, what is under way, and how fast it may
go. All of it is kept by the cluster, so who comes later sees it, too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lab.balance.parts import Part, Place
from lab.endpoint import Endpoint
from scripts.clients.brokers import Client, log_dirs, unanswered
from scripts.errors import LabError, one_line

T = TypeVar("T")
REQUEST_MS = 30_000
# Settings that hold replication back: what brokers send and fetch a second, and for which replicas.
RATES = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")
REPLICAS = ("leader.replication.throttled.replicas", "follower.replication.throttled.replicas")
Held = tuple[str, str]  # "broker" or "topic", and its name


@dataclass(frozen=True)
class Way:
    """A partition under way: the brokers that have it, those that get it, those that lose it."""

    replicas: tuple[int, ...]
    adding: tuple[int, ...]
    removing: tuple[int, ...]

    @property
    def target(self) -> tuple[int, ...]:
        """The brokers that have it in the end, in their order."""
        return tuple(one for one in self.replicas if one not in self.removing)


@dataclass(frozen=True)
class Seen:
    """A cluster: its brokers with their racks, each partition as it is once all that is under way
    has arrived, and those that lack a replica that they should have."""

    racks: Mapping[int, str]
    parts: Mapping[Place, Part]
    under_way: Mapping[Place, Way]
    short: tuple[Place, ...]
    # Bytes of each broker's replica of each partition.
    sizes: Mapping[tuple[int, Place], int] = field(default_factory=dict, compare=False)


class Reassigning:
    """One cluster. Every method raises LabError where it does not answer. `close` it."""

    def __init__(self, endpoint: Endpoint, where: str) -> None:
        self.where = where
        self._client = Client(endpoint, request_ms=REQUEST_MS)

    def close(self) -> None:
        self._client.close()

    def seen(self) -> Seen:
        """The cluster now. What is under way is asked for first: what has arrived meanwhile is
        then seen as under way, and not as a partition of too many replicas."""
        way = self.under_way()
        found = self._ask(lambda admin: admin.describe_cluster())["brokers"]
        racks = {one["broker_id"]: one["rack"] or "" for one in found if not one.get("is_fenced")}
        topics = self._ask(lambda admin: admin.describe_topics())
        sizes = self.sizes(racks)
        parts, short = {}, []
        for topic in topics:
            for one in topic["partitions"]:
                place = topic["name"], one["partition_index"]
                replicas = way[place].target if place in way else tuple(one["replica_nodes"])
                size = max((sizes.get((broker, place), 0) for broker in one["replica_nodes"]),
                           default=0)
                leader = one["leader_id"]
                parts[place] = Part(replicas, size, leader if leader >= 0 else None)
                if place not in way and len(one["isr_nodes"]) < len(replicas):
                    short.append(place)
        return Seen(racks, parts, way, tuple(sorted(short)), sizes)

    def under_way(self) -> dict[Place, Way]:
        """The partitions whose replicas are being moved."""
        found = self._ask(lambda admin: admin.list_partition_reassignments())
        return {
            (at.topic, at.partition): Way(
                tuple(one["replicas"]), tuple(one["adding_replicas"]),
                tuple(one["removing_replicas"]),
            ) for at, one in found.items()
        }

    def sizes(self, brokers: Iterable[int]) -> dict[tuple[int, Place], int]:
        """The bytes of each broker's replica of each partition."""
        found = self._ask(lambda admin: log_dirs(admin, brokers))
        return {
            (broker["broker"], (topic["name"], one["partition_index"])): one["partition_size"]
            for broker in found for folder in broker["log_dirs"]
            for topic in folder["topics"] or () for one in topic["partitions"]
            if not one.get("is_future_key")
        }

    def move(self, wanted: Mapping[Place, tuple[int, ...]]) -> None:
        """Begin to move replicas; the cluster goes on with it by itself."""
        from kafka.structs import TopicPartition  # noqa: PLC0415 - 0.2 s

        if not wanted:
            return
        asked = {TopicPartition(*place): list(replicas) for place, replicas in wanted.items()}
        found = self._ask(lambda admin: admin.alter_partition_reassignments(asked))
        for at in asked:
            error = found.get(at)
            if error is not None:
                raise LabError(f"{at.topic}-{at.partition} cannot be moved: {error.__name__}",
                               where=self.where, hint="see `fab status`")

    # -- how fast

    def hold(
        self, ways: Mapping[Place, tuple[Collection[int], Collection[int]]],
        brokers: Iterable[int], rate: int,
    ) -> None:
        """Let replicas that move take no more than `rate` bytes a second on each broker. `ways`:
        for each partition the brokers that send it and those that get it."""
        topics: dict[str, tuple[list[str], list[str]]] = {}
        for (topic, number), sides in sorted(ways.items()):
            for words, side in zip(topics.setdefault(topic, ([], [])), sides, strict=True):
                words += [f"{number}:{broker}" for broker in sorted(side)]
        self._alter({
            **{("topic", name): {setting: ",".join(words) for setting, words in
                                 zip(REPLICAS, sides, strict=True) if words}
               for name, sides in topics.items()},
            **{("broker", str(one)): dict.fromkeys(RATES, str(rate)) for one in sorted(brokers)},
        })

    def held(self, seen: Seen) -> dict[Held, tuple[str, ...]]:
        """The settings of that kind that are there, by what has them."""
        from kafka.admin import ConfigResource, ConfigResourceType  # noqa: PLC0415 - 0.2 s

        asked = [
            *(ConfigResource(ConfigResourceType.BROKER, str(one), list(RATES))
              for one in sorted(seen.racks)),
            *(ConfigResource(ConfigResourceType.TOPIC, name, list(REPLICAS))
              for name in sorted({topic for topic, _ in seen.parts})),
        ]
        found = self._ask(lambda admin: admin.describe_configs(asked)) if asked else {}
        return {
            (kind, name): tuple(sorted(settings))
            for kind, those in found.items() for name, settings in those.items() if settings
        }

    def release(self, held: Mapping[Held, Iterable[str]]) -> None:
        """Take such settings away."""
        from kafka.admin import AlterConfigOp  # noqa: PLC0415 - 0.2 s

        self._alter({one: dict.fromkeys(names, (AlterConfigOp.DELETE, None))
                     for one, names in held.items()})

    def _alter(self, wanted: Mapping[Held, Mapping[str, Any]]) -> None:
        from kafka.admin import ConfigResource  # noqa: PLC0415 - 0.2 s

        asked = [ConfigResource(kind, name, dict(settings))
                 for (kind, name), settings in wanted.items() if settings]
        if not asked:
            return
        # They are no settings of the broker's own definition, so the client would not know them.
        found = self._ask(lambda admin: admin.alter_configs(
            asked, raise_on_unknown=False, incremental=True))
        for one in asked:
            kind = one.resource_type.name.lower()
            answer = found.get(kind, {}).get(one.name, "no answer")
            if answer != "OK":
                raise LabError(f"the rate of {kind} {one.name} cannot be set: {one_line(answer)}",
                               where=self.where, hint="see `fab status`")

    def _ask(self, request: Callable[[Any], T]) -> T:
        silent: tuple[type[Exception], ...] = (*unanswered(), RuntimeError)
        try:
            return self._client.ask(request)
        except silent as error:
            raise LabError(f"the cluster does not answer: {one_line(error)}", where=self.where,
                           hint="see `fab status`, then run it again") from error
