"""The score of metadata that moves to KRaft and back under load."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lab.drills.figures import Figure, counted
from lab.drills.log import FAULT, HEALTHY, MOVED, Log
from lab.drills.measures import between
from lab.drills.outage import OutageScore, outage


@dataclass(frozen=True)
class MovingScore(OutageScore):
    """Beside those of every outage, where none of the cluster's parts was to be missed:

    away_seconds: from FAULT until all was where the drill takes it; home_seconds: from then until
    all was where it had begun. unacknowledged: sent, and never acknowledged.
    """

    away_seconds: float | None = None
    home_seconds: float | None = None
    unacknowledged: int = 0

    def sentence(self) -> str:
        if self.away_seconds is None or self.home_seconds is None:
            return "The metadata did not come to where it was to go, and home again."
        return (
            f"The metadata moved in {self.away_seconds:.0f} s, and back in "
            f"{self.home_seconds:.0f} s; writes stood still for "
            f"{self.max_ack_gap_seconds or 0:.1f} s at most, "
            f"{counted(self.unacknowledged, 'write')} failed, and "
            f"{counted(self.lost, 'acknowledged record')} "
            f"{'was' if self.lost == 1 else 'were'} lost."
        )

    def figures(self) -> tuple[Figure, ...]:
        theirs = tuple(
            # How long it takes is said above, and no server is missing.
            one._replace(objective=None, rule="info") if one.name == "recovery_seconds" else one
            for one in super().figures() if one.name != "resync_seconds"
        )
        return (
            Figure("away_seconds", "there", self.away_seconds, "s",
                   "from the first step until metadata was on the other side", "happens"),
            Figure("home_seconds", "and back", self.home_seconds, "s",
                   "from then until it was where it had been, and every replica in sync",
                   "happens"),
            Figure("unacknowledged", "failed writes", self.unacknowledged, "records",
                   "sent, and never acknowledged", "zero"),
            *theirs,
        )


def moving(log: Log) -> MovingScore:
    """The score of what was recorded."""
    found = outage(log)
    return MovingScore(
        **{name: getattr(found, name) for name in asdict(found)},
        away_seconds=between(log.when(FAULT), log.when(MOVED)),
        home_seconds=between(log.when(MOVED), log.when(HEALTHY)),
        unacknowledged=found.sent - found.acknowledged,
    )
