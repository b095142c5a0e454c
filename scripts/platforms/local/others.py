"""Other labs on this machine: what they have that this one needs."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network

from lab.counted import counted
from lab.standing import Obstacle
from scripts.errors import UsageError
from scripts.platforms.local import network
from scripts.platforms.local.choice import Memory, choose
from scripts.platforms.local.container import HOST_LABEL, LAB_LABEL, every_port
from scripts.platforms.local.engine import Container, Engine
from scripts.platforms.local.finding import Machine


def labs(engine: Engine) -> dict[str, list[Container]]:
    """The hosts of every lab that the engine has, by the lab's name."""
    found: dict[str, list[Container]] = {}
    for one in engine.containers(LAB_LABEL):
        if HOST_LABEL in one.labels:
            found.setdefault(one.labels[LAB_LABEL], []).append(one)
    return found


def engine_of(lab: str, own: str, memory: Memory, machine: Machine) -> Engine:
    """The engine of another lab than `own`. Raises UsageError where no engine that answers has one
    of that name, nor its state folder remembers one."""
    known = {name for one in machine.answering for name in labs(one)} - {own}
    if lab in known or memory.engine:
        return choose(lab, memory, machine, several=True)
    hint = f"known: {', '.join(sorted(known)) or 'none'}"
    raise UsageError(
        f"no other lab {lab!r} on this machine",
        hint="; ".join([hint, *(f"{one.what} ({one.remedy})" for one in machine.silent)]),
    )


def in_the_way(
    engine: Engine, lab: str, ports: Mapping[int, str], wanted: IPv4Network
) -> Obstacle | None:
    """Another lab than `lab` that has one of its `ports` (port: whose it is) or its network."""
    for name, found in sorted(labs(engine).items()):
        if name == lab:
            continue
        taken = {port for one in found if one.running for port in every_port(one)} & ports.keys()
        has = [f"port {port} of 127.0.0.1 ({ports[port]})" for port in sorted(taken)[:1]]
        there = network.found(f"kafkalab-{name}", found, engine)
        if there and there.subnet.overlaps(wanted):
            has.append(f"the network {there.subnet}")
        if has:
            return Obstacle(
                "", f"the lab {name} with {counted(len(found), 'host')} has {' and '.join(has)}",
                f"end that lab with its data: `fab down --lab {name}`; or change port_base and "
                "the cidr of the datacenters in the lab file",
            )
    return None
