"""Rehearsed failures with a score: what is lost, how long it takes, what is read twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from invoke import Collection

from scripts.errors import UsageError
from scripts.tasks.cli import confirm, lab_task

if TYPE_CHECKING:
    from scripts.session import Session

if TYPE_CHECKING:
    from lab.drills.figures import Score
    from lab.drills.log import Log

MAX_RATE = 20000
MAX_DURATION = 3600
MAX_TIMES = 20
LOAD = {
    "rate": "records per second",
    "duration": "seconds of load before the failure, and after it",
    "yes": "do not ask, on AWS",
}
TITLES = {
    "broker": "A broker of {} killed",
    "zookeeper": "The leader of {}'s ensemble killed",
    "controller": "The leader of {}'s quorum killed",
    "rolling": "All brokers of {} restarted in turn",
    "disk": "A full disk on a broker of {}",
    "upgrade": "Kafka of {} brought to another version",
    "kraft": "The metadata of {} to KRaft and back",
}
WHERE = {"datacenter": "the cluster to try (the first, where none is named)"}


@lab_task(name="drill.failover", locks=True, help={
    **LOAD,
    "from": "the datacenter that dies", "to": "the datacenter where its clients go on",
    "failback": "bring it back, and the clients home",
    "mode": "hosts (killed), services (killed) or link (between the two, cut)",
    "patience": "seconds without an answer before the datacenter is given up",
    "avro": "write Avro records, and tell how many could be decoded after the move",
})
def failover(
    session: Session, *, from_: str = "", to: str = "", failback: bool = False,
    mode: str = "hosts", rate: int = 1000, duration: int = 20, patience: int = 3,
    avro: bool = False, yes: bool = False,
) -> int:
    """Let a datacenter die, and go on in another.

    Exit status 1 when an objective of the lab file is not met.
    """
    from lab.drills.failover import failover as score
    from scripts.drills.failover import MODES, Failover, Plan
    from scripts.drills.rehearsal import terminable
    from scripts.drills.replay import recorded
    from scripts.drills.report import report

    from_, to = _datacenter(session, "--from", from_), _datacenter(session, "--to", to)
    if mode not in MODES:
        raise UsageError(f"--mode {mode}", hint="accepted: " + ", ".join(MODES))
    _check_load(rate, duration)
    _confirm(session, yes)
    plan = Plan(from_, to, mode, failback, rate, duration, patience, avro)
    with terminable():
        drill = Failover(session, plan)
        log, replay = recorded(session, (from_, to), drill.rehearse)
    met = report(
        session, name=f"failover-{mode}", log=log,
        title=f"Failover from {from_} to {to}" + (" and back" if failback else ""),
        done={"failure": drill.fault.text, "load": f"{rate} records/s",
              "parts": f"{duration} s each", "given up after": f"{patience} s of silence"},
        score=score(log, source=from_, target=to), replay=replay,
    )
    return 0 if met else 1


@lab_task(name="drill.broker", locks=True, help={
    **LOAD, **WHERE, "controller": "the one that is the controller", "host": "this one",
})
def broker(
    session: Session, *, datacenter: str = "", controller: bool = False, host: str = "",
    rate: int = 1000, duration: int = 10, yes: bool = False,
) -> int:
    """Kill a broker under load."""
    from scripts.drills import outage

    if controller and host:
        raise UsageError("--controller and --host name a broker each", hint="say one of them")
    return _outage(
        session, "broker", lambda drill: outage.broker(drill, controller=controller, host=host),
        datacenter=datacenter, host=host, rate=rate, duration=duration, yes=yes,
    )


@lab_task(name="drill.zookeeper", locks=True, help={**LOAD, **WHERE})
def zookeeper(
    session: Session, *, datacenter: str = "", rate: int = 1000, duration: int = 10,
    yes: bool = False,
) -> int:
    """Kill the ensemble's leader under load."""
    from scripts.drills import outage

    return _outage(
        session, "zookeeper", outage.zookeeper,
        datacenter=datacenter, rate=rate, duration=duration, yes=yes,
    )


@lab_task(name="drill.controller", locks=True, help={**LOAD, **WHERE})
def controller(
    session: Session, *, datacenter: str = "", rate: int = 1000, duration: int = 10,
    yes: bool = False,
) -> int:
    """Kill the leader of KRaft's quorum under load."""
    from scripts.drills import outage

    return _outage(
        session, "controller", outage.controller,
        datacenter=datacenter, rate=rate, duration=duration, yes=yes,
    )


@lab_task(name="drill.rolling", locks=True, help={**LOAD, **WHERE})
def rolling(
    session: Session, *, datacenter: str = "", rate: int = 1000, duration: int = 10,
    yes: bool = False,
) -> int:
    """Restart all brokers, one at a time, under load."""
    from scripts.drills import outage

    return _outage(
        session, "rolling", outage.rolling,
        datacenter=datacenter, rate=rate, duration=duration, yes=yes,
    )


@lab_task(name="drill.disk", locks=True, help={**LOAD, **WHERE, "host": "this broker"})
def disk(
    session: Session, *, datacenter: str = "", host: str = "", rate: int = 1000,
    duration: int = 10, yes: bool = False,
) -> int:
    """Let a broker's log directory be full, under load."""
    from scripts.drills import outage

    return _outage(
        session, "disk", lambda drill: outage.disk(drill, host=host),
        datacenter=datacenter, host=host, rate=rate, duration=duration, yes=yes,
    )


