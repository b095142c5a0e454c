"""Replicas and leaders spread evenly over a cluster's brokers, with as little moved as that takes.

A new broker has no partitions: Kafka gives it none of those that are there. And one that is to
leave keeps what it has. `plan` finds which replicas go where so that

- brokers that leave have none;
- the others differ by at most one replica, and by at most one partition that they lead;
- their bytes differ by at most a tenth of the mean, or by the largest partition if that is more;
- no partition has fewer racks than before, as far as the brokers that stay have as many.

It goes step by step from what is there, and each rule only fires where its own aim is not reached,
so what it ends with is a plan of no moves itself. The rule that evens replicas takes as many moves
as there must be at least (`least`): each takes a replica from where one is too many to where one
lacks. Beyond that a replica moves, or two change places, only where sizes or leaders ask for it;
`exchanges` says how often. Where all partitions have the same number of replicas and there is one
rack, all aims are reached. With racks a replica may have nowhere to go; with different numbers of
replicas bytes may stay uneven, since leaders come before them.

A plan that only drains (`even=False`) copies each replica of the brokers that leave once, to where
it makes the others as even as that can, and leaves all other partitions as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lab.balance.parts import Load, Part, Place, loads, on
from lab.balance.search import Search


@dataclass(frozen=True)
class Move:
    """One partition's replicas as they are and as they shall be, and the bytes of one of them."""

    place: Place
    before: tuple[int, ...]
    after: tuple[int, ...]
    size: int

    @property
    def adds(self) -> tuple[int, ...]:
        """The brokers that get a copy; none where only the order changes, and so the leader."""
        return tuple(one for one in self.after if one not in self.before)


@dataclass(frozen=True)
class Plan:
    """`elections`: partitions that are then not led by their preferred leader. `least`: how many
    replicas have to move, however it is done. `exchanges`: see the module."""

    moves: tuple[Move, ...]
    elections: tuple[Place, ...]
    before: Mapping[int, Load]
    after: Mapping[int, Load]
    least: int
    exchanges: int

    @property
    def copies(self) -> int:
        """How many replicas are copied to another broker."""
        return sum(len(one.adds) for one in self.moves)

    @property
    def size(self) -> int:
        """The bytes that are copied."""
        return sum(one.size * len(one.adds) for one in self.moves)

    def __bool__(self) -> bool:
        return bool(self.moves or self.elections)


def plan(
    parts: Mapping[Place, Part], racks: Mapping[int, str], leaving: Collection[int] = (), *,
    even: bool = True,
) -> Plan:
    """What makes a cluster even. `racks`: the brokers that there are, each with its rack.
    `leaving`: the brokers, these or others, that shall have nothing; what `homeless` names stays
    there. `even=False`: only they give something away."""
    search = Search(parts, racks, leaving, even=even)
    while search.step():
        pass
    layout = search.layout
    shown = {*racks, *(one for one in leaving if on(parts, (one,)))}
    moves = tuple(
        Move(place, part.replicas, layout[place], part.size)
        for place, part in sorted(parts.items()) if part.replicas != layout[place]
    )
    return Plan(
        moves, tuple(place for place, part in sorted(parts.items())
                     if part.leader != layout[place][0]),
        {broker: Load(now.replicas, sum(one.leader == broker for one in parts.values()), now.size)
         for broker, now in loads(parts, shown).items()},
        loads({place: Part(layout[place], part.size) for place, part in parts.items()}, shown),
        least(parts, racks, leaving, even=even), search.exchanges,
    )


def least(
    parts: Mapping[Place, Part], racks: Mapping[int, str], leaving: Collection[int] = (), *,
    even: bool = True,
) -> int:
    """How many replicas at least have to move until those who leave have none, and the others
    differ by no more than one."""
    away = sum(one in leaving for part in parts.values() for one in part.replicas)
    counts = [load.replicas for load in loads(parts, racks.keys() - {*leaving}).values()]
    if not counts or not even:
        return away
    low, rest = divmod(sum(counts) + away, len(counts))
    high = low + bool(rest)
    return max(away + sum(max(0, one - high) for one in counts),
               sum(max(0, low - one) for one in counts))
