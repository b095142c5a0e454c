"""A cluster that comes to another release of Kafka: in which rolls, and what finalises it.

See lab.upgrade for why, and scripts.passages.upgrading for how it is done. Where it stands is
read from the files that brokers and controllers are started from, and with KRaft from the cluster:
a run that is cut off goes on from there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from lab import state, upgrade
from lab.artifacts import started
from lab.services.context import UNIT_FOLDER, Context
from lab.services.kafka import CONFIG, release
from lab.services.quorum import controllers
from lab.services.registry import SERVICES
from lab.standing import REPLACE
from lab.state import Key
from lab.topology import Host
from lab.upgrade import PROTOCOL, CannotBecome, Release
from lab.versions import BRIDGE, has_zookeeper
from scripts.clients.features import levels
from scripts.drivers.driver import Site
from scripts.drivers.release import FINALIZE, KEEPER, NAME
from scripts.errors import LabError, TimeoutExpired, few
from scripts.hosts.converge import HostPlan, pending, survey
from scripts.workstation.waiting import wait_until

AWAKE_SECONDS = 60.0


class Unfit(LabError):
    """A cluster cannot run the version that is wanted."""


@dataclass(frozen=True)
class Node:
    """A broker or a controller: the service that it is, and the version of Kafka that this is
    started from, "" where there is none yet; `comes`: this run brings it to the wanted one."""

    host: Host
    service: str
    version: str
    comes: bool


@dataclass(frozen=True)
class Upgrade:
    """What the cluster of one datacenter passes through, on the way to the lab file's version.

    rolls: with ZooKeeper, what its brokers are, one roll after the other. raised: with KRaft, the
    features that are finalised at the end. known: whether these could be asked for. gone: the hosts
    that this run removes before that.
    """

    site: Site
    nodes: tuple[Node, ...]
    rolls: tuple[Release, ...] = ()
    spoken: str = ""
    raised: upgrade.Raised = field(default_factory=dict)
    known: bool = True
    gone: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        return str(self.site.datacenter.config.version)

    @property
    def before(self) -> tuple[str, ...]:
        """The other versions that are there, the oldest first."""
        found = {node.version for node in self.nodes} - {"", self.version}
        return tuple(sorted(found, key=upgrade.order))

    @property
    def left(self) -> tuple[str, ...]:
        """The hosts that this run leaves alone, although the release is not finalised without them:
        with ZooKeeper all have to restart for that, with KRaft all have to run it. A broker that
        the lab file has no more comes to no other version, and has to be gone."""
        kraft = self.site.datacenter.config.led
        return (*(node.host.name for node in self.nodes
                  if not node.comes and not (kraft and node.version == self.version)),
                *self.site.leaving.values())

    @property
    def by_hand(self) -> bool:
        return self.site.lab.kafka.finalize == "by hand"

    @property
    def ends(self) -> str:
        """What finalises the release, in words; "" where nothing is left for that."""
        wanted = release(self.site.datacenter, self.site.lab).protocol
        if self.site.datacenter.config.led:
            return upgrade.change(self.raised)
        return f"{PROTOCOL} {self.spoken} to {wanted}" if self.spoken not in ("", wanted) else ""

    @property
    def finalizes(self) -> bool:
        """Whether this run does."""
        return bool(self.ends) and not self.by_hand and not self.left

    @property
    def last(self) -> Release | None:
        """With ZooKeeper: the roll that finalises, where there is another one before it."""
        return self.rolls[-1] if self.finalizes and len(self.rolls) > 1 else None

    @property
    def held(self) -> str:
        """The protocol that all brokers speak at first in this run; "" for that of their release.
        """
        if not self.spoken or (self.finalizes and len(self.rolls) == 1):
            return ""
        return self.spoken if self.ends else ""

    def lines(self) -> Iterator[str]:
        """For people: the phases, in order."""
        if not self.before:
            if self.finalizes:
                yield (f"{self.site.name}: Kafka {self.version} is finalised, {self.ends}: "
                       f"{FOR_GOOD}")
            elif self.ends:
                yield f"note: {self.waits}"
            return
        way = "back from" if upgrade.older(self.version, self.before) else "from"
        yield f"{self.site.name}: {way} Kafka {', '.join(self.before)} to {self.version}"
        kinds = dict.fromkeys(f"{node.service}s" for node in self.nodes)
        what = " and ".join(sorted(kinds)).replace("kafkas", "brokers")
        held = f", and speak {PROTOCOL} {self.held} as before" if self.held else ""
        yield f"  1. {what} restart with {self.version}, one at a time{held}"
        if self.finalizes:
            once = f"once {few(self.gone)} is removed, " if self.gone else ""
            yield f"  2. {once}finalised, {self.ends}: {FOR_GOOD}"
        elif self.ends and self.site.leaving and not self.by_hand:
            yield f"  2. not before {self._leavers} has left, with `fab up`: {self.ends}"
        elif self.ends and self.left:
            yield f"  2. not in this run, which is for some of its hosts: {self.ends}"
        elif self.ends:
            yield f"  2. {FINALIZE}, when you say so: {self.ends}; until then there is a way back"

    @property
    def waits(self) -> str:
        """What is not finalised after this run, and how it is."""
        if self.site.leaving and not self.by_hand:
            return (f"{self.site.name}: Kafka {self.version} is not finalised ({self.ends}) before "
                    f"{self._leavers} has left: `fab up`")
        if self.left and not self.by_hand:
            return (f"{self.site.name}: Kafka {self.version} is not finalised ({self.ends}) by a "
                    f"run without {few(self.left)}: `fab up --datacenter {self.site.name}`")
        return (f"{self.site.name}: Kafka {self.version} waits to be finalised ({self.ends}): "
                f"{FINALIZE}")

    @property
    def _leavers(self) -> str:
        return few(list(self.site.leaving.values()))


FOR_GOOD = "no way back from then on"


def upgrades(
    places: Mapping[str, Site], hosts: Sequence[Host], plans: Mapping[str, HostPlan],
    only: Collection[str] | None = None, *, woken: Collection[str] = (),
) -> dict[str, Upgrade]:
    """Where each cluster stands before `hosts` are changed as planned, by datacenter.

    Controllers on hosts that have just been `woken` get time to answer. Raises LabError for a
    cluster that cannot run the version that is wanted.
    """
    if not places or (only is not None and not {NAME, KEEPER} & {*only}):
        return {}
    names = {host.name for host in hosts}
    one = partial(_upgrade, names=names, plans=plans, only=only, woken=woken)
    found = next(iter(places.values())).fleet.each(lambda name: one(places[name]), places)
    return {name: each for name, each in found.items() if each.nodes}


def unfit(
    places: Mapping[str, Site], hosts: Sequence[Host], plans: Mapping[str, HostPlan]
) -> list[LabError]:
    """Why clusters cannot run the version that is wanted; one that cannot be asked is no such."""
    found: list[LabError] = []
    for name, site in places.items():
        try:
            upgrades({name: site}, hosts, plans)
        except Unfit as error:
            found.append(error)
        except LabError:
            continue
    return found


def _upgrade(
    site: Site, *, names: set[str], plans: Mapping[str, HostPlan], only: Collection[str] | None,
    woken: Collection[str],
) -> Upgrade:
    kraft = site.datacenter.config.led
    carrying = [(host, NAME) for host in site.datacenter.by_role(NAME)]
    carrying += [(host, KEEPER) for host in controllers(site.datacenter) if host.role != NAME]

    def chosen(host: Host, service: str) -> bool:
        return host.name in names and (only is None or service in only)

    mine = {host.name for host, service in carrying if chosen(host, service)}
    if not mine:
        return Upgrade(site, ())
    others = [host for host, service in carrying
              if not chosen(host, service) and host.name in site.fleet.hosts]
    moves = any(_moves(plans[name]) for name in mine & plans.keys())
    if others and (moves or (kraft and upgrade.raised(
            levels(site.quorum) or {}, site.datacenter.config.version))):
        closed = site.fleet.closed(host.name for host in others)
        there = [host for host in others if host.name not in closed]
        plans = {**plans, **survey(site.fleet, there, site.context, (NAME, KEEPER))}
    config = site.datacenter.config
    if config.servers and not has_zookeeper(config.version):
        found = tuple(sorted({_version(site, plans.get(host.name), service)
                              for host, service in carrying} - {"", config.version}))
        raise Unfit(
            f"it cannot become Kafka {config.version}: its metadata is in ZooKeeper, which that "
            "version has not", where=site.name,
            hint=f'say version = "{found[-1] if found else BRIDGE}" until `fab kraft.finish`',
        )
    nodes = tuple(
        Node(host, service, _version(site, plans.get(host.name), service), chosen(host, service))
        for host, service in carrying
    )
    if kraft:
        return _of_kraft(Upgrade(site, nodes), awaited=bool(woken))
    return _of_zookeeper(Upgrade(site, nodes), plans)


def _of_zookeeper(found: Upgrade, plans: Mapping[str, HostPlan]) -> Upgrade:
    site = found.site
    wanted = release(site.datacenter, site.lab)
    brokers = {Release(node.version, _protocol(site, plans[node.host.name], node.version))
               for node in found.nodes if node.version}
    try:
        rolls = upgrade.rolls(brokers, wanted, finalize=True)
    except CannotBecome as error:
        raise _refused(found, error) from error
    spoken = max((one.protocol for one in brokers), key=upgrade.order, default="")
    held = Release(found.version, spoken)
    if {*brokers} == {held} and rolls and _stale(site, spoken):
        rolls = (held, *rolls)
    return replace(found, rolls=rolls, spoken=spoken)


def _stale(site: Site, protocol: str) -> bool:
    """Whether brokers whose files hold them at a protocol have yet to restart with these: a run was
    cut off between the two, and what they run may be of the older release."""
    brokers = [host for host in site.carriers(NAME) if host.name in site.fleet.hosts]
    closed = site.fleet.closed(host.name for host in brokers)
    there = [host for host in brokers if host.name not in closed]
    plans = survey(site.fleet, there, held_at(site, {site.name: protocol}), (NAME,))
    return bool(pending(plans, SERVICES[NAME]))


def held_at(site: Site, protocols: Mapping[str, str]) -> Context:
    """The lab while brokers of these datacenters are held at a protocol."""
    return replace(site.context, protocols={**site.context.protocols, **protocols})


def _of_kraft(found: Upgrade, *, awaited: bool) -> Upgrade:
    back = upgrade.older(found.version, found.before)
    # Nobody is asked where no host has anything yet.
    there = any(node.version for node in found.nodes) or not all(node.comes for node in found.nodes)
    known: upgrade.Levels | None = levels(found.site.quorum) if there else None
    if known is None and back:
        known = known_levels(found.site, AWAKE_SECONDS if awaited else 0.0)
    if known is None:
        return replace(found, known=False)
    try:
        upgrade.fits(known, found.version, back=back)
    except CannotBecome as error:
        raise _refused(found, error) from error
    return replace(found, raised=upgrade.raised(known, found.version))


def known_levels(site: Site, timeout: float = AWAKE_SECONDS) -> upgrade.Levels:
    """The features that are finalised, once a controller tells. Raises LabError."""
    try:
        known: upgrade.Levels = wait_until(lambda: levels(site.quorum), timeout=timeout)
    except TimeoutExpired:
        raise LabError("what is finalised is not known: no controller answers", where=site.name,
                       hint="see `fab status`") from None
    return known


def _refused(found: Upgrade, error: CannotBecome) -> Unfit:
    return Unfit(f"it cannot become Kafka {found.version}: {error}", where=found.site.name,
                    hint=_undo(found))


def _undo(found: Upgrade) -> str:
    way = f'say version = "{found.before[-1]}" again' if found.before else "undo that"
    return f"{way}, or {REPLACE}"


def _moves(plan: HostPlan) -> bool:
    """Whether anything of a broker or a controller changes on a host."""
    return any(plan.of(key) for key in (Key("file", CONFIG), _unit(NAME), _unit(KEEPER)))


def _unit(service: str) -> Key:
    return Key("file", f"{UNIT_FOLDER}/{SERVICES[service].unit}")


def _version(site: Site, plan: HostPlan | None, service: str) -> str:
    """What a node is started from; "" where it has nothing yet, or was not looked at."""
    if plan is None:
        return ""
    change = plan.of(_unit(service))
    if change is None:
        return str(site.datacenter.config.version)
    return (started(change.before.text) or "") if isinstance(change.before, state.File) else ""


def _protocol(site: Site, plan: HostPlan, version: str) -> str:
    change = plan.of(Key("file", CONFIG))
    if change and isinstance(change.before, state.File):
        return upgrade.spoken(change.before.text, version)
    said = site.lab.kafka.config.get(PROTOCOL, upgrade.own_protocol(version))
    return str(said).partition("-")[0]
