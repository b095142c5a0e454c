"""A cluster whose brokers have as much as each other: `fab kafka.balance`, beside `fab kafka`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from invoke import Collection

from lab.balance import RATE_MB
from lab.services.registry import SERVICES
from scripts.errors import UsageError
from scripts.tasks.cli import DATACENTER, lab_task
from scripts.tasks.clusters import bounded, problem, sites_of
from scripts.tasks.services import task_of
from scripts.tasks.upgrades import finalize

if TYPE_CHECKING:
    from scripts.session import Session

if TYPE_CHECKING:
    from lab.balance.parts import Load
    from lab.balance.plan import Plan
    from scripts.drivers.balancing import Balancing, Stand
    from scripts.drivers.driver import Site

MB = 1_000_000
BROKERS = ("broker", "host", "partitions", "leaders", "bytes")
MOVES = ("topic", "partition", "replicas", "become", "copies", "bytes")


def _planned(
    session: Session, *, datacenter: str | None = None, plan: bool = False, rate: int = RATE_MB
) -> int:
    """What a dry run does."""
    del plan, rate
    return _each(session, datacenter, None)


@lab_task(name="kafka.balance", locks=True, lab_file_error=1, dry=_planned, help={
    "datacenter": DATACENTER, "plan": "show what would move; move nothing",
    "rate": f"MB a second that each broker may send and get for it ({RATE_MB})",
})
def balance(
    session: Session, *, datacenter: str | None = None, plan: bool = False, rate: int = RATE_MB
) -> int:
    """Spread partitions evenly over the brokers.

    Replicas, leaders and bytes, with as few copies as that takes; goes on with what a run that was
    killed has begun. With --plan, exit status 0: nothing to do, 2: there are moves, 1: an error.
    """
    if rate < 1:
        raise UsageError(f"--rate {rate}", hint="accepted: MB a second, 1 or more")
    return _each(session, datacenter, None if plan else rate * MB)


def _each(session: Session, datacenter: str | None, rate: int | None) -> int:
    """Each cluster in turn; with a `rate` its plan is carried out. The exit status."""
    from scripts.clients.reassigning import Reassigning
    from scripts.drivers.balancing import Balancing, sentence
    from scripts.drivers.looks import awake

    status = 0
    with sites_of(session, datacenter) as (places, up):
        for site in places.values():
            awake(site, up)
            with closing(Reassigning(site.kafka.endpoint, site.name)) as cluster:
                balancing = Balancing(site, cluster, site.leaving)
                stand = balancing.look()
                _show(site, stand)
                if stand.idle:
                    session.say(f"{site.name}: nothing to do")
                elif rate is None:
                    session.say(f"{site.name}: {sentence(stand)}")
                    status = 2
                else:
                    session.say(f"{site.name}: {sentence(stand)}")
                    _carry_out(session, site, balancing, stand, rate)
    return status


def _carry_out(
    session: Session, site: Site, balancing: Balancing, stand: Stand, rate: int
) -> None:
    from scripts.workstation.stopping import stoppable

    began = time.monotonic()
    with stoppable() as stop:
        balancing.carry_out(stand, rate, session.say, stop)
    after = balancing.look()
    bounded(f"{site.name} now", BROKERS, rows(site, after.plan.before), names=2)
    session.say(f"{site.name}: balanced in {time.monotonic() - began:.1f} s")
    if not after.idle:
        problem(site.name, "it has changed meanwhile; run it again")


def _show(site: Site, stand: Stand) -> None:
    """Each broker before and after, and what moves."""
    found = stand.plan
    title = "with what is under way" if stand.seen.under_way else "now"
    bounded(f"{site.name} {title}", BROKERS, rows(site, found.before), names=2)
    if found:
        bounded(f"{site.name} balanced", BROKERS, rows(site, found.after), names=2)
    if found.moves:
        bounded(f"moves in {site.name}", MOVES, moves(found), names=2)
    sys.stdout.flush()


def rows(site: Site, loads: Mapping[int, Load]) -> list[tuple[str, ...]]:
    """A line for each broker."""
    from lab.data.words import size

    hosts = {host.number: host.name for host in site.datacenter.by_role("kafka")} | site.leaving
    return [
        (str(broker), hosts.get(broker, "-"), str(load.replicas), str(load.leaders),
         size(load.size))
        for broker, load in loads.items()
    ]


def moves(plan: Plan) -> list[tuple[str, ...]]:
    """A line for each partition whose replicas change; without a copy only another one leads."""
    from lab.data.words import size

    return [
        (one.place[0], str(one.place[1]), _ids(one.before), _ids(one.after),
         f"to {_ids(one.adds)}" if one.adds else "-", size(one.size * len(one.adds)))
        for one in plan.moves
    ]


def _ids(brokers: tuple[int, ...]) -> str:
    return ",".join(map(str, brokers))


KAFKA = Collection("kafka")
KAFKA.add_task(task_of(SERVICES["kafka"]), name="up", default=True)
KAFKA.add_task(balance, name="balance")
KAFKA.add_task(finalize, name="finalize")
