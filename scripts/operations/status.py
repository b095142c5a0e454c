"""What the lab is doing now: hosts, services, clusters. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lab.services.context import Context
from lab.services.registry import roles, running_on
from lab.topology import Host, Topology
from scripts.drivers.driver import Part, Site, sites
from scripts.drivers.registry import drivers_of
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet
from scripts.hosts.units import UnitReport, parse_units, units_script
from scripts.platforms import Instance


def collect(
    fleet: Fleet, topology: Topology, hosts: Sequence[Host], instances: Mapping[str, Instance],
    context: Context, *, but: Collection[str] = (),
) -> dict[str, Any]:
    """The lab's state as a JSON object; see docs/status.md for its fields.

    `but`: services whose own part is left out.
    """
    names = {host.datacenter for host in hosts}
    reachable = {
        h.name: h for h in hosts if h.name in instances and instances[h.name].running
    }
    services = fleet.each(lambda name: services_of(fleet, reachable[name], topology), reachable)
    places = sites(fleet, context, [d for d in topology.datacenters if d.name in names])
    shown = {
        name: [_host(h, topology, instances.get(h.name), services.get(h.name, {}))
               for h in site.datacenter.hosts if h in hosts]
        for name, site in places.items()
    }
    datacenters = fleet.each(
        lambda name: _datacenter(places[name], shown[name], services, but), places
    )
    return {
        "healthy": all(datacenter["healthy"] for datacenter in datacenters.values()),
        "datacenters": list(datacenters.values()),
    }


def services_of(fleet: Fleet, host: Host, topology: Topology) -> dict[str, str]:
    """State by service name; {"ssh": why} when the host does not answer."""
    found = {str(service.unit): "missing" for service in running_on(host, topology)}
    try:
        found |= {unit.name: unit.words for unit in look(fleet, host, topology)}
    except LabError as error:
        return {"ssh": error.what}
    return {unit.removesuffix(".service"): words for unit, words in found.items()}


def look(fleet: Fleet, host: Host, topology: Topology) -> list[UnitReport]:
    """The units of a host's services. Raises LabError when the host does not answer."""
    ports = {
        str(service.unit): service.port.number if service.port else None
        for service in running_on(host, topology)
    }
    script = units_script(ports) if ports else ":\n"
    answer = fleet[host.name].script(script, label="status", timeout=30)
    return list(parse_units(answer.stdout))


def _datacenter(
    site: Site, shown: Sequence[dict[str, Any]], services: Mapping[str, Mapping[str, str]],
    but: Collection[str],
) -> dict[str, Any]:
    up = [name for name, found in services.items() if "ssh" not in found]
    parts: dict[str, Part] = {
        driver.name: driver.status(site, up) for driver in drivers_of(site, but)
    }
    problems = [p for p in (
        *(h["problem"] for h in shown), *(p for part in parts.values() for p in part.problems),
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
    return result
