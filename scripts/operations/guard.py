"""What `up` refuses before it touches anything, and what `plan` therefore tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.standing import fewer_controllers, smaller, strangers
from lab.topology import Host
from scripts.errors import LabError
from scripts.platforms import Instance
from scripts.session import Session
from scripts.workstation.memory import check_memory


def missing_hosts(hosts: Sequence[Host], instances: Mapping[str, Instance]) -> list[Host]:
    """The hosts that do not exist or do not run."""
    return [h for h in hosts if h.name not in instances or not instances[h.name].running]


def refusals(
    session: Session, hosts: Sequence[Host], instances: Mapping[str, Instance]
) -> list[LabError]:
    """Everything that keeps `hosts` from being made and changed as the lab file says."""
    topology = session.topology
    others = strangers(topology, (one.standing for one in instances.values() if one.standing))
    names = {host.name for host in hosts}
    found = [*smaller(topology, others), *fewer_controllers(topology, others),
             *session.platform.obstacles(names)]
    refused = [LabError(one.what, where=one.where, hint=one.hint) for one in found]
    if session.platform_name == "local":  # elsewhere hosts have a memory of their own
        try:
            check_memory(missing_hosts(hosts, instances), topology)
        except LabError as error:
            refused.append(error)
    return refused


def refuse(found: Sequence[LabError]) -> None:
    """Raises the first of `found`, the others in its notes."""
    if found:
        for other in found[1:]:
            found[0].add_note(str(other))
        raise found[0]
