"""A Kafka cluster in memory, as kafka-python's admin client speaks to it: it refuses what Kafka
refuses, knows what balancing asks for, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from lab.balance.parts import Place
from scripts.clients.reassigning import RATES, REPLICAS


class Killed(BaseException):
    """The program ends where this is raised: nothing of it catches it."""


@dataclass
class Moving:
    target: list[int]
    adding: list[int]
    removing: list[int]
    arrived: float = 0.0  # how much of the copies is there


@dataclass
class FakeCluster:
    """`parts`: the replicas of each partition. With each look a part of a copy arrives. `dies_at`:
    the number of the request that is the program's last; it is answered by nobody."""

    racks: dict[int, str]
    parts: dict[Place, list[int]]
    size: int = 1000
    leaders: dict[Place, int] = field(default_factory=dict)
    moving: dict[Place, Moving] = field(default_factory=dict)
    settings: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    short: set[Place] = field(default_factory=set)
    refuses: str = ""
    speed: float = 0.5
    lag: int = 0  # looks at the topics that still show what was before a change
    requests: list[str] = field(default_factory=list)
    dies_at: int = -1
    dies_after: bool = False  # when the cluster has done what was asked
    copied: int = 0
    highest_rates: set[str] = field(default_factory=set)
    stale: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        for place, replicas in self.parts.items():
            self.leaders.setdefault(place, replicas[0])

    def admin(self, endpoint: Any, *, request_ms: int) -> Any:
        assert request_ms >= 10_000, "a busy controller takes its time"
        names = ("describe_cluster", "describe_topics", "list_partition_reassignments",
                 "describe_log_dirs", "alter_partition_reassignments", "describe_configs",
                 "alter_configs")
        return SimpleNamespace(close=lambda: None, **{name: self._heard(name) for name in names})

    def _heard(self, name: str) -> Any:
        def request(*arguments: Any, **options: Any) -> Any:
            last = len(self.requests) == self.dies_at
            self.requests.append(name)
            if last and not self.dies_after:
                raise Killed
            found = getattr(self, f"_{name}")(*arguments, **options)
            if last:
                raise Killed
            return found

        return request

    def elect(self, endpoint: Any, *, where: str) -> None:
        for place, replicas in self.parts.items():
            self.leaders[place] = replicas[0]

    # -- what the admin client asks

    def _describe_cluster(self) -> Any:
        return {"brokers": [{"broker_id": one, "rack": rack or None, "is_fenced": False}
                            for one, rack in self.racks.items()]}

    def _describe_topics(self) -> Any:
        return self.stale.pop() if self.stale else self._topics()

    def _topics(self) -> Any:
        topics: dict[str, list[Any]] = {}
        for (topic, number), replicas in sorted(self.parts.items()):
            moving = self.moving.get((topic, number))
            isr = [one for one in replicas if moving is None or one not in moving.adding]
            topics.setdefault(topic, []).append({
                "partition_index": number, "replica_nodes": list(replicas),
                "leader_id": self.leaders[topic, number],
                "isr_nodes": isr[1:] if (topic, number) in self.short else isr,
            })
        return [{"name": name, "partitions": parts} for name, parts in topics.items()]

    def _list_partition_reassignments(self) -> Any:
        for place, one in list(self.moving.items()):
            one.arrived += self.speed
            if one.arrived >= 1:
                self.stale = [self._topics()] * self.lag
                del self.moving[place]
                self.parts[place] = one.target
                self.copied += len(one.adding)
                if self.leaders[place] not in one.target:
                    self.leaders[place] = one.target[-1]
        return {_place(place): {
            "replicas": [*one.target, *one.removing], "adding_replicas": one.adding,
            "removing_replicas": one.removing,
        } for place, one in self.moving.items()}

    def _describe_log_dirs(self, *, brokers: Sequence[int]) -> Any:
        assert {*brokers} <= self.racks.keys()
        assert len(brokers) == 1, "kafka-python asks all in the version of the first"
        return [{"broker": broker, "log_dirs": [{"topics": [
            {"name": topic, "partitions": [{
                "partition_index": number, "partition_size": self._size(broker, (topic, number)),
                "is_future_key": False,
            }]} for (topic, number), replicas in self.parts.items() if broker in replicas
        ]}, {"topics": None}]} for broker in brokers]

    def _size(self, broker: int, place: Place) -> int:
        one = self.moving.get(place)
        return int(self.size * one.arrived) if one and broker in one.adding else self.size

    def _alter_partition_reassignments(self, asked: Mapping[Any, list[int]]) -> Any:
        self.stale = [self._topics()] * self.lag
        for at, target in asked.items():
            place = at.topic, at.partition
            have = [one for one in self.parts[place]
                    if place not in self.moving or one not in self.moving[place].adding]
            adding = [one for one in target if one not in have]
            removing = [one for one in have if one not in target]
            assert len({*target}) == len(target) == len(have), "no replica more, none less"
            assert {*target} <= self.racks.keys()
            if self.refuses:
                return {at: type(self.refuses, (Exception,), {})}
            self._held_back(place, have, adding)
            if adding:
                self.moving[place] = Moving(target, adding, removing)
                self.parts[place] = [*target, *removing]
            else:
                self.parts[place] = target
        return dict.fromkeys(asked)

    def _held_back(self, place: Place, have: list[int], adding: list[int]) -> None:
        """Nothing is copied that may take all there is of the network."""
        topic, number = place
        for setting, side in zip(REPLICAS, (have, adding), strict=True):
            words = self.settings.get(("topic", topic), {}).get(setting, "").split(",")
            assert {f"{number}:{one}" for one in side} <= {*words} or not adding, (place, words)
        for broker in {*have, *adding} if adding else ():
            self.highest_rates |= {*(self.settings["broker", str(broker)][one] for one in RATES)}

    def _describe_configs(self, asked: Sequence[Any]) -> Any:
        found: dict[str, Any] = {}
        for one in asked:
            kind = one.resource_type.name.lower()
            there = self.settings.get((kind, one.name), {})
            found.setdefault(kind, {})[one.name] = {
                name: {"value": value} for name, value in there.items() if name in one.configs
            }
        return found

    def _alter_configs(
        self, asked: Sequence[Any], *, raise_on_unknown: bool, incremental: bool
    ) -> Any:
        assert incremental, "else settings that are not named would be lost"
        assert not raise_on_unknown
        found: dict[str, Any] = {}
        for one in asked:
            kind = one.resource_type.name.lower()
            there = self.settings.setdefault((kind, one.name), {})
            for name, value in one.configs.items():
                if isinstance(value, tuple):
                    assert value[0].name == "DELETE"
                    there.pop(name, None)
                else:
                    there[name] = value
            found.setdefault(kind, {})[one.name] = "OK"
        return found


def _place(place: Place) -> Any:
    return SimpleHashable(*place)


@dataclass(frozen=True)
class SimpleHashable:
    topic: str
    partition: int
