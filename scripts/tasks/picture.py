"""The lab as it is now, to look at: a page that moves with it, and the same in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.errors import UsageError
from scripts.tasks.cli import DATACENTER, lab_task

if TYPE_CHECKING:
    from scripts.session import Session

if TYPE_CHECKING:
    from scripts.picture.feed import Feed

MAX_SECONDS = 24 * 3600


@lab_task(locks=False, help={
    "port": "of 127.0.0.1 (the first free one from 8020)",
    "save": "write what was seen as a page of its own, at the end",
    "seconds": "how long; without it, until Ctrl-C", "datacenter": DATACENTER,
})
def view(
    session: Session, port: int = 0, save: str = "", seconds: int = 0,
    datacenter: str | None = None,
) -> None:
    """Show the lab as it is now, on a page that moves with it.

    Brokers, partitions with leaders and replicas, groups and their members, mirrors, ensembles, and
    the last ten minutes of them. The page is at 127.0.0.1 and changes nothing. With --save FILE
    what was seen is written at the end: a page that replays it without a network.
    """
    from scripts.picture.page import render
    from scripts.picture.server import bound, serve

    file = _writable(save)
    if not 0 <= seconds <= MAX_SECONDS:
        raise UsageError(f"--seconds {seconds}", hint=f"accepted: 1 to {MAX_SECONDS}")
    if not 0 <= port <= 65535:
        raise UsageError(f"--port {port}", hint="accepted: 1024 to 65535")
    names = {"lab": session.topology.lab, "owner": session.file.lab.owner}
    with bound(port) as listening, _feed(session, datacenter) as feed:
        address = "http://{}:{}/".format(*listening.getsockname())
        try:
            serve(feed, listening, **names, seconds=seconds, started=lambda: session.say(
                f"the lab is at {address}" + ("" if seconds else " (Ctrl-C ends it)")
            ))
        except KeyboardInterrupt:  # how it is meant to end
            print()
        if file:
            file.write_text(render(feed.history, **names), encoding="utf-8")
            session.say(f"what was seen is in {file}")


@lab_task(locks=False, help={
    "once": "print it once and end", "datacenter": DATACENTER,
})
def top(session: Session, once: bool = False, datacenter: str | None = None) -> None:
    """Show the lab as it is now in the terminal.

    The same as `fab view` shows: brokers, partitions, groups, mirrors and what happened last.
    """
    from scripts.picture.terminal import show

    with _feed(session, datacenter) as feed:
        try:
            show(feed, lab=session.topology.lab, once=once)
        except KeyboardInterrupt:  # how it is meant to end
            print()


@contextmanager
def _feed(session: Session, datacenter: str | None) -> Iterator[Feed]:
    """What is seen of the lab from now on. Raises LabError where it does not exist, and what a bug
    in a look raised."""
    from scripts.picture.watching import watching

    with watching(session, session.datacenters(session.select(datacenter, None))) as feed:
        feed.wait_first()
        yield feed
    if feed.failed:
        raise feed.failed


def _writable(save: str) -> Path | None:
    """Where to write. Said before anything is collected. Raises UsageError."""
    if not save:
        return None
    file = Path(save)
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise UsageError(f"--save {save}: no file can be written there",
                         hint="name a file in a folder that exists")
    return file
