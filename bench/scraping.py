"""What it costs to watch the lab that LAB names, of one with [monitoring], as a process of its own.

    python -m bench.scraping TURNS LOOKS

What Prometheus, Alertmanager and the exporters take is their own processor time. What the agents in
JVMs take, and all else that answers, is by how much more all other processes take while they are
asked than while nobody asks them: Prometheus is stopped and started TURNS times, and as long each
time as it takes for LOOKS at everything.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.measure import BenchError
from bench.processes import Process, processes
from lab.services import alertmanager, lag_exporter, node_exporter, prometheus
from lab.services.registry import services_on
from lab.topology import Topology
from scripts.clients.http import HttpError
from scripts.drivers.driver import Site
from scripts.drivers.prometheus import Prometheus
from scripts.drivers.registry import driver
from scripts.hosts.fleet import Fleet
from scripts.session import Session
from scripts.tasks.clusters import sites_of
from scripts.workstation.waiting import wait_until

WATCHING = (prometheus.NAME, alertmanager.NAME, lag_exporter.NAME, node_exporter.NAME)
HEARD_S = 180.0
Processes = Mapping[str, Mapping[int, Process]]
Watchers = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True)
class Turn:
    """Per cent of a core while all is asked, by the service that watches, and of all else; and of
    all else while nobody asks."""

    watching: Mapping[str, float]
    asked: float
    alone: float

    @property
    def answering(self) -> float:
        return self.asked - self.alone

    @property
    def whole(self) -> float:
        return sum(self.watching.values()) + self.answering


def shares(
    before: Processes, after: Processes, watchers: Watchers, seconds: float
) -> dict[str, float]:
    """Per cent of a core between two looks, by service that watches; "" is all else.

    watchers: by host, the services of those processes. Raises BenchError where one of them is not
    the same any more.
    """
    found = dict.fromkeys((*WATCHING, ""), 0.0)
    for name, host in after.items():
        for pid, service in watchers[name].items():
            if pid not in host or pid not in before[name]:
                raise BenchError(f"{service} of {name} began anew while it was measured")
            found[service] += host[pid].used_s - before[name][pid].used_s
        found[""] += _others(host, watchers[name]) - _others(before[name], watchers[name])
    return {name: 100 * used / seconds for name, used in found.items()}


def _others(host: Mapping[int, Process], but: Mapping[int, str]) -> float:
    return sum(one.used_s for one in host.values() if one.pid not in but)


def told(turns: Sequence[Turn]) -> dict[str, float]:
    """The medians, by what they are of."""
    def median(of: Sequence[float]) -> float:
        return statistics.median(of)

    return {
        **{name: median([turn.watching[name] for turn in turns]) for name in WATCHING},
        "answering": median([turn.answering for turn in turns]),
        "whole": median([turn.whole for turn in turns]),
        "asked": median([turn.asked for turn in turns]),
        "alone": median([turn.alone for turn in turns]),
    }


class Scraping:
    """A lab that is watched, and sometimes not."""

    def __init__(self, fleet: Fleet, topology: Topology, site: Site) -> None:
        self._fleet, self._site = fleet, site
        (self._host,) = site.carriers(prometheus.NAME)
        self._services = {
            host.name: [one.name for one in services_on(host, topology) if one.name in WATCHING]
            for host in topology.hosts
        }

    def order(self, verb: str) -> None:
        """`start` or `stop` Prometheus."""
        self._fleet[self._host.name].script(
            f"systemctl {verb} {prometheus.NAME}\n", label=f"{verb} prometheus")

    def heard(self) -> None:
        """Wait until everybody has been asked. Raises LabError."""
        asks = driver(prometheus.NAME)
        assert isinstance(asks, Prometheus)

        def all_heard() -> bool:
            try:
                return not asks.heard(self._site).silent
            except HttpError:  # it has only just begun
                return False

        wait_until(all_heard, timeout=HEARD_S, pause=0.5,
                   message="Prometheus does not hear everybody (see `fab verify`)")

    def watchers(self) -> Watchers:
        """By host, the processes that watch."""
        def one(name: str) -> dict[int, str]:
            services = self._services[name]
            if not services:
                return {}
            asked = "".join(
                f"systemctl show --property MainPID --value {service}\n" for service in services)
            said = self._fleet[name].script(asked, label="watchers").stdout.split()
            pids = [int(pid) for pid in said]
            return {pid: service for pid, service in zip(pids, services, strict=True) if pid}

        return self._fleet.each(one, list(self._services))

    def share(self, seconds: float) -> dict[str, float]:
        watchers, before, began = self.watchers(), processes(self._fleet), time.monotonic()
        time.sleep(seconds)  # what is measured is this time
        after = processes(self._fleet)
        return shares(before, after, watchers, time.monotonic() - began)

    def turn(self, seconds: float) -> Turn:
        """As long asked as not."""
        self.heard()
        asked = self.share(seconds)
        self.order("stop")
        try:
            alone = self.share(seconds)
        finally:
            self.order("start")
        rest = asked.pop("")
        return Turn(asked, rest, alone[""])


def main(turns: int, looks: int) -> None:
    session = Session()
    lab = session.topology.config
    if not lab.monitoring.enabled:
        raise BenchError("this lab has no [monitoring]")
    with sites_of(session, None) as (places, _):
        site = next(one for one in places.values() if one.carriers(prometheus.NAME))
        scraping = Scraping(site.fleet, session.topology, site)
        found = told([scraping.turn(looks * lab.monitoring.scrape_s) for _ in range(turns)])
        scraping.heard()
    for name, share in found.items():
        print(f"{name}: {share:.3f} % of a core")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]))
    except BenchError as error:
        sys.exit(f"error: {error}")
