"""What there is in a cluster, or should be, and the difference between the two.

Connectors, topics, users with what they may do: things that belong to no host. As with hosts, a
state maps keys to resources, and a pure function computes the changes from one state to another.
One rule is added here for all kinds: **the lab changes and removes only what it made.** It marks
what it makes (a connector in its own settings, all else in the cluster's record); anything without
the mark belongs to somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from lab.altered import altered
from lab.counted import counted
from lab.state import Key

CONNECTOR, TOPIC, USER, CLIENT = "connector", "topic", "user", "client"
PASSWORD = "password"  # noqa: S105 - the key of a user's configuration that has a digest of it
GRANTED = "granted"
# Settings of connectors whose values nobody is shown.
SECRET = re.compile(r"password|secret|token|credential|jaas|access\.?key", re.IGNORECASE)
# In the order of application: a connector may read from a topic.
KINDS = (TOPIC, USER, CLIENT, CONNECTOR)
# Kinds that the lab removes, if it made them, as soon as they are no longer wanted. The others hold
# records, or clients hang on them, so they are removed only when the lab file says so (Absent).
REMOVED_WHEN_UNWANTED = frozenset({CONNECTOR})


@dataclass(frozen=True)
class Connector:
    """A connector of Kafka Connect, by its configuration (without the lab's mark)."""

    config: Mapping[str, str]


@dataclass(frozen=True)
class Topic:
    """A topic. None leaves a number to the broker; `config` has what the lab file sets, no more."""

    partitions: int | None = None
    replicas: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class User:
    """A user of a cluster, or a client id, with what the lab file sets for it and no more: quotas
    by their names, what it may do (lab.rights) with GRANTED, and a digest as its PASSWORD."""

    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Absent:
    """What the lab file wants to be gone."""


There: TypeAlias = Connector | Topic | User
Resource: TypeAlias = There | Absent
ClusterState: TypeAlias = Mapping[Key, Resource]


@dataclass(frozen=True)
class Found:
    """A resource that is there; `ours` when it bears the lab's mark."""

    resource: There
    ours: bool


@dataclass(frozen=True)
class Change:
    """One resource that differs: `before` None is to be made, `after` None to be removed."""

    key: Key
    before: There | None
    after: There | None


@dataclass(frozen=True)
class Refusal:
    """A difference that the lab may not or cannot remove; `reason` in words."""

    key: Key
    reason: str

    def __str__(self) -> str:
        return f"{self.key} {self.reason}"


@dataclass(frozen=True)
class ClusterPlan:
    """What leads from a state to another, in the order of application, and what stays different."""

    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def compare(actual: Mapping[Key, Found], wanted: ClusterState) -> ClusterPlan:
    """The plan from what is there to what is wanted.

    A topic's numbers and settings are compared only where the lab file gives them. So `actual` also
    has the settings that the lab set earlier and that are no longer wanted.
    """
    changes: list[Change] = []
    refusals: list[Refusal] = []
    for key in sorted(actual.keys() | wanted.keys(), key=lambda k: (KINDS.index(k.kind), k.name)):
        found, want = actual.get(key), wanted.get(key)
        for step in _step(key, found, want):
            if isinstance(step, Change):
                changes.append(step)
            else:
                refusals.append(step)
    return ClusterPlan(tuple(changes), tuple(refusals))


def _step(key: Key, found: Found | None, want: Resource | None) -> Iterator[Change | Refusal]:
    if found is None:
        if isinstance(want, Connector | Topic | User):
            yield Change(key, None, want)
        return
    unwanted = want is None and key.kind in REMOVED_WHEN_UNWANTED
    if isinstance(want, Absent) or unwanted:
        if found.ours:
            yield Change(key, found.resource, None)
        elif isinstance(want, Absent):
            yield Refusal(key, "was not made by the lab, so it is not removed")
        return
    if want is None or _same(found.resource, want):
        return
    if not found.ours:
        yield Refusal(key, "was not made by the lab, so it is not changed")
        return
    if isinstance(want, Topic) and isinstance(found.resource, Topic):
        yield from _topic(key, found.resource, want)
    else:
        yield Change(key, found.resource, want)


def _same(have: There, want: There) -> bool:
    if isinstance(have, Topic) and isinstance(want, Topic):
        return (
            want.partitions in (None, have.partitions) and want.replicas in (None, have.replicas)
            and have.config == want.config
        )
    return have == want


def _topic(key: Key, have: Topic, want: Topic) -> Iterator[Change | Refusal]:
    """A topic can get more partitions and other settings; all else would move or drop records."""
    partitions, replicas = want.partitions, want.replicas
    if partitions is not None and have.partitions and partitions < have.partitions:
        yield Refusal(key, f"has {counted(have.partitions, 'partition')}, which cannot become "
                           f"{partitions}")
        partitions = have.partitions
    if replicas is not None and replicas != have.replicas:
        yield Refusal(
            key, f"has {counted(have.replicas or 0, 'replica')} a partition, which is not "
                 f"changed to {replicas}"
        )
        replicas = have.replicas
    reachable = Topic(partitions, replicas, want.config)
    if not _same(have, reachable):
        yield Change(key, have, reachable)


def apply(plan: ClusterPlan, state: Mapping[Key, Found]) -> dict[Key, Found]:
    """The state after the plan's changes, on paper."""
    result = dict(state)
    for change in plan.changes:
        if change.after is None:
            result.pop(change.key, None)
            continue
        after = change.after
        if isinstance(after, Topic) and isinstance(change.before, Topic):
            after = Topic(
                after.partitions or change.before.partitions,
                after.replicas or change.before.replicas, after.config,
            )
        result[change.key] = Found(after, ours=True)
    return result


def lines(plan: ClusterPlan, where: str = "") -> list[str]:
    """The plan for people: a line for each resource made or removed, and for each changed setting,
    which names all resources that change in the same way.

    `where`: the datacenter, for resources whose names are not unique in the lab.
    """
    found, of = [], f" of {where}" if where else ""
    alike: dict[tuple[str, str], list[str]] = {}
    for change in plan.changes:
        if change.before and change.after:
            for text in _differences(change):
                alike.setdefault((change.key.kind, text), []).append(change.key.name)
    for change in plan.changes:
        kind, name = change.key
        if change.before is None:
            found.append(f"+ {change.key}{of}{_told(change.after)}")
        elif change.after is None:
            found.append(f"- {change.key}{of}")
        else:
            for text in _differences(change):
                names = alike[kind, text]
                if names[0] == name:
                    what = f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names)}"
                    found.append(f"~ {what}{of}: {text}")
    return found


