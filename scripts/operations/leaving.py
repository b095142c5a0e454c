"""Hosts that the lab file has no more: emptied, stopped and removed, once a person agrees.

A broker goes when its cluster has all that it had on others; a datacenter, when no mirror leads
there any more. Nothing else in the lab removes a host that has data. How far it has come is seen in
the lab itself, so a run that was killed is gone on with by the next one, whoever says it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from lab.balance.plan import RATE_MB, Move
from lab.counted import counted
from lab.data import words
from lab.standing import Leaver, leaving
from lab.topology import Host
from scripts.clients.reassigning import Reassigning
from scripts.drivers.balancing import Balancing, NoRoomError, Stand, sentence
from scripts.drivers.draining import Draining
from scripts.drivers.driver import Site, sites
from scripts.drivers.looks import awake
from scripts.errors import LabError, few
from scripts.hosts.fleet import Fleet
from scripts.operations.guard import refusals, refuse, unsurvived
from scripts.operations.pause import stop_services
from scripts.operations.surplus import lost
from scripts.operations.up import deploy
from scripts.platforms import Instance
from scripts.session import Session
from scripts.workstation.stopping import stoppable

MB = 1_000_000
SHOWN = 20  # moves of a cluster that are told one by one
# What the disk has, not the length of files: Kafka's indexes are longer than what is in them.
SIZE = "[ ! -d /data ] || du --summarize --one-file-system --block-size=1 /data\n"


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
    copied = sorted((one for one in found if one.adds),
                    key=lambda one: (-one.size * len(one.adds), one.place))
    for one in copied[:SHOWN]:
        before, after, adds = (",".join(map(str, ids)) for ids in (one.before, one.after, one.adds))
        topic, number = one.place
        yield (f"{topic}-{number}: {before} become {after}, "
               f"{words.size(one.size * len(one.adds))} to {adds}")
    if len(copied) > SHOWN:
        yield f"and {len(copied) - SHOWN} more (`fab kafka.balance --plan` shows all)"


def look(
    session: Session, hosts: Sequence[Host], instances: Mapping[str, Instance], *, narrowed: bool
) -> Going:
    """What leaves where `hosts` become as the lab file says; changes nothing.

    Brokers leave with their whole datacenter chosen, and a datacenter where nobody has `narrowed`
    the choice. Elsewhere than on this machine, hosts are Terraform's to end.
    """
    found = _chosen(session, hosts, instances, narrowed=narrowed)
    if not found:
        return Going()
    stands: dict[str, Stand] = {}
    unknown: dict[str, str] = {}
    refused: list[LabError] = []
    up = {name for name, one in instances.items() if one.running}
    gone = {one.name: instances[one.name] for one in found if one.broker is None}
    with session.fleet(dict(instances)) as fleet:
        for name, site in _places(session, fleet, instances, found).items():
            try:
                stands[name] = _stand(site, up)
            except NoRoomError as error:
                refused.append(error)
            except LabError as error:
                unknown[name] = error.what
        return Going(found, _sizes(fleet, [one.name for one in found if one.name in up]), stands,
                     unknown, tuple(lost(gone, session.topology.lab)), tuple(refused))


def up(
    session: Session, hosts: Sequence[Host], agree: Callable[[Going], None], *, narrowed: bool
) -> None:
    """Bring `hosts` to what the lab file says, and remove those that leave (see `look`); `agree`
    raises where nobody wants that, before anything is touched."""
    instances = session.platform.instances()
    going = look(session, hosts, instances, narrowed=narrowed)
    if not going:
        deploy(session, hosts, instances)
        return
    for line in going.lines():
        session.say(line)
    refuse([*refusals(session, hosts, instances), *unsurvived(session, hosts, instances),
            *going.refused])
    agree(going)
    _wake(session, going, instances)
    deploy(session, hosts)  # mirrors that lead there are gone now, and all that stay are whole
    _remove(session, going)
    deploy(session, hosts)  # the others forget their names


def _chosen(
    session: Session, hosts: Sequence[Host], instances: Mapping[str, Instance], *, narrowed: bool
) -> tuple[Leaver, ...]:
    if session.platform_name != "local":
        return ()
    topology, names = session.topology, {host.name for host in hosts}
    whole = {datacenter.name for datacenter in topology.datacenters
             if all(host.name in names for host in datacenter.hosts)}
    found = leaving(topology, (one.standing for one in instances.values() if one.standing))
    return tuple(one for one in found
                 if (one.datacenter in whole if one.broker else not narrowed))


def _places(
    session: Session, fleet: Fleet, instances: Mapping[str, Instance], found: Sequence[Leaver]
) -> dict[str, Site]:
    """The datacenters that brokers leave."""
    names = {one.datacenter for one in found if one.broker}
    chosen = [one for one in session.topology.datacenters if one.name in names]
    return sites(fleet, session.context({}, instances, fleet), chosen)


def _stand(site: Site, running: Collection[str]) -> Stand:
    awake(site, running)
    with closing(Reassigning(site.kafka.endpoint, site.name)) as cluster:
        return Balancing(site, cluster, site.leaving, even=False).look()


def _sizes(fleet: Fleet, names: Sequence[str]) -> dict[str, int]:
    def one(name: str) -> int | None:
        try:
            said = fleet[name].script(SIZE, label="size of /data").stdout.split()
        except LabError:
            return None
        return int(said[0]) if said else 0

    return {name: size for name, size in fleet.each(one, names).items() if size is not None}


def _wake(session: Session, going: Going, instances: Mapping[str, Instance]) -> None:
    """Start brokers that leave where their cluster is not whole: others may wait for replicas that
    they have, and a broker that stands still gives nothing away."""
    session.platform.start([
        one.name for one in going.leavers
        if one.broker and one.datacenter in going.unknown and not instances[one.name].running
    ])


def _remove(session: Session, going: Going) -> None:
    """Empty and stop what leaves, each datacenter in turn, and remove it. Raises LabError; what is
    removed by then, is."""
    instances = session.platform.instances()
    with session.fleet(instances) as fleet:
        for site in _places(session, fleet, instances, going.leavers).values():
            site.kafka.wait_healthy()
            cluster = Reassigning(site.kafka.endpoint, site.name)
            with closing(cluster), stoppable() as stop:
                Draining(site, cluster, session.platform).finish(RATE_MB * MB, session.say, stop)
            _end(session, list(site.leaving.values()))
        gone = [instances[one.name] for one in going.leavers
                if one.broker is None and one.name in instances]
        silent = stop_services(session, fleet, [], [one for one in gone if one.running])
        for name, reason in sorted(silent.items()):
            session.say(f"warning: {name}: its services were not stopped first: {reason}")
        _end(session, [one.name for one in gone])


def _end(session: Session, names: Sequence[str]) -> None:
    for name in session.platform.remove(names):
        session.say(f"removed host {name}")
