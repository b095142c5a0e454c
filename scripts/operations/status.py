"""What the lab is doing now: hosts, services, ensembles, clusters. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.services.context import Context
from lab.services.registry import services_of
from lab.topology import Datacenter, Host, Topology
from scripts.clients import zookeeper as ensemble
from scripts.clients.kafka import Cluster, describe
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet
from scripts.platforms import Instance
from scripts.session import bootstrap

METADATA_SECONDS = 3.0

# One program for all units; a line a unit.
UNITS = """\
systemctl show -p Id,ActiveState,SubState -- {units} | while IFS='=' read -r key value; do
  case $key in
    Id) id=$value;; ActiveState) active=$value;; SubState) echo "$id $active $value";;
  esac
done
"""


def collect(
    fleet: Fleet, topology: Topology, hosts: Sequence[Host], instances: Mapping[str, Instance],
    context: Context,
) -> dict[str, Any]:
    """The lab's state as a JSON object; see docs/status.md for its fields."""
    names = {host.datacenter for host in hosts}
    reachable = [h for h in hosts if h.name in instances and instances[h.name].running]
    services = fleet.each(
        lambda name: _services(fleet, next(h for h in reachable if h.name == name)),
        [host.name for host in reachable],
    )
    chosen = {d.name: d for d in topology.datacenters if d.name in names}
    shown = {
        name: [_host(h, instances.get(h.name), services.get(h.name, {}))
               for h in datacenter.hosts if h in hosts]
        for name, datacenter in chosen.items()
    }
    datacenters = fleet.each(
        lambda name: _datacenter(fleet, chosen[name], shown[name], services, context), chosen
    )
    return {
        "healthy": all(datacenter["healthy"] for datacenter in datacenters.values()),
        "datacenters": list(datacenters.values()),
    }


def _services(fleet: Fleet, host: Host) -> dict[str, str]:
    """State by service name; {"ssh": why} when the host does not answer."""
    units = [str(service.unit) for service in services_of(host)]
    try:
        script = UNITS.format(units=" ".join(units)) if units else ":\n"
        answer = fleet[host.name].script(script, label="status", timeout=30)
    except LabError as error:
        return {"ssh": error.what}
    found = dict.fromkeys((service.name for service in services_of(host)), "missing")
    for line in answer.stdout.splitlines():
        unit, active, detail = line.split()
        found[unit.removesuffix(".service")] = (
            "running" if (active, detail) == ("active", "running") else f"{active} ({detail})"
        )
    return found


def _datacenter(
    fleet: Fleet, datacenter: Datacenter, shown: Sequence[dict[str, Any]],
    services: Mapping[str, Mapping[str, str]], context: Context,
) -> dict[str, Any]:
    up = [h for h in datacenter.by_role("zookeeper") if h.name in services]
    modes = ensemble.ask(fleet, up) if up else ensemble.Modes(None, (), ())
    missing = [h["name"] for h in shown if "zookeeper" in h["roles"] and not h["running"]]
    kafka = _kafka(datacenter, context, any(h.name in services for h in datacenter.hosts))
    problems = [p for p in (
        *(h["problem"] for h in shown), modes.problem if up else "no ZooKeeper runs",
        kafka["problem"],
    ) if p]
    return {
        "name": datacenter.name,
        "healthy": not problems,
        "problems": problems,
        "hosts": list(shown),
        "zookeeper": {
            "leader": modes.leader, "followers": list(modes.followers),
            "silent": [*modes.silent, *missing],
        },
        "kafka": kafka,
    }


def _host(host: Host, instance: Instance | None, services: Mapping[str, str]) -> dict[str, Any]:
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
        "roles": list(host.roles), "services": dict(services), "problem": problem,
        "running": bool(instance and instance.running),
    }


def _kafka(datacenter: Datacenter, context: Context, reachable: bool) -> dict[str, Any]:
    servers = bootstrap(datacenter, context)
    brokers = tuple(host.number for host in datacenter.by_role("kafka"))
    found: dict[str, Any] = {
        "bootstrap": servers, "brokers": [], "controller": None, "under_replicated": None,
        "problem": "",
    }
    if not reachable:
        return {**found, "problem": "no broker runs"}
    try:
        view = Cluster(datacenter.name, servers, brokers).view(METADATA_SECONDS)
    except LabError as error:
        return {**found, "problem": error.what}
    return {
        **found, "brokers": list(view.brokers), "controller": view.controller,
        "under_replicated": len(view.under_replicated), "problem": describe(view, brokers),
    }


def rows(found: Mapping[str, Any]) -> list[list[str]]:
    """The state as the rows of the status table, one a host."""
    result = []
    for datacenter in found["datacenters"]:
        zookeeper = datacenter["zookeeper"]
        external = dict(zip(
            (h["name"] for h in datacenter["hosts"] if "kafka" in h["roles"]),
            datacenter["kafka"]["bootstrap"].split(","), strict=False,
        ))
        for host in datacenter["hosts"]:
            name = host["name"]
            detail = external.get(name, "")
            if name == zookeeper["leader"]:
                detail = "leader"
            elif name in zookeeper["followers"]:
                detail = "follower"
            state = "running" if host["running"] else ("stopped" if host["ssh"] else "missing")
            words = ", ".join(f"{k} {v}" for k, v in host["services"].items()) or "-"
            result.append([
                datacenter["name"], name, host["address"], host["ssh"] or "-", state, words, detail,
            ])
    return result


def cluster_line(datacenter: Mapping[str, Any]) -> str:
    """A datacenter's cluster in words: where it is reached, and how it is."""
    kafka = datacenter["kafka"]
    line = f"{datacenter['name']}: bootstrap {kafka['bootstrap']}"
    if kafka["under_replicated"] is None:
        return f"{line}, no broker answers"
    return (f"{line}, {len(kafka['brokers'])} brokers, controller {kafka['controller']}, "
            f"{kafka['under_replicated']} under-replicated")
