"""The lab as a whole: up, plan, stop and start, down."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lab.counted import counted
from scripts.errors import LabError, UsageError, few
from scripts.platforms import Instance, Platform
from scripts.tasks.cli import NARROW, confirm, lab_task
from scripts.workstation import leading, paths, runlog

if TYPE_CHECKING:
    from lab.topology import Host
    from scripts.session import Session


def _show(
    session: Session, datacenter: str | None = None, host: str | None = None, *,
    replace: bool = False, reviewed: str = "", yes: bool = False,
) -> None:
    """What a dry run of `up` does."""
    del replace, reviewed, yes  # the plan says what would be lost
    from scripts.operations.plan import show

    session.warn()
    show(session, session.select(datacenter, host), narrowed=bool(datacenter or host))


@lab_task(locks=True, dry=_show, help={
    **NARROW, "replace": "end the lab first where it cannot become what the lab file says",
    "reviewed": "a file with what `fab plan --json` printed: do that, or nothing",
    "yes": "do not ask",
})
def up(
    session: Session, datacenter: str | None = None, host: str | None = None, *,
    replace: bool = False, reviewed: str = "", yes: bool = False,
) -> None:
    """Create what is missing, set everything up.

    Brokers that the lab file has no more are emptied and removed, and so is a datacenter; it asks.
    With --replace a lab that cannot become what the lab file says (see `fab plan`) is removed with
    its data, after a question, and made anew. With --reviewed it does nothing that the plan in that
    file does not show.
    """
    from scripts.workstation.beside import beside

    def instances() -> dict[str, Instance]:
        return session.platform.instances()  # with the choice of an engine

    session.makes_hosts = True
    # An engine takes a while to list its hosts; meanwhile modules are read.
    seen = None if reviewed or replace else beside(instances)
    from scripts.operations import leaving

    if reviewed:
        if replace:
            raise UsageError("--reviewed and --replace", hint="say one of them")
        _hold(session, Path(reviewed), session.select(datacenter, host),
              narrowed=bool(datacenter or host))
    if replace:
        from scripts.operations import replacing

        if datacenter or host:
            raise UsageError("--replace ends the whole lab", hint="say it without narrowing")
        replacing.replace(session, lambda question: confirm(
            question, yes=yes, whether="the lab may be removed with its data",
            undone="nothing was removed",
        ))
    leaving.up(session, session.select(datacenter, host), lambda going: confirm(
        f"Remove {going.whose}?", yes=yes, whether=f"{going.whose} may be removed",
        undone="nothing was changed",
    ), narrowed=bool(datacenter or host), instances=seen() if seen else None)


def _hold(session: Session, path: Path, hosts: Sequence[Host], *, narrowed: bool) -> None:
    """Raises LabError unless all that `up` would do was shown in the plan at `path`."""
    from scripts.operations.reviewed import hold

    session.software()  # what it would change is known only once it is here
    hold(session, hosts, path, narrowed=narrowed)


# 2 means "there are changes" here, so a lab file that cannot be used is 1 as every other error.
@lab_task(locks=False, lab_file_error=1, dry=True, help={
    **NARROW, "json": "print one JSON object, for programs",
    "fetch": "get the lab's software first where it is not here, to know what of it differs",
})
def plan(
    session: Session, datacenter: str | None = None, host: str | None = None,
    json: bool = False, fetch: bool = False,
) -> int:
    """Show what `up` would do; do nothing.

    Exit status 0: nothing to do, 2: there are changes, 1: an error.
    """
    from scripts.operations.plan import show

    hosts, narrowed = session.select(datacenter, host), bool(datacenter or host)
    if json:
        session.say = partial(print, file=sys.stderr, flush=True)
    if fetch:
        session.software()
    if json:
        return _document(session, hosts, narrowed=narrowed)
    session.warn()
    return 2 if show(session, hosts, narrowed=narrowed) else 0


def _document(session: Session, hosts: Sequence[Host], *, narrowed: bool) -> int:
    """Print the plan for programs; the exit status."""
    from scripts.operations.reviewed import document

    found = document(session, hosts, narrowed=narrowed)
    print(jsonlib.dumps(found, indent=2))
    if found["refused"]:
        raise LabError("`fab up` would refuse: " + "; ".join(found["refused"]))
    return 2 if found["changes"] else 0


def _list(session: Session, lab: str = "", *, yes: bool = False) -> None:
    """What a dry run of `down` does."""
    del yes
    platform = _ended(session, lab)
    if platform is None:
        return
    found = platform.leftovers()
    kept = {one.where: one for one in platform.kept()}
    for line in found:
        session.say(f"would leave {line}: {kept[line].what}" if line in kept
                    else f"would remove {line}")
    if not found:
        session.say(f"nothing of {lab or session.topology.lab} is {platform.place}")
    _caution(platform.unproven())


@lab_task(locks=True, dry=_list, help={
    "lab": "another lab on this machine, whose lab file there is no more",
    "yes": "do not ask",
})
def down(session: Session, lab: str = "", *, yes: bool = False) -> None:
    """Remove the whole lab, with its data; at a terminal it asks."""
    platform = _ended(session, lab)
    if platform is None:
        return
    if not yes and sys.stdin.isatty():
        _ask(platform, lab or session.topology.lab)
    if not _another(session, lab):
        _remove(session, platform, session.topology.lab)
        return
    with runlog.lock(paths.state_dir(lab), "down"):
        _remove(session, platform, lab)


def _ask(platform: Platform, lab: str) -> None:
    """Name what is to be lost: it may be the lab of another file than one thinks. Programs are not
    asked; what they type is `fab down`."""
    found = platform.leftovers()
    if found:
        confirm(
            f"{lab} is to be removed, with all data in it: {few(found)}.",
            whether="the lab may be removed", undone="nothing was removed", yes=False,
        )


def _another(session: Session, lab: str) -> bool:
    return lab not in ("", session.topology.lab)


def _ended(session: Session, lab: str) -> Platform | None:
    """The platform of the lab that is to end; None, which is said, where there can be nothing."""
    if _another(session, lab):
        return session.other(lab)
    session.ends = True
    if session.platform_name == "local":
        from scripts.platforms.local.finding import NoEngineError

        try:
            return session.platform
        except NoEngineError as error:
            session.say(f"nothing of {session.topology.lab} is on this machine: {error.what}")
            return None
    return session.platform


def _caution(lines: Iterable[str]) -> None:
    """Print what limits a word that nothing is there, beside the results."""
    for line in lines:
        print(f"note: {line}", file=sys.stderr)


def _remove(session: Session, platform: Platform, lab: str) -> None:
    from scripts.workstation.secret import forget_secrets

    unproven = platform.unproven()
    removed = platform.destroy()
    leading.remember(lab, "")
    for line in removed:
        session.say(f"removed {line}")
    left, kept = platform.leftovers(), platform.kept()
    if left:
        if {one.where for one in kept} >= set(left):
            raise LabError(kept[0].what, where=kept[0].where, hint=kept[0].hint)
        raise LabError("still there: " + ", ".join(left), hint=platform.again)
    for folder in forget_secrets(lab):
        session.say(f"removed folder {folder}")
    session.say(f"nothing of {lab} is left {platform.place}")
    _caution(unproven)
    for line in platform.stays() if removed else ():
        session.say(line)


@lab_task(name="lab.stop", locks=True)
def stop(session: Session) -> None:
    """Stop services and hosts in order; data stays.

    The memory of a local lab is free then, and nobody pays for instances; `fab lab.start` goes on.
    """
    from scripts.operations import pause

    names = pause.stop(session)
    session.say(f"{counted(len(names), 'host')} stopped" if names
                else "no host runs, nothing to do")


@lab_task(name="lab.start", locks=True)
def start(session: Session) -> None:
    """Start what `fab lab.stop` has stopped."""
    from scripts.operations import pause

    pause.start(session)
