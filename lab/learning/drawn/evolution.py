"""The versions of a subject: which fields each has, and which of them may lack in a record."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lab.learning.facts import Subject, Version

REQUIRED, OPTIONAL = "required", "optional"


@dataclass(frozen=True)
class Step:
    """One version: its number, its id, and its fields in order, each with what it is: REQUIRED, or
    OPTIONAL where it has a default. What is no record of Avro has none."""

    version: int
    id: int
    fields: tuple[tuple[str, str], ...]

    def named(self, kind: str) -> tuple[str, ...]:
        """The fields of a kind."""
        return tuple(name for name, found in self.fields if found == kind)


@dataclass(frozen=True)
class Evolution:
    """A subject's versions, the oldest first. level: what is asked of the next one."""

    subject: str
    level: str
    steps: tuple[Step, ...]


def evolution(name: str, subject: Subject) -> Evolution:
    """What became of a subject."""
    return Evolution(name, subject.level, tuple(
        Step(one.number, one.id, _fields(one)) for one in subject.versions
    ))


def _fields(version: Version) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(
            (str(one["name"]), OPTIONAL if "default" in one else REQUIRED)
            for one in json.loads(version.schema)["fields"]
        )
    except (ValueError, LookupError, TypeError):
        return ()
