"""All that a check was judged by, as a file: it can be judged again without the lab.

`fab exercise.check ID --facts FILE` writes one.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.learning.exercise import Exercise, Value
from lab.learning.facts import recorded
from lab.learning.judge import Bench
from lab.learning.progress import Progress, parse as progress_of

LONG = 4000  # letters of an answer, from which on it is packed: thousands of batches, say
PACKED = "zlib"


class SnapshotError(ValueError):
    """A file that is no snapshot of a check."""


@dataclass(frozen=True)
class Snapshot:
    """exercise: its id. datacenter: where it takes place. progress: before the check. answers: what
    the clusters answered, by datacenter and question."""

    exercise: str
    datacenter: str
    values: Mapping[str, Value]
    progress: Progress
    answers: Mapping[str, Mapping[str, Any]]

    def bench(self, exercise: Exercise, language: str = "en") -> Bench:
        """What there was to judge."""
        facts = recorded(self.answers, self.datacenter)
        return Bench(exercise, self.values, facts, self.progress, language)

    def as_json(self) -> str:
        """A line for each answer, of those that are long packed."""
        head = {"exercise": self.exercise, "datacenter": self.datacenter,
                "values": dict(self.values), "progress": json.loads(self.progress.as_json())}
        lines = [f" {_line(key)}: {_line(value)}," for key, value in head.items()]
        places = [
            f"  {_line(name)}: {{\n" + ",\n".join(
                f"   {_line(asked)}: {_packed(_line(answer))}"
                for asked, answer in sorted(some.items())
            ) + "\n  }" for name, some in sorted(self.answers.items())
        ]
        return "\n".join(["{", *lines, ' "answers": {', ",\n".join(places), " }", "}"]) + "\n"


def parse(text: str) -> Snapshot:
    """Raises SnapshotError for what `as_json` did not write."""
    try:
        found: dict[str, Any] = json.loads(text)
        return Snapshot(
            str(found["exercise"]), str(found["datacenter"]), dict(found["values"]),
            progress_of(json.dumps(found["progress"])),
            {name: {asked: _unpacked(answer) for asked, answer in some.items()}
             for name, some in found["answers"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise SnapshotError(f"not a snapshot of a check ({error})") from None


def _packed(line: str) -> str:
    if len(line) < LONG:
        return line
    return _line({PACKED: base64.b64encode(zlib.compress(line.encode(), 9)).decode()})


def _unpacked(answer: Any) -> Any:
    if isinstance(answer, dict) and answer.keys() == {PACKED}:
        return json.loads(zlib.decompress(base64.b64decode(answer[PACKED])))
    return answer


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
