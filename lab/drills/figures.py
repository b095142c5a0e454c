"""What every score is made of: figures with a name, a unit, a meaning and the rule they obey."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, NamedTuple

from lab.counted import counted as plainly

Number = int | float
# info: not judged by itself; zero: more than none fails; some: none fails; happens: None fails,
# because what was waited for never came.
Rule = Literal["info", "zero", "some", "happens"]


class Figure(NamedTuple):
    """One measured number. `objective` names the field of the objectives that limits it."""

    name: str
    label: str
    value: Number | None
    unit: Literal["s", "records"]
    meaning: str
    rule: Rule = "info"
    objective: str | None = None

    @property
    def text(self) -> str:
        """For people: `1.234 s`, `1,234`; what never happened is `never`, what is not known `-`."""
        if self.value is None:
            return "never" if self.rule == "happens" else "-"
        return amount(self.value, self.unit)


@dataclasses.dataclass(frozen=True)
class Score:
    """What is common to the scores."""

    def figures(self) -> tuple[Figure, ...]:
        """The single numbers, the most important first."""
        raise NotImplementedError

    def sentence(self) -> str:
        """What it cost, in one sentence with the numbers that matter."""
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        """Plain types, seconds rounded to milliseconds."""
        return {key: plain(value) for key, value in dataclasses.asdict(self).items()}


def plain(value: Any) -> Any:
    """Dictionaries, lists, strings and numbers only."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    return round(value, 3) if isinstance(value, float) else value


def amount(value: Number, unit: str) -> str:
    """A number with its unit; records are counted, so theirs goes without saying."""
    if unit != "s":
        return f"{value:,}"
    return f"{value:.3f} s" if abs(value) < 10 else f"{value:.1f} s"


def counted(count: int, noun: str = "record") -> str:
    """`no records`, `1 record`, `1,234 records`."""
    return plainly(count, noun) if count else f"no {noun}s"
