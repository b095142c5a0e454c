"""What is looked at, and how often. Each look gives records; of a side that does not answer, those
that say so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from lab.options.mirrors import Mirror as MirrorOptions
from lab.picture.snapshot import (
    DOWN,
    ENSEMBLE,
    QUORUM,
    Flow,
    Mirror,
    Server,
    Thing,
    labels,
)
from lab.topology import ZOOKEEPER_CLIENT_PORT, Host
from scripts.clients.watched import Watched
from scripts.clients.zookeeper import mode
from scripts.drivers.driver import Site
from scripts.drivers.mirrors import MirrorStatus, MirrorView
from scripts.picture.clusters import Groups, Held, Leaders, Logs, Markers
from scripts.picture.rooms import rooms

ENSEMBLE_SECONDS, MIRRORS_SECONDS = 3.0, 6.0


class Look(Protocol):
    """One of the things that are looked at. `seconds`: how long to wait until the next time."""

    name: str
    seconds: float

    def look(self) -> Sequence[Thing]:
        """What there is. Raises LabError, or what its client raises, where nobody answers."""

    def gone(self) -> Sequence[Thing]:
        """What there is when nobody answers."""


class Servers:
    """One server of an ensemble, by its own word over SSH."""

    seconds = ENSEMBLE_SECONDS

    def __init__(self, site: Site, host: Host, label: str) -> None:
        self._site, self._host, self._label = site, host, label
        self.name = f"server {host.name}"

    def look(self) -> Sequence[Thing]:
        try:
            answer = self._site.fleet[self._host.name].ask(ZOOKEEPER_CLIENT_PORT, b"srvr")
        except Exception:
            # The connection may be one to a host that was killed and is back since.
            self._site.fleet[self._host.name].close()
            raise
        return self._as(mode(answer) or DOWN)

    def gone(self) -> Sequence[Thing]:
        return self._as(DOWN)

    def _as(self, state: str) -> Sequence[Thing]:
        return (Server(self._site.name, ENSEMBLE, self._host.number, self._host.name, self._label,
                       state),)


class Controllers:
    """KRaft's quorum, by its members' own word over SSH."""

    seconds = ENSEMBLE_SECONDS

    def __init__(self, held: Held) -> None:
        self._held, self._site = held, held.site
        self.name = f"quorum of {held.site.name}"
        self._labels = labels(host.name for host in held.site.quorum.hosts)

    def look(self) -> Sequence[Thing]:
        seen = self._site.quorum.ask()
        self._held.controllers[:] = [seen.controller] if seen.leader else []
        self._held.led.set()
        for host in self._site.quorum.hosts:
            if host.name in seen.silent:  # it may be the connection, as with a server above
                self._site.fleet[host.name].close()
        states = {**dict.fromkeys(seen.followers, "follower"),
                  **dict.fromkeys(seen.observers, "observer")}
        return self._as({**states, **({seen.leader: "leader"} if seen.leader else {})})

    def gone(self) -> Sequence[Thing]:
        self._held.controllers.clear()
        self._held.led.set()
        return self._as({})

    def _as(self, states: Mapping[str, str]) -> Sequence[Thing]:
        return tuple(
            Server(self._site.name, QUORUM, host.number, host.name, self._labels[host.name],
                   states.get(host.name, DOWN))
            for host in self._site.quorum.hosts
        )


class Mirrors:
    """One mirror, by the code of `fab mirror.status`."""

    seconds = MIRRORS_SECONDS

    def __init__(self, mirror: MirrorOptions, source: Site, target: Site) -> None:
        self._mirror, self._target = mirror, target
        self.name = f"mirror {mirror.name}"
        self._view = MirrorView(mirror, source, target, lasting=True)
        self._patience, self._progress = self._view.patience(), self._view.progress()
        self._carried: tuple[float, int] | None = None

    def look(self) -> Sequence[Thing]:
        status = self._view.status(self._patience, self._progress)
        if status.problem:  # it may be the connection, to a host that was killed and is back since
            self._target.fleet.close()
            self._view.close()
        return (self._as(status.problem or "; ".join(status.topics.faults)), self._flow(status))

    def gone(self) -> Sequence[Thing]:
        return (self._as("its workers do not answer"), Flow(self._mirror.name))

    def _as(self, problem: str) -> Mirror:
        one = self._mirror
        return Mirror(one.name, one.source, one.target, problem)

    def _flow(self, status: MirrorStatus) -> Flow:
        now, carried = time.monotonic(), sum(one.mirrored for one in status.partitions)
        rate = None
        if self._carried is not None:
            before, count = self._carried
            rate = round(max(carried - count, 0) / max(now - before, 0.001), 1)
        self._carried = (now, carried)
        if not status.partitions:
            return Flow(self._mirror.name, rate, checkpoint_age=status.checkpoint_age)
        return Flow(
            self._mirror.name, rate, sum(one.records for one in status.partitions),
            max(one.seconds for one in status.partitions), status.checkpoint_age,
        )


def looks(
    reach: Callable[[], Mapping[str, Site]], mirrors: Iterable[MirrorOptions]
) -> Iterator[Look]:
    """All that is looked at in some datacenters, and of mirrors between two of them.

    reach: gives the datacenters, each time with connections of their own: mirrors close theirs.
    """
    places = reach()
    for place, site in enumerate(places.values()):
        held = Held(site, Watched(site.kafka.endpoint, site.name), {}, {})
        yield Leaders(held, place)
        yield Logs(held)
        yield Groups(held)
        yield Markers(held)
        yield from rooms(site)
        if site.datacenter.config.led:
            yield Controllers(held)
        said = labels(host.name for host in site.zookeeper.hosts)
        for host in site.zookeeper.hosts:
            yield Servers(site, host, said[host.name])
    for mirror in mirrors:
        if {mirror.source, mirror.target} <= places.keys():
            alone = reach()
            yield Mirrors(mirror, alone[mirror.source], alone[mirror.target])
