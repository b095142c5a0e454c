"""What a lab must have for an exercise, in words, and whether a datacenter has it."""

from __future__ import annotations

from lab.learning.exercise import Exercise
from lab.model import Datacenter
from lab.versions import KRAFT, at_least

NAMES = {KRAFT: "KRaft"}


def needs(exercise: Exercise) -> str:
    """"KRaft, Kafka 4.2, 3 brokers"; "" where any lab will do."""
    return ", ".join([
        *([NAMES.get(exercise.metadata, "ZooKeeper")] if exercise.metadata else []),
        *([f"Kafka {exercise.since}"] if exercise.since else []),
        *([f"{exercise.brokers} brokers"] if exercise.brokers > 1 else []),
        *(["a mirror"] if exercise.mirror else []),
    ])


def fits(exercise: Exercise, datacenter: Datacenter, *, mirrored: bool) -> bool:
    """Whether the exercise can take place in a datacenter. mirrored: a mirror begins there."""
    return (
        datacenter.count("kafka") >= exercise.brokers
        and (mirrored or not exercise.mirror)
        and exercise.metadata in ("", datacenter.metadata)
        and at_least(datacenter.version, exercise.since or "0")
    )


def lab_file(exercise: Exercise) -> str:
    """The lab file of this project that has what an exercise needs."""
    today = exercise.metadata == KRAFT or at_least(exercise.since or "0", "4.0")
    return "labs/kraft.toml" if today else "lab.toml"
