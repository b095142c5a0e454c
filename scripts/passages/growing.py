"""An ensemble that grows: one server at a time, each with all that the others know.

See lab.ensemble for why. A run that is cut off goes on from the lists that the servers have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lab import ensemble, state
from lab.counted import counted
from lab.ensemble import CannotGrow, Servers
from lab.services.context import Context
from lab.services.registry import desired_state
from lab.services.zookeeper import CONFIG, listed
from lab.state import Key
from lab.topology import Datacenter, Host
from scripts.drivers.driver import Site
from scripts.drivers.registry import driver, drivers
from scripts.drivers.turns import restart_all
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan, converge, survey
from scripts.hosts.deliver import Deliverer
from scripts.passages.passage import Passage, Run
from scripts.workstation.screen import Progress

NAME = "zookeeper"
_FILE, _UNIT = Key("file", CONFIG), Key("unit", f"{NAME}.service")


@dataclass(frozen=True)
class Growth:
    """What one datacenter's ensemble passes through, the lists that its servers have first."""

    datacenter: Datacenter
    lists: tuple[Servers, ...]

    def lines(self) -> Iterator[str]:
        """For people: who joins whom."""
        hosts = {host.number: host.name for host in self.datacenter.by_role(NAME)}
        for before, after in zip(self.lists, self.lists[1:], strict=False):
            for number in sorted(after - before):
                yield (f"{hosts[number]} joins {ensemble.words(before)} of {self.datacenter.name}, "
                       "restarted one at a time")


def growths(sites: Iterable[Site], plans: Mapping[str, HostPlan]) -> list[Growth]:
    """The ensembles that have to grow, by what their servers have now.

    `plans` holds all servers that there are. Raises LabError for one that cannot.
    """
    found = []
    for site in sites:
        datacenter, members = site.datacenter, site.datacenter.by_role(NAME)
        wanted = frozenset(host.number for host in members)
        lists = {
            host.number: known for host in members
            if host.name in plans and (known := _known(plans[host.name], wanted)) is not None
        }
        try:
            steps = ensemble.growth(lists, wanted)
        except CannotGrow as error:
            raise LabError(
                f"its ZooKeeper ensemble cannot become {ensemble.words(wanted)}: {error}",
                where=datacenter.name, hint="see docs/troubleshooting.md",
            ) from error
        if not steps and joining(site, plans, wanted).joining:
            steps = (wanted,)  # cut off when all files were written, and not all restarted
        if steps:
            found.append(Growth(datacenter, steps))
    return found


def growing(run: Run) -> dict[str, Growth]:
    """The ensembles that have to grow before the run's hosts are changed as planned, by datacenter.

    Other servers of theirs are looked at, too, where only some hosts are asked for. Raises LabError
    where those would be left behind.
    """
    if not run.means(NAME):
        return {}
    names = {host.name for host in run.hosts}
    chosen = {
        name: site for name, site in run.places.items()
        if any(host.name in names for host in site.datacenter.by_role(NAME))
    }
    others = [
        host for site in chosen.values() for host in site.datacenter.by_role(NAME)
        if host.name not in names and host.name in site.fleet.hosts
    ]
    one_site = next(iter(chosen.values()), None)
    more = survey(one_site.fleet, others, one_site.context, (NAME,)) if one_site else {}
    found = growths(chosen.values(), {**run.plans, **more})
    for one in found:
        for host in one.datacenter.by_role(NAME):
            if host.name not in names:
                raise LabError(
                    "its ZooKeeper ensemble grows, and takes all its servers",
                    where=one.datacenter.name,
                    hint=f"run `fab up --datacenter {one.datacenter.name}`",
                )
    return {one.datacenter.name: one for one in found}


@dataclass(frozen=True)
class Growing(Passage):
    """The ensembles of a run that grow, by datacenter, each before its hosts converge."""

    found: Mapping[str, Growth] = field(default_factory=dict)

    @classmethod
    def find(cls, run: Run) -> Growing:
        return cls(growing(run))

    def before(self, run: Run, deliverer: Deliverer, progress: Progress) -> tuple[Run, int]:
        if not self.found:
            return run, 0
        fleet = next(iter(run.places.values())).fleet
        counts = fleet.each(
            lambda name: grow(run.places[name], self.found[name], deliverer, progress), self.found
        )
        again = [host for host in run.hosts if host.datacenter in self.found]
        return run.looked_again(again, run.places, progress), sum(counts.values())

    @property
    def summary(self) -> str:
        joins = sum(1 for _ in self.lines())
        return f"{counted(joins, 'server joins its', 'servers join their')} ensemble" \
            if joins else ""

    def lines(self) -> Iterator[str]:
        for growth in self.found.values():
            yield from growth.lines()

    def tells(self, datacenter: str, service: str) -> bool:
        return service == NAME and datacenter in self.found


def grow(
    site: Site, growth: Growth, deliverer: Deliverer, progress: Progress
) -> int:
    """Take an ensemble through its lists; how many restarts that took. Raises LabError."""
    return sum(_step(site, servers, deliverer, progress) for servers in growth.lists)


def _step(site: Site, servers: Servers, deliverer: Deliverer, progress: Progress) -> int:
    context = at(site.context, site.datacenter, servers)
    now = Site(site.fleet, context, site.datacenter)
    plans = survey(site.fleet, now.zookeeper.hosts, context, (NAME,), progress)
    converge(site.fleet, plans, context, deliverer, progress)
    count = restart_all(drivers((NAME,)), joining(now, plans, servers), plans, progress)
    driver(NAME).settled(now)  # the next server comes when this one has what the others have
    return count


def at(context: Context, datacenter: Datacenter, servers: Servers) -> Context:
    """The lab while a datacenter's ensemble has no more than these servers."""
    return replace(context, ensembles={**context.ensembles, datacenter.name: servers})


def joining(site: Site, plans: Mapping[str, HostPlan], servers: Servers) -> Site:
    """The site with the servers of whom one that has yet to restart does not know.

    Such a one may find no majority before; for all others, to be silent is to be missing.
    """
    unknown: set[int] = set()
    for host in site.datacenter.by_role(NAME):
        if host.name in plans and _UNIT.name in plans[host.name].restarts:
            unknown |= servers - _runs_with(site, plans[host.name], servers)
    return replace(site, joining=frozenset(
        host.name for host in site.datacenter.by_role(NAME) if host.number in unknown
    ))


def _runs_with(site: Site, plan: HostPlan, servers: Servers) -> Servers:
    """The list that a server's process was started with: its file's, or the one that its digest
    tells where the file is ahead of it; `servers` where nothing says that it is another."""
    known = _known(plan, servers)
    if known is not None and known != servers:
        return known
    before = next(one.before for one in plan.changes if one.key == _UNIT)
    digest = before.digest.partition("-")[2] if isinstance(before, state.Unit) else ""
    for number in sorted(servers - {plan.host.number}):
        fewer = servers - {number}
        if digest and digest == _digest(plan.host, at(site.context, site.datacenter, fewer)):
            return fewer
    return servers


def _digest(host: Host, context: Context) -> str:
    unit = desired_state(host, context, (NAME,))[_UNIT]
    return unit.digest if isinstance(unit, state.Unit) else ""


def _known(plan: HostPlan, wanted: Servers) -> Servers | None:
    """The list in a server's file; None where there is none yet."""
    change = next((one for one in plan.changes if one.key == _FILE), None)
    if change is None:
        return wanted
    if not isinstance(change.before, state.File):
        return None
    return listed(str(change.before.content), plan.host.number)
