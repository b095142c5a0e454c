"""Brokers while another controller takes over: a quorum from ZooKeeper's, or one of these again.

A broker that leads partitions and has just asked the controller to take a follower into their sync
waits for the answer for ever when the controller becomes one of the other kind at that moment: it
makes itself another client for that one, and what it had asked goes with the former client
(kafka.server.NodeToControllerRequestThread.maybeResetNetworkClient in Kafka 3.9). As long as it
waits it asks for nothing more, and its partitions stay under-replicated although all of their
brokers have everything. It has to be restarted.
"""

from __future__ import annotations

from contextlib import suppress

from lab.migration.way import OnTheWay
from lab.services.java import LOGS
from lab.services.registry import SERVICES
from lab.topology import Host
from scripts.clients.kafka import View
from scripts.drivers.driver import Site
from scripts.drivers.turns import restart
from scripts.errors import TimeoutExpired
from scripts.hosts.units import START_SECONDS

NAME = "kafka"
STUCK_SECONDS = 30.0  # that a cluster of a lab takes until it is whole is a few
# What such a broker writes, many times a second.
SIGN = "Failed to alter partition .* rejected the request with OPERATION_NOT_ATTEMPTED"
LOOK = f"""\
tail -n 20 {LOGS}/server.log | grep -q '{SIGN}' && echo stuck
exit 0
"""


def whole(site: Site) -> View:
    """The cluster once it is whole. Where its metadata moves, brokers that wait in vain are
    restarted. Raises LabError."""
    if isinstance(site.datacenter.config, OnTheWay):
        with suppress(TimeoutExpired):
            return site.kafka.wait_healthy(STUCK_SECONDS)
        for host in stuck(site):
            _restart(site, host)
    return site.kafka.wait_healthy()


def stuck(site: Site) -> list[Host]:
    """The hosts of brokers that wait so. Raises LabError."""
    hosts = {host.name: host for host in site.datacenter.by_role(NAME)}
    said = site.fleet.each(
        lambda name: site.fleet[name].script(LOOK, label="waits in vain?").stdout, hosts)
    return [host for name, host in hosts.items() if "stuck" in said[name]]


def _restart(site: Site, host: Host) -> None:
    """Others lead meanwhile what it leads, and take all followers in."""
    restart(site, host, SERVICES[NAME], "restart a broker that waits in vain",
            timeout=2 * START_SECONDS)
