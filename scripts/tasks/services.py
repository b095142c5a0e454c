"""One service on the hosts that are there: a task for each line of the registry that is to
have one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.services.registry import SERVICES
from lab.services.service import Service
from scripts.tasks.cli import NARROW, lab_task

if TYPE_CHECKING:
    from scripts.session import Session


def task_of(service: Service) -> Any:
    """`fab NAME`: converge one service, with what it needs, on the hosts that have it."""
    def run(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
        from scripts.operations.up import converge_existing

        converge_existing(session, session.select(datacenter, host), (service.name,))

    def show(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
        from scripts.operations import plan

        plan.show(session, session.select(datacenter, host), (service.name,))

    run.__name__ = service.name
    run.__doc__ = service.summary
    return lab_task(locks=True, help=NARROW, dry=show)(run)


TASKS = tuple(task_of(service) for service in SERVICES.values() if service.task == "own")
