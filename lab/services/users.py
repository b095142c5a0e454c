"""Users and their quotas as a service: no process, but things that brokers know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.listeners import KINDS, opened
from lab.problems import Problem, no_such_datacenter
from lab.resources import CLIENT, GRANTED, USER, Absent, ClusterState, User
from lab.services import acls
from lab.services.context import Context
from lab.services.service import Service
from lab.state import Key
from lab.topology import Datacenter

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab
    from lab.options.users import Client as ClientOptions, User as UserOptions

NAME = "users"


def of_datacenter(lab: Lab, datacenter: str) -> Iterator[tuple[Key, UserOptions | ClientOptions]]:
    """The users and the client ids that the lab file names for a datacenter."""
    for user in lab.users:
        if datacenter in user.datacenters or not user.datacenters:
            yield Key(USER, user.name), user
    for client in lab.clients:
        if datacenter in client.datacenters or not client.datacenters:
            yield Key(CLIENT, client.id), client


def wanted(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    return bool(lab.users or lab.clients) and any(
        True for _ in of_datacenter(lab, datacenter.name))


def resources(datacenter: Datacenter, context: Context) -> ClusterState:
    """The users of a datacenter. Their passwords are no matter of the lab file."""
    lab = context.topology.config
    return {
        key: Absent() if one.absent else User(
            {**one.quotas.settings(), **dict.fromkeys(granted(lab, one), GRANTED)})
        for key, one in of_datacenter(lab, datacenter.name)
    }


def granted(lab: Lab, one: UserOptions | ClientOptions) -> tuple[str, ...]:
    """What somebody may do; nothing where nobody asks for it."""
    return getattr(one, "acls", ()) if lab.security.acls else ()


def findings(lab: Lab) -> Iterator[Problem]:
    yield from acls.findings(lab)
    known = [one.name for one in lab.datacenters]
    sections = (
        *((f"users[{number}]", "name", one.name, one.datacenters)
          for number, one in enumerate(lab.users, 1)),
        *((f"clients[{number}]", "id", one.id, one.datacenters)
          for number, one in enumerate(lab.clients, 1)),
    )
    seen: Counter[tuple[str, str, str]] = Counter()
    for field, key, name, places in sections:
        for place in places:
            if place not in known:
                yield Problem(
                    f"{field}.datacenters", repr(place), no_such_datacenter(place, known))
        for place in sorted(set(places or known) & set(known)):
            seen[key, name, place] += 1
            if seen[key, name, place] == 2:
                yield Problem(f"{field}.{key}", repr(name),
                              f"is there already in {place}; accepted: once")


def advice(lab: Lab) -> Iterator[Problem]:
    """What would hold for nobody."""
    yield from acls.advice(lab)
    logins = any(KINDS[one].mechanism for one in opened(lab.security.listeners))
    if logins and not any(not one.absent for one in lab.users):
        yield Problem("security.listeners", repr(lab.security.listeners[-1]),
                      "no user of [[users]] can log in, since there is none")
    if not acls.nobody(lab.security):
        return
    for index, one in enumerate(lab.users, 1):
        if one.quotas.settings() and not one.absent:
            yield Problem(
                f"users[{index}].quotas", repr(one.name),
                "brokers of this lab ask nobody for a name, so the user's quotas hold for nobody; "
                "[[clients]] has quotas by client id",
            )


SERVICE = Service(
    name=NAME,
    summary="Set up users, what they may do, and quotas.",
    roles=("kafka",),
    wanted=wanted,
    needs=("kafka",),
    resources=resources,
    check=findings,
    advise=advice,
)
