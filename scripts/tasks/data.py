"""What stands in the clusters: topics, groups, records. Nothing is made, nothing committed."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scripts.errors import KNOWN, LabError, UsageError, few, one_line, stranger
from scripts.tasks.cli import DATACENTER, lab_task
from scripts.tasks.clusters import again, bounded, fresh, looks_of, problem

if TYPE_CHECKING:
    from scripts.session import Session

if TYPE_CHECKING:
    from scripts.drivers.looks import Looks

FEW_ROWS = 40  # partitions of groups that are shown without being asked for
JSON, WATCH = "print one JSON object, for programs", "print anew every second"
FIRST = "the cluster (the first that has the topic)"


@lab_task(locks=False, dry=True, help={
    "datacenter": DATACENTER, "topic": "only this topic, with its partitions one by one",
    "internal": "also what Kafka, Connect, mirrors and the lab made for themselves",
    "json": JSON, "watch": WATCH,
})
def topics(
    session: Session, *, datacenter: str | None = None, topic: str = "", internal: bool = False,
    json: bool = False, watch: bool = False,
) -> int:
    """Show topics, their offsets and replicas.

    Offsets from the first that is kept to the next one: markers of transactions count. Exit status
    1 when a cluster does not answer.
    """
    names = [one.name for one in session.topology.datacenters]
    with looks_of(session, datacenter) as looks:
        def look() -> int:
            found, problems = looks.each(
                lambda one: one.topics(names, only=topic, everything=internal)
            )
            if topic and found and not any(found.values()):
                there, _ = looks.each(lambda one: one.names())
                raise _unknown_topic(topic, there, names)
            if json:
                _print_json(found, problems, "topics", watch,
                            lambda one: one.as_json(detail=bool(topic)))
            else:
                fresh(watch)
                _show_topics(found, problems, topic)
            return 1 if problems else 0

        return again(look, watch)


@lab_task(locks=False, dry=True, help={
    "datacenter": DATACENTER, "group": "only this group, with its partitions one by one",
    "internal": "also Connect's workers and the lab's own", "json": JSON, "watch": WATCH,
})
def groups(
    session: Session, *, datacenter: str | None = None, group: str = "", internal: bool = False,
    json: bool = False, watch: bool = False,
) -> int:
    """Show consumer groups, their members and lag.

    Also those that have committed and have no members. Exit status 1 when a cluster, or the broker
    that some group belongs to, does not answer.
    """
    from lab.data.groups import internal as own
    from lab.services.connect import group as workers_of

    workers = {workers_of(one.name) for one in session.topology.datacenters}
    with looks_of(session, datacenter) as looks:
        def look() -> int:
            told, problems = looks.each(lambda one: (one.groups(group), one.silent))
            found = {name: [one for one in some if group or internal or not own(one.name, workers)]
                     for name, (some, _) in told.items()}
            problems |= {
                name: "; ".join(f"{who} missing: {why}" for who, why in silent.items())
                for name, (_, silent) in told.items() if silent
            }
            whole = not any(silent for _, silent in told.values())
            if group and found and whole and not any(found.values()):
                there, _ = looks.each(lambda one: [each.name for each in one.groups()])
                raise _stranger("group", group, there, lambda one: own(one, workers))
            if json:
                _print_json(found, problems, "groups", watch, lambda one: one.as_json())
            else:
                fresh(watch)
                _show_groups(found, problems, group)
            return 1 if problems else 0

        return again(look, watch)


@lab_task(locks=False, dry=True, help={
    "datacenter": FIRST, "topic": "the topic", "partition": "only this partition",
    "offset": "latest, earliest, an offset in the partition, or -N: the last N",
    "key": "only records with this key (0x…: in hex)", "limit": "how many at most (10)",
    "json": JSON,
})
def records(
    session: Session, *, datacenter: str | None = None, topic: str = "", partition: str = "",
    offset: str = "latest", key: str = "", limit: int = 0, json: bool = False,
) -> int:
    """Print records of a topic.

    The last ten, unless told otherwise. Reads what is there and ends; says where it ended. What
    transactions have not committed is left out.
    """
    from lab.data.records import asked as understood
    from lab.data.words import given

    if not topic:
        raise UsageError("--topic has to name a topic", hint="`fab topics` lists them")
    if partition and not (partition.isascii() and partition.isdigit()):
        raise UsageError(f"--partition {partition!r}", hint="accepted: a number, the first is 0")
    try:
        asked = understood(offset, limit)
    except ValueError as error:
        raise UsageError(one_line(error)) from error
    wanted = given(key)
    with looks_of(session, datacenter, committed=True) as looks:
        place = _place(looks, topic, [one.name for one in session.topology.datacenters])
        found, ends = looks.of(place).records(
            topic, asked.search, asked.count, (lambda one: one.key == wanted) if key else None,
            partition=int(partition) if partition else None, start=asked.start,
        )
    shown = found.records[:asked.limit]
    if json:
        print(jsonlib.dumps({
            "datacenter": place, "topic": topic, "records": [one.as_json() for one in shown],
            "ends": [{"partition": part, "first": low, "next": end}
                     for part, (low, end) in sorted(ends.items())],
            "looked": found.looked, "whole": found.whole,
        }, indent=2))
        return 0
    _show_records(f"{topic} of {place}", shown, found, ends, asked.limit)
    return 0


def _place(looks: Looks, topic: str, datacenters: Collection[str]) -> str:
    """The first datacenter that has a topic. Raises LabError where none answers, UsageError where
    none has it."""
    there, problems = looks.each(lambda one: one.names())
    for name, why in problems.items():
        if not there:
            raise LabError(why, where=name, hint="see `fab status`")
        problem(name, why)
    for name, names in there.items():
        if topic in names:
            return name
    raise _unknown_topic(topic, there, datacenters)


def _unknown_topic(
    name: str, there: Mapping[str, Iterable[str]], datacenters: Collection[str]
) -> UsageError:
    from lab.data.topics import internal

    return _stranger("topic", name, there, lambda one: internal(one, datacenters))


def _stranger(
    what: str, name: str, there: Mapping[str, Iterable[str]], own: Callable[[str], bool]
) -> UsageError:
    """Of a name that no datacenter has; `there` are the names in each. own: who is somebody's
    internal business, and no name that a person means."""
    from lab.data.words import legible

    known = sorted({legible(one) for names in there.values() for one in names})
    people = [one for one in known if not own(one)]
    others = f"known: {few(people, KNOWN)}" if people else f"people have made no {what} yet"
    return stranger(what, name, ", ".join(there), known, others)


def _print_json(
    found: dict[str, Any], problems: dict[str, str], what: str, watch: bool,
    as_json: Callable[[Any], Any],
) -> None:
    """One object, with a part for each datacenter; while it is watched, a line a look."""
    print(jsonlib.dumps({"datacenters": [
        {"name": name, "problem": problems.get(name, ""),
         what: [as_json(one) for one in found.get(name, ())]}
        for name in _names(found, problems)
    ]}, indent=None if watch else 2), flush=True)


def _names(found: Mapping[str, Any], problems: Mapping[str, str]) -> list[str]:
    """The datacenters in order."""
    return sorted({*found, *problems})


def _show_topics(found: dict[str, Any], problems: dict[str, str], topic: str) -> None:
    from lab.data.topics import COLUMNS, DETAIL

    for name in _names(found, problems):
        if name in problems:
            problem(name, problems[name])
        elif topic:
            for one in found[name]:
                bounded(f"{topic} of {name}", DETAIL, [part.row() for part in one.partitions],
                        names=1)
        else:
            bounded(f"topics of {name}", COLUMNS, [one.row() for one in found[name]], names=1)
    sys.stdout.flush()


def _show_groups(found: dict[str, Any], problems: dict[str, str], group: str) -> None:
    from lab.data.groups import COLUMNS, DETAIL, MEMBERS

    for name in _names(found, problems):
        if name in problems:
            problem(name, problems[name])
        if not found.get(name) and (group or name in problems):
            continue
        bounded(f"groups of {name}", COLUMNS, [one.row() for one in found[name]], names=1)
        if members := [member.row(one.name) for one in found[name] for member in one.members]:
            bounded(f"members in {name}", MEMBERS, members, names=2)
        rows = [row for one in found[name] for row in one.rows()]
        if rows and (group or len(rows) <= FEW_ROWS):
            bounded(f"partitions in {name}", DETAIL, rows, names=3)
        elif rows:
            print(f"{name}: {len(rows)} partitions; `fab groups --group NAME` shows those of one")
    sys.stdout.flush()


def _show_records(
    where: str, shown: Sequence[Any], found: Any, ends: dict[int, tuple[int, int]], limit: int
) -> None:
    from lab.data.records import COLUMNS, closing as told

    if shown:
        bounded(where, COLUMNS, [one.row() for one in shown], names=2)
    print(told(found, ends, where, limit))
