"""Hosts that run and yet let nobody in: why, and back in where the platform can mend it.

A connection is opened to each host anyway, and is kept: where all is well, this costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from scripts.errors import LabError, ReachError, few, merged
from scripts.hosts.fleet import Fleet
from scripts.platforms import Platform, Trouble
from scripts.session import Session
from scripts.workstation.screen import phase

UNSEEN = "note: what else differs there is seen once they let somebody in"


@dataclass(frozen=True)
class Unreached:
    """A host without a connection: what SSH says, and what the platform knows of it, if it does."""

    error: LabError
    trouble: Trouble | None

    @property
    def mendable(self) -> bool:
        return bool(self.trouble and self.trouble.step)

    @property
    def words(self) -> str:
        return self.trouble.what if self.trouble else self.error.what


def unreached(
    platform: Platform, fleet: Fleet, names: Iterable[str],
    then: Callable[[str], None] | None = None,
) -> dict[str, Unreached]:
    """Connect to each of `names`, and do there what comes `then`; those where no connection comes
    about. Changes nothing."""
    errors = fleet.closed(names, then)
    closed = {name: one.closed for name, one in errors.items() if isinstance(one, ReachError)}
    troubles = platform.troubles(closed) if closed else {}
    return {name: Unreached(error, troubles.get(name)) for name, error in errors.items()}


def lines(found: Mapping[str, Unreached], form: str = "{}: {}: {}") -> Iterator[str]:
    """Which hosts, what is wrong and what mends it, once for all of which it is so."""
    alike: dict[Trouble, list[str]] = {}
    for name, one in found.items():
        if one.trouble and one.mendable:
            alike.setdefault(one.trouble, []).append(name)
    for trouble, names in alike.items():
        yield form.format(counted(names), trouble.what, trouble.step)


def problems(found: Mapping[str, Unreached]) -> Iterator[str]:
    """The same for a person who only looks, and what `up` does not mend."""
    yield from lines(found, "{}: {} (`fab up`: {})")
    for error in merged(one.error for one in found.values() if not one.mendable):
        yield str(error)


def refuse_hopeless(found: Mapping[str, Unreached]) -> None:
    """Raises LabError for hosts that nothing here lets in again, the rest of them in its notes."""
    raise_all(one.error for one in found.values() if not one.mendable)


def raise_all(errors: Iterable[LabError]) -> None:
    """Raises the first of them, if there is one, with the others as its notes."""
    if told := merged(errors):
        for other in told[1:]:
            told[0].add_note(str(other))
        raise told[0]


def reach(
    session: Session, fleet: Fleet, names: Iterable[str],
    then: Callable[[str], None] | None = None,
) -> bool:
    """Connect to each of `names`, mending what is in the way; do what comes `then` where nothing
    is. Whether something was. Raises LabError for what is left."""
    found = unreached(session.platform, fleet, names, then)
    mendable = {name: one.trouble for name, one in found.items() if one.trouble and one.mendable}
    for line in lines(found):
        session.say(line)
    if mendable:
        with phase("let in again"):
            session.platform.mend(mendable)
    refuse_hopeless(found)
    raise_all(fleet.closed(mendable).values())
    return bool(mendable)


def counted(names: list[str]) -> str:
    """Names for the beginning of a line: "h1", or "14 hosts (h1, h2, h3 and 11 more)"."""
    return names[0] if len(names) == 1 else f"{len(names)} hosts ({few(names)})"
