"""Reaching the clusters of a lab, and printing what they say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.session import Session


if TYPE_CHECKING:
    from scripts.drivers.driver import Site
    from scripts.drivers.looks import Looks

ROWS = 200  # of one table; programs get all of them


@contextmanager
def sites_of(
    session: Session, datacenter: str | None
) -> Iterator[tuple[dict[str, Site], set[str]]]:
    """The datacenters that were chosen, and which hosts run. Nobody logs in for it."""
    from scripts.drivers.driver import sites

    chosen = session.datacenters(session.select(datacenter, None))
    instances = session.platform.instances()
    with session.fleet(instances) as fleet:
        yield (sites(fleet, session.context({}, instances, fleet), chosen),
               {name for name, one in instances.items() if one.running})


@contextmanager
def looks_of(
    session: Session, datacenter: str | None, *, committed: bool = False
) -> Iterator[Looks]:
    from scripts.drivers.looks import Looks

    with sites_of(session, datacenter) as (places, up), closing(
        Looks(places, up, committed=committed)
    ) as looks:
        yield looks


def again(look: Callable[[], int], watch: bool) -> int:
    """Look once, or every second until somebody has seen enough."""
    from scripts.workstation.stopping import stoppable

    if not watch:
        return look()
    with stoppable() as stop:
        while True:
            status = look()
            if stop.wait(1):
                return status


def fresh(watch: bool) -> None:
    """What is watched on a terminal stands always at its top."""
    if watch and sys.stdout.isatty():
        print("\x1b[H\x1b[2J", end="")


def bounded(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, names: int
) -> None:
    """A table of no more rows than a person looks at; `names`: see `table`."""
    from scripts.workstation.screen import table

    if not rows:
        print(f"{title}: none")
        return
    table(title, columns, rows[:ROWS], names=names)
    if len(rows) > ROWS:
        print(f"{title}: {len(rows) - ROWS} more (--json has all)")


def problem(name: str, why: str) -> None:
    print(f"problem: {name}: {why}", file=sys.stderr)
