"""The verdict on a score: what was to be kept, what was measured, whether it was kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lab.drills.figures import Figure, Number, Score, amount
from lab.options.objectives import Objectives


@dataclass(frozen=True)
class Verdict:
    """One figure against its limit, in the figure's unit.

    `measured` is None when what was waited for never came, which is never good enough. `limit` is
    None when it only had to come. `at_least`: the limit is the lowest good value, not the highest.
    """

    name: str
    label: str
    measured: Number | None
    limit: Number | None
    met: bool
    unit: str = "records"
    at_least: bool = False

    @property
    def measured_text(self) -> str:
        return "never" if self.measured is None else amount(self.measured, self.unit)

    @property
    def limit_text(self) -> str:
        if self.limit is None:
            return "must happen"
        if self.unit == "s":
            return f"at most {self.limit:g} s"
        return f"at {'least' if self.at_least else 'most'} {self.limit:,}" if self.limit else "none"

    @property
    def word(self) -> str:
        return "met" if self.met else "NOT met"

    def as_json(self) -> dict[str, object]:
        """Plain types, seconds rounded to milliseconds."""
        value = self.measured
        return {
            "name": self.name, "measured": round(value, 3) if isinstance(value, float) else value,
            "limit": self.limit, "at_least": self.at_least, "met": self.met,
        }


def judge(objectives: Objectives, score: Score) -> tuple[Verdict, ...]:
    """One verdict for each figure that is judged: by an objective that is given, or by its rule."""
    return tuple(v for figure in score.figures() for v in [_verdict(objectives, figure)] if v)


def passed(verdicts: Iterable[Verdict]) -> bool:
    """All are met, and there are some."""
    found = [verdict.met for verdict in verdicts]
    return bool(found) and all(found)


def _verdict(objectives: Objectives, figure: Figure) -> Verdict | None:
    name, label, value, unit = figure.name, figure.label, figure.value, figure.unit
    if figure.rule == "zero":
        return Verdict(name, label, value, 0, met=value == 0, unit=unit)
    if figure.rule == "some":
        return Verdict(name, label, value, 1, met=bool(value), unit=unit, at_least=True)
    limit = getattr(objectives, figure.objective) if figure.objective else None
    if value is None:
        # Whatever was chosen: a group that never went on, or a cluster that never got well.
        never = figure.rule == "happens" or limit is not None
        return Verdict(name, label, None, limit, met=False, unit=unit) if never else None
    if limit is None:
        return None
    return Verdict(name, label, value, limit, met=value <= limit, unit=unit)


class Row(NamedTuple):
    """A figure as four texts for a table; `limit` and `met` are empty for what is not judged."""

    name: str
    value: str
    limit: str
    met: str


def rows(score: Score, verdicts: Iterable[Verdict] = ()) -> tuple[Row, ...]:
    """A line for each figure of a score."""
    judged = {verdict.name: verdict for verdict in verdicts}
    return tuple(
        Row(figure.label, figure.text,
            verdict.limit_text if verdict else "", verdict.word if verdict else "")
        for figure in score.figures() for verdict in [judged.get(figure.name)]
    )
