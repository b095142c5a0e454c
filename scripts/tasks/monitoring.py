"""What Prometheus sees: where to look at it, and what is wrong."""

from __future__ import annotations

import json as jsonlib
import shlex
from typing import TYPE_CHECKING

from scripts.errors import UsageError
from scripts.tasks.cli import lab_task

if TYPE_CHECKING:
    from lab.topology import Host
    from scripts.session import Session


def _host(session: Session) -> Host:
    """The one that has Prometheus. Raises UsageError where the lab file asks for none."""
    from lab.services.monitored import place
    from lab.services.registry import carriers

    lab = session.file.lab
    hosts = carriers("prometheus", session.topology.datacenter(place(lab)), lab)
    if not hosts:
        raise UsageError(
            "the lab file asks for no monitoring",
            hint="say `[monitoring]` with `enabled = true` there, and `fab up`",
        )
    return hosts[0]


@lab_task(locks=False, dry=True, help={
    "json": "print one JSON object, for programs",
    "grafana": "write the dashboards for Grafana into this folder (made if need be)",
})
def monitor(session: Session, json: bool = False, grafana: str = "") -> None:
    """Show where dashboards, Prometheus and Alertmanager are.

    Addresses of this machine; on EC2 those of the host. With --grafana FOLDER the dashboards are
    written as Grafana reads them, and a data source that leads here.
    """
    from lab.services import alertmanager, prometheus
    from scripts.workstation.screen import table

    host = _host(session)
    instances = session.running([host.name])
    context = session.context({}, instances)
    # A host that was made before has no port of it on this machine.
    ports = (prometheus.PORT, alertmanager.PORT)
    at = {port: "http://{}:{}".format(*context.way(host, port)) for port in ports}
    found = {
        "dashboards": at[prometheus.PORT] + prometheus.PAGE, "prometheus": at[prometheus.PORT],
        "alertmanager": at[alertmanager.PORT],
    }
    if grafana:
        from scripts.operations.grafana import write

        for path in write(session.file.lab, found["prometheus"], grafana):
            session.say(f"wrote {path}")
    if json:
        print(jsonlib.dumps({**found, "host": host.name}, indent=2))
        return
    table("monitoring", ("what", "where", "on"), [
        (what, where, host.name) for what, where in found.items()
    ])
    if not all((host.name, port) in context.reached for port in ports):
        session.say(
            f"{host.name} is older than its monitoring and publishes no port of it; after `fab "
            f"down` and `fab up` it does. Until then, as long as this command runs, the page is at "
            f"http://127.0.0.1:{prometheus.PORT}{prometheus.PAGE}"
        )
        through = [f"-L{port}:{host.address}:{port}" for port in ports]
        session.say(shlex.join([*session.ssh_command(host.name), "-N", *through]))


@lab_task(locks=False, dry=True, help={"json": "print one JSON object, for programs"})
def alerts(session: Session, json: bool = False) -> int:
    """Show the alerts that fire.

    And those that have begun and not lasted long enough yet. Exit status 1 when one fires.
    """
    from lab.monitoring.alarms import FIRING
    from lab.services.registry import SERVICES
    from scripts.drivers.driver import sites
    from scripts.drivers.prometheus import Prometheus
    from scripts.workstation.screen import table

    host = _host(session)
    instances = session.running([host.name])
    with session.fleet(instances) as fleet:
        place = session.topology.datacenter(host.datacenter)
        (site,) = sites(fleet, session.context({}, instances, fleet), [place]).values()
        found = Prometheus(SERVICES["prometheus"]).alarms(site)
    firing = any(one.state == FIRING and not one.silenced for one in found)
    if json:
        print(jsonlib.dumps({"firing": firing, "alerts": [one.as_json() for one in found]},
                            indent=2))
    elif found:
        table("alerts", ("state", "alert", "severity", "where", "since", "says"), [
            (f"{one.state}, silenced" if one.silenced else one.state, one.name, one.severity,
             one.where, one.since, one.says) for one in found
        ])
    else:
        session.say("no alert fires")
    return 1 if firing else 0
