"""One service on the hosts that are there."""

from __future__ import annotations

from scripts.session import Session
from scripts.tasks.cli import NARROW, lab_task


@lab_task(locks=True, help=NARROW)
def hosts(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
    """Push /etc/hosts, time zone, security rules."""
    _converge(session, ("hosts",), datacenter, host)


@lab_task(locks=True, help=NARROW)
def zookeeper(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
    """Set up ZooKeeper; restart the leader last."""
    _converge(session, ("zookeeper",), datacenter, host)


@lab_task(locks=True, help=NARROW)
def kafka(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
    """Set up Kafka; restart one broker at a time."""
    _converge(session, ("kafka",), datacenter, host)


def _converge(
    session: Session, only: tuple[str, ...], datacenter: str | None, host: str | None
) -> None:
    from scripts.operations.up import converge_existing  # noqa: PLC0415 - keeps `fab --list` quick

    converge_existing(session, session.select(datacenter, host), only)
