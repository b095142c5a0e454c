"""Mirrors that skipped records, set back: what they are past and the copy lacks, they copy again.

MirrorMaker reads where Connect tells it to. A partition of which Connect forgets the offset is
mirrored from its beginning. Connect takes that only of a connector that is stopped (KIP-875).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Protocol

from lab.mirrors.connectors import SOURCE
from lab.options.mirrors import Mirror
from scripts.clients.http import HttpError
from scripts.drivers.connectors import ConnectorState
from scripts.drivers.copies import Copies
from scripts.drivers.driver import Site, Tell
from scripts.drivers.lag import At
from scripts.errors import LabError
from scripts.workstation.waiting import wait_until

STOP_SECONDS = 60.0


class Position(Protocol):
    """The next offset to mirror of each partition; see `scripts.drivers.position.Position`."""

    def __call__(self) -> Mapping[At, int]: ...

    def last(self) -> Mapping[At, int]: ...


class Workers(Protocol):
    """The workers of one datacenter; see `scripts.drivers.workers.Workers`."""

    @property
    def names(self) -> Collection[str]: ...

    def states(self) -> Iterable[ConnectorState]: ...

    def position(self, mirror: Mirror) -> Position: ...

    def patiently(self, method: str, path: str, body: object = None) -> Any: ...

    def wait_running(self) -> Any: ...


def copies_of(
    mirror: Mirror, site: Site, position: Callable[[], Mapping[At, int]], *, at_hand: bool = False
) -> Copies:
    """The copies of a mirror that leads to `site`; to be closed. `position` tells the next offset
    to mirror of each partition. at_hand: by the clients that the clusters have."""
    lab = site.lab
    into = [one for one in lab.mirrors if one.target == mirror.target]
    # Under the default policy each source has names of its own in the target.
    meet = any(one.policy == "identity" for one in into)
    source, target = site.other(mirror.source).kafka, site.kafka
    return Copies(
        mirror, source.endpoint, target.endpoint, position, mirrors=lab.mirrors, others={
            one.source: site.other(one.source).kafka.endpoint
            for one in into if meet and one.source != mirror.source
        }, admins=(source.admin, target.admin) if at_hand else None,
    )


def _lacking(
    mirror: Mirror, site: Site, position: Callable[[], Mapping[At, int]]
) -> tuple[At, ...]:
    """What a mirror has to copy again. Nothing where one of its ends does not answer."""
    try:
        return _seen(mirror, site, position)
    except LabError:
        return ()


def _seen(
    mirror: Mirror, site: Site, position: Callable[[], Mapping[At, int]]
) -> tuple[At, ...]:
    with closing(copies_of(mirror, site, position, at_hand=True)) as copies:
        return copies.lacking()


def _mine(site: Site, workers: Workers) -> Iterator[Mirror]:
    return (one for one in site.lab.mirrors
            if one.target == site.name and f"{one.name}.{SOURCE}" in workers.names)


def lines(site: Site, workers: Workers) -> Iterator[str]:
    """What `set_back` would do, for `plan`."""
    for mirror in _mine(site, workers):
        # Whoever looked at what waits has just asked; a mirror is past no less by now.
        for topic, part in _lacking(mirror, site, workers.position(mirror).last):
            yield (f"~ connector {mirror.name}.{SOURCE}: mirror {topic}-{part} from its beginning, "
                   "its copy lacks records")


def set_back(site: Site, workers: Workers, tell: Tell) -> int:
    """Let mirrors copy again what they are past and the copy lacks; how many had to.

    Records that the copy has of such a partition come a second time. Raises LabError.
    """
    count = 0
    for mirror in _mine(site, workers):
        if _lacking(mirror, site, workers.position(mirror)):
            tell(f"setting back {mirror.name}")
            count += _set_back(mirror, site, workers)
    if count:
        workers.wait_running()
    return count


def _set_back(mirror: Mirror, site: Site, workers: Workers) -> bool:
    with standing_still(mirror, site, workers) as name:
        # Only now nothing moves: what a running mirror was about to do is done.
        found = _seen(mirror, site, workers.position(mirror))
        if found:
            workers.patiently("PATCH", f"/connectors/{name}/offsets", forget(mirror, found))
    return bool(found)


@contextmanager
def standing_still(mirror: Mirror, site: Site, workers: Workers) -> Iterator[str]:
    """A mirror's source connector, stopped: Connect takes offsets of it then. Raises LabError."""
    name = f"{mirror.name}.{SOURCE}"
    workers.patiently("PUT", f"/connectors/{name}/stop")
    try:
        wait_until(
            lambda: _stopped(name, workers),
            timeout=STOP_SECONDS, pause=0.2, where=site.name, message=f"{name} does not stop",
        )
        yield name
    finally:
        workers.patiently("PUT", f"/connectors/{name}/resume")


def _stopped(name: str, workers: Workers) -> bool:
    try:
        return any(one.name == name and one.state == "STOPPED" and not one.tasks
                   for one in workers.states())
    except HttpError:  # workers rebalance
        return False


def forget(mirror: Mirror, places: Iterable[At]) -> dict[str, Any]:
    """The request that makes Connect forget where a mirror stands in some partitions."""
    return {"offsets": [_spot(mirror, at, None) for at in places]}


def past(mirror: Mirror, at: At, end: int) -> dict[str, Any]:
    """The request that lets a mirror go on at an offset of a partition, `end`."""
    return {"offsets": [_spot(mirror, at, {"offset": end - 1} if end else None)]}


def _spot(mirror: Mirror, at: At, offset: dict[str, int] | None) -> dict[str, Any]:
    topic, part = at
    return {"partition": {"cluster": mirror.source, "partition": part, "topic": topic},
            "offset": offset}
