"""Stopping a lab for the night and starting it again. Disks and private addresses stay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from lab.topology import Topology
from scripts.errors import LabError
from scripts.platforms.aws.clients import AwsError, Clients, portions, spoken
from scripts.platforms.aws.inventory import Machine

WAIT_S, POLL_S = 600, 5
ASLEEP = ("stopping", "stopped")
GRACE = "10 minutes"  # after a start, before a host looks at its end (stacks.user_data)


class Aws(Protocol):
    """What is needed of the platform here."""

    topology: Topology

    @property
    def clients(self) -> Clients: ...

    def say(self, line: str, /) -> None: ...

    def machines(self) -> dict[str, Machine]:
        """Every instance of the lab by name."""

    def await_running(self, names: Sequence[str]) -> object: ...

    def await_sshd(self, names: Sequence[str]) -> None: ...


def stop(aws: Aws, names: Collection[str]) -> list[str]:
    """Stop what runs of `names`, brokers before the ensembles that they need; what was stopped.

    Raises LabError where EC2 cannot stop a host: one on spot that was asked for once.
    """
    there = aws.machines()
    awake = [one for one in there.values() if one.name in names and one.state not in ASLEEP]
    _refuse_spot(awake)
    brokers = {h.name for d in aws.topology.datacenters for h in d.by_role("kafka")}
    for group in ([one for one in awake if one.name in brokers],
                  [one for one in awake if one.name not in brokers]):
        _ask(aws, group, "stop_instances")
        _wait(aws, group, "instance_stopped")
    return [one.name for one in awake]


def kill(aws: Aws, names: Collection[str]) -> None:
    """Stop hosts without letting their systems end; the nearest that EC2 has to a power cut.

    Raises LabError where EC2 cannot stop a host: one on spot that was asked for once.
    """
    awake = [one for one in aws.machines().values()
             if one.name in names and one.state not in ASLEEP]
    _refuse_spot(awake)
    _ask(aws, awake, "stop_instances", Force=True)


def start(aws: Aws, names: Collection[str]) -> list[str]:
    """Start what is stopped of `names`, and wait until all of it can be logged in to; what was
    started."""
    there = {name: one for name, one in aws.machines().items() if name in names}
    stopping = [one for one in there.values() if one.state == "stopping"]
    _wait(aws, stopping, "instance_stopped")
    asleep = [one for one in there.values() if one.state in ASLEEP]
    for one in asleep:
        if one.expires and one.expires < datetime.now(UTC):
            aws.say(
                f"warning: {one.name} has expired and ends itself {GRACE} after its start "
                "(`fab extend` moves that)"
            )
    _ask(aws, asleep, "start_instances")
    _wait(aws, asleep, "instance_running")
    started = [one.name for one in asleep]
    if started:
        aws.await_running(started)
        aws.await_sshd(started)
    return started


def _refuse_spot(machines: Iterable[Machine]) -> None:
    if spot := [one.name for one in machines if one.spot]:
        raise LabError(
            "is on spot, and EC2 can only end it", where=spot[0],
            hint="`fab down` ends the lab; spot = false in [aws] makes one that can be stopped",
        )


def _by_region(machines: Iterable[Machine]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in machines:
        found.setdefault(one.region, []).append(one.id)
    return found


def _ask(aws: Aws, machines: Sequence[Machine], operation: str, **more: bool) -> None:
    """Ask each region for its own. Raises LabError where one of the machines is gone by then."""
    ids = _by_region(machines)

    def region(name: str) -> None:
        client = aws.clients("ec2", name)
        try:
            with spoken(name):
                for part in portions(ids[name]):
                    getattr(client, operation)(InstanceIds=part, **more)
        except AwsError as error:
            if error.gone:
                raise LabError(
                    "a host is gone since it was listed: " + error.what, where=name,
                    hint="run it again",
                ) from error
            raise

    aws.clients.each(region, ids)


def _wait(aws: Aws, machines: Sequence[Machine], state: str) -> None:
    """Wait with EC2's own waiter. Raises AwsError naming the region when that gives up."""
    ids = _by_region(machines)

    def region(name: str) -> None:
        for part in portions(ids[name]):
            aws.clients("ec2", name).get_waiter(state).wait(
                InstanceIds=part,
                WaiterConfig={"Delay": POLL_S, "MaxAttempts": WAIT_S // POLL_S},
            )

    aws.clients.each(region, ids)
