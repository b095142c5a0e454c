"""Hosts that leave the lab (`scripts.operations.leaving`): how brokers are emptied, and all of them
stopped and removed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing

from lab.balance import RATE_MB
from lab.standing import Leaver
from scripts.clients.reassigning import Reassigning
from scripts.drivers.balancing import Balancing, Stand
from scripts.drivers.draining import Draining
from scripts.drivers.driver import Site, sites
from scripts.drivers.looks import awake
from scripts.hosts.fleet import Fleet
from scripts.operations.going import Going
from scripts.operations.pause import stop_services
from scripts.platforms import Instance
from scripts.session import Session
from scripts.workstation.stopping import stoppable

MB = 1_000_000


def places(
    session: Session, fleet: Fleet, instances: Mapping[str, Instance], found: Sequence[Leaver]
) -> dict[str, Site]:
    """The datacenters that brokers leave."""
    names = {one.datacenter for one in found if one.broker}
    chosen = [one for one in session.topology.datacenters if one.name in names]
    return sites(fleet, session.context({}, instances, fleet), chosen)


def stand(site: Site, running: Collection[str]) -> Stand:
    """What a cluster has to move before its brokers leave. Raises LabError."""
    awake(site, running)
    with closing(Reassigning(site.kafka.endpoint, site.name)) as cluster:
        return Balancing(site, cluster, site.leaving, even=False).look()


def wake(session: Session, going: Going, instances: Mapping[str, Instance]) -> None:
    """Start brokers that leave where their cluster is not whole: others may wait for replicas that
    they have, and a broker that stands still gives nothing away."""
    session.platform.start([
        one.name for one in going.leavers
        if one.broker and one.datacenter in going.unknown and not instances[one.name].running
    ])


def remove(session: Session, going: Going) -> None:
    """Empty and stop what leaves, each datacenter in turn, and remove it. Raises LabError; what is
    removed by then, is."""
    instances = session.platform.instances()
    with session.fleet(instances) as fleet:
        for site in places(session, fleet, instances, going.leavers).values():
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
