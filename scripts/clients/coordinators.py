"""What is to be told of groups: states, members, what is committed. Each broker tells of its own.

A broker that does not answer hides only the groups that it coordinates.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.data.groups import At, Group, Member
from lab.data.words import legible
from scripts.clients.brokers import Brokers, read_library
from scripts.errors import LabError

DEAD = "dead"
CONSUMER = "consumer"  # the protocol by which members share partitions; Connect's is another
STATE = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Known:
    """Groups in order of name, without positions, but for those that have just ended. committed:
    by group, in partitions where it has. silent: whose groups are missing, and why. unheard: the
    brokers that said nothing at all."""

    groups: tuple[Group, ...] = ()
    committed: Mapping[str, Mapping[At, int]] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    unheard: frozenset[int] = frozenset()


def known(
    brokers: Brokers, where: str, *, only: str = "", among: Collection[int] | None = None
) -> Known:
    """Every group, or `only` this one, of all brokers that answer (`among` these). Raises LabError
    where none does."""
    read_library()
    ids = sorted(brokers.ids() if among is None else among)
    silent: dict[str, str] = {}
    names: dict[int, list[str]] = {}
    for id, answer in zip(ids, brokers.ask([(id, _listing()) for id in ids]), strict=True):
        if answer is None or answer.error_code:
            silent[f"groups of broker {id}"] = _why(answer)
        if answer is not None:
            names[id] = [one.group_id for one in answer.groups if only in ("", one.group_id)]
    if not names:
        raise LabError("no broker tells of its groups", where=where, hint="see `fab status`")
    holders = [id for id, held in names.items() if held]
    described = brokers.ask([
        *((id, _describing(names[id])) for id in holders),
        *((id, _fetching(names[id])) for id in holders),
    ])
    groups: dict[str, Group] = {}
    committed: dict[str, Mapping[At, int]] = {}
    for id, about, offsets in zip(
        holders, described, described[len(holders):], strict=False
    ):
        if about is None or offsets is None:
            silent[f"groups of broker {id}"] = _why(None)
            continue
        held = {one.group_id: one for one in offsets.groups}
        for one in about.groups:
            if one.error_code or held[one.group_id].error_code:
                silent[f"group {legible(one.group_id)}"] = _why(
                    one if one.error_code else held[one.group_id])
            elif (group := _group(one, id)).state != DEAD:
                groups[group.name] = group
                committed[group.name] = dict(_committed(held[group.name]))
    return Known(tuple(groups[name] for name in sorted(groups)), committed, silent,
                 frozenset(ids) - names.keys())


def _listing() -> Any:
    from kafka.protocol.admin import ListGroupsRequest  # noqa: PLC0415 - 0.2 s

    return ListGroupsRequest(min_version=0)


def _describing(names: list[str]) -> Any:
    from kafka.protocol.admin import DescribeGroupsRequest  # noqa: PLC0415 - 0.2 s

    return DescribeGroupsRequest(groups=names)


def _fetching(names: list[str]) -> Any:
    """All that these groups have committed. From Kafka 3.0 on, several can be asked for at once."""
    from kafka.protocol.consumer import OffsetFetchRequest  # noqa: PLC0415 - 0.2 s

    one = OffsetFetchRequest.OffsetFetchRequestGroup
    return OffsetFetchRequest(groups=[one(group_id=name, topics=None) for name in names],
                              min_version=8, max_version=8)


def _group(one: Any, coordinator: int) -> Group:
    members = tuple(sorted(
        (Member(
            each.member_id, each.client_id, each.client_host.removeprefix("/"),  # as Java writes it
            tuple(sorted(_assigned(each))) if one.protocol_type == CONSUMER else (),
            each.group_instance_id or "",
        ) for each in one.members), key=lambda each: each.id,
    ))
    return Group(
        one.group_id, state_words(one.group_state), one.protocol_data, coordinator, members)


def _assigned(member: Any) -> Iterator[At]:
    """The partitions in a member's assignment; none in a rebalance, or where a client of another
    kind wrote it."""
    from kafka.protocol.consumer.metadata import (  # noqa: PLC0415 - 0.2 s
        ConsumerProtocolAssignment,
    )

    if not member.member_assignment:
        return
    try:
        found = ConsumerProtocolAssignment.decode(member.member_assignment)
    except (struct.error, ValueError):
        return
    for topic in found.assigned_partitions:
        for number in topic.partitions:
            yield topic.topic, number


def _committed(group: Any) -> Iterator[tuple[At, int]]:
    for topic in group.topics:
        for part in topic.partitions:
            if part.committed_offset >= 0 and not part.error_code:
                yield (topic.name, part.partition_index), part.committed_offset


def state_words(state: str) -> str:
    """"PreparingRebalance" in words: "preparing rebalance"."""
    return STATE.sub(" ", state).lower()


def _why(answer: Any) -> str:
    from kafka.errors import for_code  # noqa: PLC0415 - 0.2 s

    if answer is None:
        return "it does not answer"
    return str(for_code(answer.error_code).__name__.removesuffix("Error"))
