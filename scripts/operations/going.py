"""What leaves a lab, and with what: told before anything of it is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.counted import counted
from lab.standing import Leaver
from scripts.errors import LabError, few

if TYPE_CHECKING:
    from lab.balance.plan import Move
    from scripts.drivers.balancing import Stand

SHOWN = 20  # moves of a cluster that are told one by one


@dataclass(frozen=True)
class Going:
    """What leaves the lab. `sizes`: bytes on a host, of those that can be asked. `stands`: what
    clusters have to move first, by datacenter, and `unknown`: why that cannot be told yet. `lost`:
    what else goes, in lines. `refused`: why it cannot be."""

    leavers: tuple[Leaver, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    stands: Mapping[str, Stand] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    refused: tuple[LabError, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.leavers)

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.leavers]

    @property
    def brokers(self) -> dict[str, tuple[str, ...]]:
        """The hosts of brokers that leave their clusters, by datacenter."""
        names = dict.fromkeys(one.datacenter for one in self.leavers if one.broker)
        return {name: tuple(one.name for one in self.leavers
                            if one.broker and one.datacenter == name) for name in names}

    @property
    def whose(self) -> str:
        """Whom the question is about."""
        one = len(self.leavers) == 1
        return f"{few(self.names)} with all {'its' if one else 'their'} data"

    def lines(self) -> Iterator[str]:
        """For people: each host with its bytes, and what is moved before it goes."""
        from lab.data import words  # noqa: PLC0415 - few labs lose a host
        from scripts.drivers.balancing import sentence  # noqa: PLC0415 - the same

        for one in self.leavers:
            host = one.standing
            size = self.sizes.get(one.name)
            has = "" if size is None else f", {words.size(size)} on its disk"
            yield (f"- host {one.name} ({host.role} of {one.datacenter}) at {host.address}{has}: "
                   + self._why(one))
        for name, stand in self.stands.items():
            if stand.busy:
                yield f"before that in {name}: {sentence(stand)}"
                yield from (f"  {line}" for line in moves(stand.plan.moves))
        yield from (f"lost with it: {line}" for line in self.lost)

    def _why(self, one: Leaver) -> str:
        from lab.data import words  # noqa: PLC0415 - few labs lose a host

        if one.broker is None:
            return "its datacenter leaves the lab"
        if one.datacenter in self.unknown:
            return (f"broker {one.broker}, emptied first; with what, cannot be told yet "
                    f"({self.unknown[one.datacenter]})")
        stand = self.stands.get(one.datacenter)
        load = stand.plan.before.get(one.broker) if stand else None
        if not load or not load.replicas:
            return f"broker {one.broker}, without a replica"
        return (f"broker {one.broker} with {counted(load.replicas, 'replica')} "
                f"({words.size(load.size)}), which others get first")


def moves(found: Sequence[Move]) -> Iterator[str]:
    """What is copied, a line for each partition, the largest first; of many only those."""
    from lab.data import words  # noqa: PLC0415 - few labs lose a host

    copied = sorted((one for one in found if one.adds),
                    key=lambda one: (-one.size * len(one.adds), one.place))
    for one in copied[:SHOWN]:
        before, after, adds = (",".join(map(str, ids)) for ids in (one.before, one.after, one.adds))
        topic, number = one.place
        yield (f"{topic}-{number}: {before} become {after}, "
               f"{words.size(one.size * len(one.adds))} to {adds}")
    if len(copied) > SHOWN:
        yield f"and {len(copied) - SHOWN} more (`fab kafka.balance --plan` shows all)"
