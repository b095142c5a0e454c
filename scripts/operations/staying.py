"""Do services stay: what systemd starts again and again runs, and yet does not do its work."""

from __future__ import annotations

from collections.abc import Collection

from scripts.drivers.driver import Site
from scripts.errors import LabError, TimeoutExpired
from scripts.hosts.units import STAY_SECONDS, TRIES
from scripts.operations.status import look
from scripts.workstation.waiting import wait_until

# So long may one take to be well again that was started as often as a start may fail, and more.
STAY_TIMEOUT = float((TRIES + 2) * STAY_SECONDS)


def services_stay(site: Site, names: Collection[str] | None = None) -> str:
    """No process is started again and again, on hosts `names` (None: all). Raises LabError.

    One that has ended once gets the time that it takes to be well again; what is stopped is seen by
    the service's own checks.
    """
    hosts = {host.name: host for host in site.datacenter.hosts
             if names is None or host.name in names}
    sick: list[str] = []

    def well() -> bool:
        found = site.fleet.each(
            lambda name: look(site.fleet, hosts[name], site.context), hosts
        )
        sick[:] = [f"{unit.name} on {name}: {unit.trouble}" for name, units in found.items()
                   for unit in units if unit.trouble]
        return not sick

    try:
        wait_until(well, timeout=STAY_TIMEOUT, pause=1)
    except TimeoutExpired:
        raise LabError("; ".join(sick), hint="run `fab up`") from None
    return "none is started again and again"
