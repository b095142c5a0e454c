"""One cluster under load while a part of it fails: a broker, the leader, all in turn, a disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.counted import counted
from lab.drills.log import END, FAULT, HEALTHY, REPAIR, START, Log
from lab.services.registry import SERVICES
from lab.topology import Datacenter, Host
from scripts.clients.kafka import Cluster
from scripts.drills import faults, topics
from scripts.drills.clients import Place, Reader, Writer, read_all
from scripts.drills.rehearsal import SETTLE_S, Every, Rehearsal
from scripts.drivers.driver import Driver, Site
from scripts.drivers.kafka import Kafka
from scripts.drivers.turns import restart_in_turn
from scripts.errors import LabError, UsageError
from scripts.session import Session
from scripts.workstation.screen import Progress

DISK_S = 10


@dataclass(frozen=True)
class Load:
    """What runs meanwhile. `rate` in records/s; `duration` in s, before and after the failure."""

    rate: int = 1000
    duration: int = 10


class Outage(Rehearsal):
    """One drill of one cluster. `choose` says what will fail and returns what makes it so."""

    def __init__(self, session: Session, datacenter: str, load: Load) -> None:
        touched = [m for m in session.topology.config.mirrors if datacenter in (m.source, m.target)]
        super().__init__(session, (datacenter,), touched)
        self.load = load
        self.datacenter: Datacenter = session.topology.datacenter(datacenter)

    @property
    def site(self) -> Site:
        return self.sites[self.datacenter.name]

    @property
    def cluster(self) -> Cluster:
        return self.site.kafka

    def controller(self) -> int:
        """The node id of the one that is it."""
        return self.site.seen(self.cluster.view()).controller

    def place(self, name: str) -> Place:
        """Only what is written here: copies elsewhere are no part of the drill."""
        return topics.place(self.session.topology, self.context, name, ())

    def rehearse(self, choose: Callable[[Outage], Blow]) -> Log:
        """The whole drill; leaves the lab healthy, also when it is interrupted."""
        self.refuse_unhealthy()
        blow = choose(self)
        place = self.place(self.datacenter.name)
        try:
            topics.prepare(self.session.topology, (place,))
            writer = self.start(Writer(self.log, self.run, place, self.load.rate))
            reader = self.start(Reader(self.log, self.run, self.group, place))
            self.wait(lambda: len({seen.key for seen in self.log.consumed}) == topics.KEYS,
                      "records do not come back")
            self.event(START, f"{self.load.rate} records/s into {place.name}")
            self.go_on(self.load.duration)
            self.event(FAULT, blow.text)
            ended = blow.strike()
            if blow.repair:
                self.event(REPAIR, blow.repair, ended)
            self.wait(blow.over, f"not over: {blow.text}", timeout=SETTLE_S, pause=0.2)
            self.cluster.wait_healthy()
            self.event(HEALTHY, "every server is back, nothing is under-replicated")
            self.go_on(self.load.duration)
            writer.end()
            self.event(END, "nothing more is written")
            self.let(Every(self.log, lambda one: one.number in reader.seen), "all was read")
            reader.end()
            self.log.stored = read_all(self.run, place, topics.KEYS)
        finally:
            self.leave()
        self.say("the lab is healthy")
        return self.log


@dataclass(frozen=True)
class Blow:
    """What fails: words for it, what makes it so, and whether all of it is up again.

    `strike` may return when what it did came to its end, where that is the drill's own doing;
    `repair` are words for that.
    """

    text: str
    strike: Callable[[], float | None]
    over: Callable[[], bool]
    repair: str = ""


def broker(drill: Outage, *, controller: bool = False, host: str = "") -> Blow:
    """One broker killed: `host`, the controller, or one that is not the controller.

    Raises LabError where the controller is a broker that the lab file does not mean.
    """
    number = drill.controller()
    if controller:
        chosen = _controller(drill, number)
    else:
        chosen = named(drill.datacenter, host) if host else _no_controller(drill)
    also = ", the controller," if chosen.number == number else ""
    return _killed(drill, chosen, "kafka", f"broker {chosen.name}{also} killed (SIGKILL)")


def zookeeper(drill: Outage) -> Blow:
    """The leader of the ensemble killed. Raises UsageError where there is none."""
    if not drill.datacenter.config.servers:
        raise UsageError(f"{drill.datacenter.name} has no ZooKeeper", hint="`fab drill.controller`")
    modes = drill.site.zookeeper.wait_quorum()
    (leader,) = (one for one in drill.datacenter.hosts if one.name == modes.leader)
    blow = _killed(drill, leader, "zookeeper", f"leader {leader.name} killed (SIGKILL)")
    return Blow(
        blow.text, blow.strike, lambda: blow.over() and not drill.site.zookeeper.ask().problem
    )


def controller(drill: Outage) -> Blow:
    """The leader of KRaft's quorum killed, which may be a broker as well. Raises UsageError where
    ZooKeeper has the metadata."""
    if not drill.datacenter.config.led:
        raise UsageError(
            f"{drill.datacenter.name} has its metadata in ZooKeeper",
            hint="`fab drill.zookeeper`, or `fab drill.broker --controller`",
        )
    seen = drill.site.quorum.wait()
    (leader,) = (one for one in drill.site.quorum.hosts if one.name == seen.leader)
    service = "kafka" if leader.role == "kafka" else "controller"
    blow = _killed(drill, leader, service, f"controller {leader.name}, which leads, killed "
                                           "(SIGKILL)")
    return Blow(
        blow.text, blow.strike, lambda: blow.over() and not drill.site.quorum.ask().problem
    )


def rolling(drill: Outage) -> Blow:
    """Every broker restarted, one at a time."""
    brokers = drill.datacenter.by_role("kafka")

    def strike() -> None:
        with Progress(drill.datacenter.name, [host.name for host in brokers]) as progress:
            restart_in_turn(Kafka(SERVICES["kafka"]), drill.site, brokers, progress)

    return Blow(f"{counted(len(brokers), 'broker')} restarted one at a time", strike, lambda: True)


def disk(drill: Outage, *, host: str = "") -> Blow:
    """A broker that cannot write any more for `DISK_S` seconds."""
    chosen = named(drill.datacenter, host) if host else _no_controller(drill)
    before = drill.pid(chosen, "kafka")

    def strike() -> float:
        met = faults.refuse_writes(drill.fleet, chosen, DISK_S)
        ended = time.time()
        drill.say(f"{counted(met, 'process', 'processes')} of {chosen.name} could not write")
        if drill.pid(chosen, "kafka") == before:
            raise LabError("went on although it could not write", where=chosen.name)
        return ended

    return Blow(
        f"{chosen.name} can write nothing for {DISK_S} s", strike,
        lambda: _back(drill, drill.site, chosen, "kafka", before), f"{chosen.name} can write again",
    )


def named(datacenter: Datacenter, name: str) -> Host:
    """A broker of a datacenter by its name. Raises UsageError."""
    brokers = datacenter.by_role("kafka")
    found = next((host for host in brokers if host.name == name), None)
    if found is None:
        raise UsageError(
            f"no broker {name!r} in {datacenter.name}",
            hint="known: " + ", ".join(host.name for host in brokers),
        )
    return found


def _controller(drill: Outage, number: int) -> Host:
    brokers = drill.datacenter.by_role("kafka")
    found = next((one for one in brokers if one.number == number), None)
    if found is None and number in drill.site.quorum.ids.values():
        raise UsageError(
            f"controller {number} of {drill.datacenter.name} is no broker",
            hint="`fab drill.controller` kills the controller that leads",
        )
    if found is None:
        raise LabError(
            "no broker is the controller just now" if number < 0
            else f"broker {number} is the controller, and none of the lab file's",
            where=drill.datacenter.name, hint="see `fab status`, or name one with --host",
        )
    return found


def _no_controller(drill: Outage) -> Host:
    number = drill.controller()
    brokers = drill.datacenter.by_role("kafka")
    return next((one for one in brokers if one.number != number), brokers[0])


def _killed(drill: Outage, host: Host, service: str, text: str) -> Blow:
    return killed(drill, drill.site, host, service, text)


def killed(drill: Rehearsal, site: Site, host: Host, service: str, text: str) -> Blow:
    """One service of a host killed (SIGKILL), which systemd starts again."""
    before = drill.pid(host, service)
    return Blow(
        text, lambda: faults.kill_service(drill.fleet, host, service),
        lambda: _back(drill, site, host, service, before),
    )


def _back(drill: Rehearsal, site: Site, host: Host, service: str, before: str) -> bool:
    """Whether another process than `before` listens on the service's port."""
    if drill.pid(host, service) in ("0", before):
        return False
    return not Driver(SERVICES[service]).silent(site, host)
