"""How far one student is in one exercise; kept in the lab's state folder as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any


class ProgressError(ValueError):
    """A file of progress that cannot be used."""


@dataclass(frozen=True)
class Progress:
    """started, solved: when (s since 1970); 0.0 for not yet. answers: by question. held: when each
    claim that need not stay so was seen. hints: how many were given, by claim and state. again: how
    often it was begun anew, where names must not come back. prepared: when its fault was
    made, where it has one. language: that it was begun in, "" for that of the lab file."""

    started: float = 0.0
    solved: float = 0.0
    answers: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, float] = field(default_factory=dict)
    hints: Mapping[str, int] = field(default_factory=dict)
    again: int = 0
    prepared: float = 0.0
    language: str = ""

    def answer(self, question: str, said: str) -> Progress:
        return replace(self, answers={**self.answers, question: said})

    def hint(self, key: str) -> tuple[int, Progress]:
        """How many hints of this kind were given before, and the progress after one more."""
        before = self.hints.get(key, 0)
        return before, replace(self, hints={**self.hints, key: before + 1})

    def hold(self, claims: Mapping[str, float]) -> Progress:
        return replace(self, held={**claims, **self.held})

    @property
    def state(self) -> str:
        """"new", "begun" or "done"."""
        return "done" if self.solved else "begun" if self.started else "new"

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def parse(text: str) -> Progress:
    """Raises ProgressError for what `as_json` did not write."""
    try:
        found: dict[str, Any] = json.loads(text)
        return Progress(
            float(found["started"]), float(found["solved"]), dict(found["answers"]),
            dict(found["held"]), dict(found["hints"]), int(found.get("again", 0)),
            float(found.get("prepared", 0.0)), str(found.get("language", "")),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ProgressError(f"not a file of progress ({error})") from None