@lab_task(name="drill.upgrade", locks=True, help={**LOAD, **WHERE})
def upgrade(
    session: Session, *, datacenter: str = "", rate: int = 1000, duration: int = 10,
    yes: bool = False,
) -> int:
    """Bring a cluster to the version of its lab file, under load."""
    from scripts.drills.upgrade import upgrade

    return _outage(
        session, "upgrade", upgrade,
        datacenter=datacenter, rate=rate, duration=duration, yes=yes,
    )


@lab_task(name="drill.kraft", locks=True, help={**LOAD, **WHERE})
def kraft(
    session: Session, *, datacenter: str = "", rate: int = 1000, duration: int = 10,
    yes: bool = False,
) -> int:
    """Move metadata to KRaft and back, under load."""
    from lab.drills.moving import moving
    from scripts.drills import moving as drills

    return _outage(
        session, "kraft", drills.kraft, score=moving,
        datacenter=datacenter, rate=rate, duration=duration, yes=yes,
    )


@lab_task(name="drill.sink", locks=True, help={
    **LOAD, "sink": "which sink (the first, where none is named)",
    "from": "where the records are written: the sink's datacenter, or one mirrored to it",
    "worker": "kill the Connect worker, too", "times": "how often what is killed is killed",
    "replay": "let the sink read all of it again at the end",
})
def sink(
    session: Session, *, sink: str = "", from_: str = "", worker: bool = False, times: int = 1,
    replay: bool = False, rate: int = 1000, duration: int = 10, yes: bool = False,
) -> int:
    """Kill a sink's store under load, and count its documents or rows.

    Exit status 1 when one is missing, extra or wrong, or an objective is not met.
    """
    from lab.drills.sink import sink as score
    from scripts.drills.outage import Load
    from scripts.drills.rehearsal import terminable
    from scripts.drills.replay import recorded
    from scripts.drills.report import report
    from scripts.drills.sink import Plan, SinkDrill, chosen

    from_ = _datacenter(session, "--from", from_) if from_ else ""
    one, source = chosen(session.topology.config, sink, from_)
    _check_load(rate, duration)
    if not 1 <= times <= MAX_TIMES:
        raise UsageError(f"--times {times}", hint=f"accepted: 1 to {MAX_TIMES}")
    _confirm(session, yes)
    plan = Plan(one, source, Load(rate, duration), worker, times, replay)
    with terminable():
        log, seen = recorded(session, plan.datacenters, SinkDrill(session, plan).rehearse)
    met = report(
        session, name="sink", log=log, replay=seen,
        score=score(log, by_key=one.by_key, becomes=one.becomes),
        title=f"The store of sink {one.called} killed" + (" with its worker" if worker else ""),
        done={"failure": plan.failure, "load": f"{rate} records/s into {source}",
              "parts": f"{duration} s before and after",
              f"a {one.becomes} is": "the last record of a key" if one.by_key else "a record"},
    )
    return 0 if met else 1


def _outage(
    session: Session, name: str, choose: Any, *, datacenter: str, rate: int, duration: int,
    yes: bool, host: str = "", score: Callable[[Log], Score] | None = None,
) -> int:
    from lab.drills.log import FAULT
    from lab.drills.outage import outage
    from scripts.drills.outage import Load, Outage, named
    from scripts.drills.rehearsal import terminable
    from scripts.drills.replay import recorded
    from scripts.drills.report import report

    first = session.topology.datacenters[0].name
    datacenter = _datacenter(session, "--datacenter", datacenter or first)
    if host:
        named(session.topology.datacenter(datacenter), host)
    _check_load(rate, duration)
    _confirm(session, yes)
    with terminable():
        drill = Outage(session, datacenter, Load(rate, duration))
        log, replay = recorded(session, (datacenter,), lambda: drill.rehearse(choose))
    met = report(
        session, name=name, log=log, score=(score or outage)(log), replay=replay,
        title=TITLES[name].format(drill.datacenter.name),
        done={"failure": next(event.text for event in log.events if event.kind == FAULT),
              "load": f"{rate} records/s", "parts": f"{duration} s before and after"},
    )
    return 0 if met else 1


def _datacenter(session: Session, option: str, value: str) -> str:
    """The one datacenter that an option names. Raises UsageError when it does not."""
    known = ", ".join(one.name for one in session.topology.datacenters)
    found = session.datacenters(session.select(value, None)) if value else ()
    if len(found) != 1:
        raise UsageError(f"{option} has to name one datacenter", hint=f"known: {known}")
    return found[0].name


def _check_load(rate: int, duration: int) -> None:
    if not 1 <= rate <= MAX_RATE:
        raise UsageError(f"--rate {rate}", hint=f"accepted: 1 to {MAX_RATE} records per second")
    if not 3 <= duration <= MAX_DURATION:
        raise UsageError(f"--duration {duration}", hint=f"accepted: 3 to {MAX_DURATION} seconds")


def _confirm(session: Session, yes: bool) -> None:
    """On AWS a person has to agree: others may work there. Raises UsageError when none does."""
    confirm(
        f"Let things fail in {session.topology.lab} in AWS?", whether="things may fail",
        undone="nothing was done", yes=yes or session.platform_name == "local",
    )


DRILL = Collection(
    "drill", failover, broker, zookeeper, controller, rolling, disk, upgrade, kraft, sink,
)
