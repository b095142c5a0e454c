"""What running brokers have open, by their own command lines."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from lab.listeners import Listening, now, said, steps, wanted
from lab.services.context import Context
from lab.topology import Datacenter
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet

NAME = "kafka"
LOOK_SECONDS = 10.0
# Root may read the command line of another user's process. A broker that does not run says nothing.
READ = """\
pid=$(systemctl show -p MainPID --value kafka.service 2>/dev/null) || :
[ "${pid:-0}" = 0 ] || { echo runs; tr '\\0' '\\n' <"/proc/$pid/cmdline"; }
"""


def brokers(fleet: Fleet, datacenter: Datacenter, met: Collection[str]) -> list[Listening]:
    """What each running broker of a datacenter has open; `met` are the hosts that can be asked."""
    def one(name: str) -> Listening | None:
        try:
            answer = fleet[name].script(READ, label="listeners?", timeout=LOOK_SECONDS).stdout
        except LabError:
            return None
        return said(answer) if answer.startswith("runs\n") else None

    names = [host.name for host in datacenter.by_role(NAME) if host.name in met]
    return [one for one in fleet.each(one, names).values() if one is not None]


def stood(context: Context, fleet: Fleet, met: Collection[str]) -> Context:
    """A lab with its brokers as they are now, and with what lies between that and the lab file."""
    goal = wanted(context.topology.config.security)
    listening: dict[str, Listening] = {}
    coming: dict[str, tuple[Listening, ...]] = {}
    for datacenter in context.topology.datacenters:
        there = brokers(fleet, datacenter, met)
        if ahead := steps(there, goal):
            coming[datacenter.name] = ahead
            listening[datacenter.name] = now(there, goal)
    return replace(context, listening=listening, coming=coming)


def at_step(context: Context, steps: Mapping[str, tuple[Listening, ...]], number: int) -> Context:
    """A lab at a step of those that lie ahead; datacenters that need fewer wait at their last."""
    here = {name: each[min(number, len(each) - 1)] for name, each in steps.items()}
    return replace(context, listening={**context.listening, **here})


def names(context: Context) -> dict[str, tuple[str, ...]]:
    """Under which names clients reach a broker, by its host."""
    return {
        host.name: tuple(dict.fromkeys((
            host.name, host.fqdn, str(host.address), "localhost", "127.0.0.1",
            *(address for (name, _), (address, _) in context.reached.items() if name == host.name),
        )))
        for datacenter in context.topology.datacenters for host in datacenter.by_role(NAME)
    }
