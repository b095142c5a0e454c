"""The lab as a whole: up, plan, stop and start, down."""

from __future__ import annotations

from scripts.session import Session
from scripts.tasks.cli import NARROW, lab_task


def _show(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
    """What a dry run of `up` does."""
    from scripts.operations.plan import show

    session.warn()
    show(session, session.select(datacenter, host))


@lab_task(locks=True, help=NARROW, dry=_show)
def up(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
    """Create what is missing, set everything up."""
    from scripts.operations.up import deploy

    deploy(session, session.select(datacenter, host))


# 2 means "there are changes" here, so a lab file that cannot be used is 1 as every other error.
@lab_task(locks=False, help=NARROW, lab_file_error=1, dry=True)
def plan(session: Session, datacenter: str | None = None, host: str | None = None) -> int:
    """Show what `up` would do; do nothing.

    Exit status 0: nothing to do, 2: there are changes, 1: an error.
    """
    from scripts.operations.plan import show

    session.warn()
    return 2 if show(session, session.select(datacenter, host)) else 0


def _list(session: Session) -> None:
    """What a dry run of `down` does."""
    found = session.platform.leftovers()
    for line in found:
        session.say(f"would remove {line}")
    if not found:
        session.say(f"nothing of {session.topology.lab} is {session.platform.place}")


@lab_task(locks=True, dry=_list)
def down(session: Session) -> None:
    """Remove the whole lab, with its data."""
    removed = session.platform.destroy()
    for line in removed:
        session.say(f"removed {line}")
    left = session.platform.leftovers()
    if left:
        from scripts.errors import LabError

        raise LabError("still there: " + ", ".join(left), hint=session.platform.again)
    session.say(f"nothing of {session.topology.lab} is left {session.platform.place}")


@lab_task(name="lab.stop", locks=True)
def stop(session: Session) -> None:
    """Stop services and hosts in order; data stays.

    The memory of a local lab is free then, and nobody pays for instances; `fab lab.start` goes on.
    """
    from scripts.operations import pause

    names = pause.stop(session)
    session.say(f"{len(names)} hosts stopped" if names else "no host runs, nothing to do")


@lab_task(name="lab.start", locks=True)
def start(session: Session) -> None:
    """Start what `fab lab.stop` has stopped."""
    from scripts.operations import pause

    pause.start(session)
