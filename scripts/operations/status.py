"""What the lab is doing now: hosts, services, clusters. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from lab.services.context import Context
from lab.services.registry import roles, running_on
from lab.topology import Host, Topology
from scripts.drivers.driver import Part, Site, sites
from scripts.drivers.registry import drivers_of
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet
from scripts.hosts.units import UnitReport, parse_units, units_script
from scripts.operations import surplus
from scripts.operations.reach import Unreached, counted, problems as problems_of, unreached
from scripts.operations.surplus import Surplus
from scripts.platforms import Instance, Platform


def collect(
    fleet: Fleet, topology: Topology, hosts: Sequence[Host], instances: Mapping[str, Instance],
    context: Context, *, but: Collection[str] = (), left: Sequence[Surplus] = (),
    platform: Platform | None = None,
) -> dict[str, Any]:
    """The lab's state as a JSON object; see docs/status.md for its fields.

    `but`: services whose own part is left out. `left`: hosts that the lab file does not mean.
    `platform` knows why a host lets nobody in.
    """
    names = {host.datacenter for host in hosts}
    reachable = {
        h.name: h for h in hosts if h.name in instances and instances[h.name].running
    }
    closed = unreached(platform, fleet, reachable) if platform else {}
    services = {name: {"ssh": one.words} for name, one in closed.items()}
    services |= fleet.each(
        lambda name: services_of(fleet, reachable[name], context), reachable.keys() - closed
    )
    places = sites(fleet, context, [d for d in topology.datacenters if d.name in names])
    shown = {
        name: [_host(h, topology, instances.get(h.name), services.get(h.name, {}))
               for h in site.datacenter.hosts if h in hosts]
        for name, site in places.items()
    }
    datacenters = fleet.each(
        lambda name: _datacenter(
            places[name], shown[name], services, closed, but=but,
            more=surplus.problems(left, name),
        ), places
    )
    return {
        "healthy": all(datacenter["healthy"] for datacenter in datacenters.values()),
        "datacenters": list(datacenters.values()),
        "surplus": [one.as_json() for one in left],
    }


def services_of(fleet: Fleet, host: Host, context: Context) -> dict[str, str]:
    """State by service name; {"ssh": why} when the host does not answer."""
    found = {str(service.unit): "missing" for service in running_on(host, context.topology)}
    try:
        found |= {unit.name: unit.words for unit in look(fleet, host, context)}
    except LabError as error:
        return {"ssh": error.what}
    return {unit.removesuffix(".service"): words for unit, words in found.items()}


def look(fleet: Fleet, host: Host, context: Context) -> list[UnitReport]:
    """The units of a host's services. Raises LabError when the host does not answer."""
    ports = {
        str(service.unit): port.number if (port := service.port_on(host, context)) else None
        for service in running_on(host, context.topology)
    }
    script = units_script(ports) if ports else ":\n"
    answer = fleet[host.name].script(script, label="status", timeout=30)
    return list(parse_units(answer.stdout))


def _datacenter(
    site: Site, shown: Sequence[dict[str, Any]], services: Mapping[str, Mapping[str, str]],
    closed: Mapping[str, Unreached], *, but: Collection[str], more: Sequence[str],
) -> dict[str, Any]:
    up = [name for name, found in services.items() if "ssh" not in found]
    parts: dict[str, Part] = {
        driver.name: driver.status(site, up) for driver in drivers_of(site, but)
    }
    # Of a service whose hosts all let nobody in, nothing is known: least of all that it is down.
    seen = [part for name, part in parts.items()
            if not closed or any(host.name not in closed for host in site.carriers(name))]
    names = [host["name"] for host in shown]
    problems = [p for p in (
        *_of_hosts([host for host in shown if host["name"] not in closed]),
        *problems_of({name: closed[name] for name in names if name in closed}),
        *(p for part in seen for p in part.problems), *more,
    ) if p]
    for host in shown:
        words = [part.details[host["name"]] for part in parts.values()
                 if host["name"] in part.details]
        host["detail"] = ", ".join(words)
    return {
        "name": site.name,
        "healthy": not problems,
        "problems": problems,
        "hosts": list(shown),
        "lines": [line for part in parts.values() for line in part.lines],
        **{name: part.data for name, part in parts.items()},
    }


def _of_hosts(shown: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with hosts; where many are not there or stand still, once for all."""
    absent = [host["name"] for host in shown if not host["ssh"]]
    asleep = [host["name"] for host in shown if host["ssh"] and not host["running"]]
    for names, words in ((absent, "do not exist"), (asleep, "are stopped")):
        if len(names) > 1:
            yield f"{counted(names)} {words}"
    told = {name for names in (absent, asleep) if len(names) > 1 for name in names}
    yield from (host["problem"] for host in shown if host["name"] not in told)


def _host(
    host: Host, topology: Topology, instance: Instance | None, services: Mapping[str, str]
) -> dict[str, Any]:
    if instance is None:
        problem = f"{host.name} does not exist"
    elif not instance.running:
        problem = f"{host.name} is stopped"
    else:
        problem = next(
            (f"{name} on {host.name}: {state}" for name, state in services.items()
             if state != "running"), "",
        )
    return {
        "name": host.name, "fqdn": host.fqdn, "address": str(host.address),
        "ssh": f"{instance.user}@{instance.ssh_host}:{instance.ssh_port}" if instance else None,
        "roles": list(roles(host, topology)), "services": dict(services), "problem": problem,
        "running": bool(instance and instance.running),
    }


def rows(found: Mapping[str, Any]) -> list[list[str]]:
    """The state as the rows of the status table, one a host."""
    result = []
    for datacenter in found["datacenters"]:
        for host in datacenter["hosts"]:
            state = "running" if host["running"] else ("stopped" if host["ssh"] else "missing")
            words = ", ".join(f"{k} {v}" for k, v in host["services"].items()) or "-"
            result.append([
                datacenter["name"], host["name"], host["address"], host["ssh"] or "-", state, words,
                host["detail"],
            ])
    for one in found["surplus"]:
        state = "running" if one["running"] else "stopped"
        result.append([one["datacenter"] or "-", one["name"], one["address"], "-", state, "-",
                       "surplus: not in the lab file"])
    return result
