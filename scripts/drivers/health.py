"""Whether a mirror does its work: it runs, and what waits for it moves."""

from __future__ import annotations

from dataclasses import dataclass

from lab.mirrors.progress import Progress
from scripts.drivers import holding
from scripts.drivers.connectors import ConnectorState, Group
from scripts.drivers.flow import Flow
from scripts.errors import LabError


@dataclass(frozen=True)
class Health:
    """A mirror as a whole, in words; "" and () where nothing is wrong.

    stopped: why nothing is copied. held: the records that keep it from that, or for which single
    topics are held back, `topics`. notes: why it waits without a fault of its own.
    """

    stopped: str = ""
    held: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def problem(self) -> str:
        return "; ".join(filter(None, (self.stopped, *self.held)))


def examine(
    workers: Group, source: ConnectorState | None, problem: str,
    progress: Progress | None = None,
) -> Health:
    """The health of a mirror, by its source connector; `problem`: what is wrong with connectors.

    Waits `stall_s` where records wait and nothing seems to move; with the `progress` of looks
    before it does not. What cannot be looked at is a problem, no error.
    """
    if source is None:
        return Health(problem)
    try:
        care = workers.care_of(source.name)
        with workers.flow(source.name) as flow:
            stopped = problem or _standing(flow, care.held, progress)
            stuck = source.failed or bool(stopped and not problem)
            lines = tuple(holding.told(flow, care, stuck=stuck)) if care.held or stuck else ()
            notes = tuple(flow.held_up(flow.mirroring.stall_s))
    except LabError as error:
        return Health(problem or ": ".join(filter(None, (error.where, error.what))))
    return Health(stopped, lines, tuple(sorted(care.held)), notes)


def _standing(flow: Flow, held: frozenset[str], progress: Progress | None) -> str:
    """Where nothing moves, and why."""
    found = flow.standing(
        flow.progress() if progress is None else progress, held, patient=progress is None
    )
    return flow.why(found) if found else ""