def _told(resource: There | None) -> str:
    words = []
    if isinstance(resource, Topic):
        words += [counted(number, what) for number, what in
                  ((resource.partitions, "partition"), (resource.replicas, "replica")) if number]
    if isinstance(resource, Topic | User):
        words += [name if name == PASSWORD or value == GRANTED else f"{name} = {value}"
                  for name, value in sorted(resource.config.items())]
    return f" ({', '.join(words)})" if words else ""


def _secret(resource: There, name: str) -> bool:
    return name == PASSWORD if isinstance(resource, User) else (
        isinstance(resource, Connector) and bool(SECRET.search(name)))


def _differences(change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    if isinstance(before, Topic) and isinstance(after, Topic):
        for name in ("partitions", "replicas"):
            old, new = getattr(before, name), getattr(after, name)
            if new is not None and old != new:
                yield f"{name}: {old} -> {new}"
    if before and after:
        for name in sorted(before.config.keys() | after.config.keys()):
            old, new = before.config.get(name), after.config.get(name)
            if old == new:
                continue
            if _secret(after, name):
                yield f"{name}: another one"
            elif old is None or new is None:
                shown = ("(none)" if one is None else one for one in (old, new))
                yield f"{name}: {' -> '.join(shown)}"
            else:
                yield f"{name}: {altered(old, new)}"
