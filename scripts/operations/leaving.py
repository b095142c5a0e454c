"""Hosts that the lab file has no more: emptied, stopped and removed, once a person agrees.

A broker goes when its cluster has all that it had on others; a datacenter, when no mirror leads
there any more. Nothing else in the lab removes a host that has data. How far it has come is seen in
the lab itself, so a run that was killed is gone on with by the next one, whoever says it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lab.standing import Leaver, leaving
from lab.topology import Host
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet
from scripts.operations.going import Going
from scripts.operations.guard import refusals, refuse, unsurvived
from scripts.operations.surplus import lost
from scripts.operations.up import deploy
from scripts.platforms import Instance
from scripts.session import Session

if TYPE_CHECKING:
    from scripts.drivers.balancing import Stand

# What the disk has, not the length of files: Kafka's indexes are longer than what is in them.
SIZE = "[ ! -d /data ] || du --summarize --one-file-system --block-size=1 /data\n"


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
    from scripts.drivers.balancing import NoRoomError  # noqa: PLC0415 - few labs lose a host
    from scripts.operations import removing  # noqa: PLC0415 - the same

    stands: dict[str, Stand] = {}
    unknown: dict[str, str] = {}
    refused: list[LabError] = []
    up = {name for name, one in instances.items() if one.running}
    gone = {one.name: instances[one.name] for one in found if one.broker is None}
    with session.fleet(dict(instances)) as fleet:
        for name, site in removing.places(session, fleet, instances, found).items():
            try:
                stands[name] = removing.stand(site, up)
            except NoRoomError as error:
                refused.append(error)
            except LabError as error:
                unknown[name] = error.what
        return Going(found, _sizes(fleet, [one.name for one in found if one.name in up]), stands,
                     unknown, tuple(lost(gone, session.topology.lab)), tuple(refused))


def up(
    session: Session, hosts: Sequence[Host], agree: Callable[[Going], None], *, narrowed: bool,
    instances: dict[str, Instance] | None = None,
) -> None:
    """Bring `hosts` to what the lab file says, and remove those that leave (see `look`); `agree`
    raises where nobody wants that, before anything is touched. `instances`: those that there are,
    where they were looked at a moment ago."""
    if instances is None:
        instances = session.platform.instances()
    going = look(session, hosts, instances, narrowed=narrowed)
    if not going:
        deploy(session, hosts, instances)
        return
    from scripts.operations import removing  # noqa: PLC0415 - few labs lose a host

    for line in going.lines():
        session.say(line)
    refuse([*refusals(session, hosts, instances), *unsurvived(session, hosts, instances),
            *going.refused])
    agree(going)
    removing.wake(session, going, instances)
    deploy(session, hosts)  # mirrors that lead there are gone now, and all that stay are whole
    removing.remove(session, going)
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


def _sizes(fleet: Fleet, names: Sequence[str]) -> dict[str, int]:
    def one(name: str) -> int | None:
        try:
            said = fleet[name].script(SIZE, label="size of /data").stdout.split()
        except LabError:
            return None
        return int(said[0]) if said else 0

    return {name: size for name, size in fleet.each(one, names).items() if size is not None}
