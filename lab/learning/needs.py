"""What a lab must have for an exercise, in words, and whether a datacenter has it."""

from __future__ import annotations

from collections.abc import Collection

from lab.learning.exercise import Exercise
from lab.model import Datacenter
from lab.versions import KRAFT, at_least

NAMES = {KRAFT: "KRaft"}


def needs(exercise: Exercise) -> str:
    """"KRaft, Kafka 4.2, 3 brokers"; "" where any lab will do."""
    return ", ".join([
        *([NAMES.get(exercise.metadata, "ZooKeeper")] if exercise.metadata else []),
        *([f"Kafka {exercise.since}"] if exercise.since else []),
        *([f'Kafka {exercise.begins} with finalize = "by hand"'] if exercise.begins else []),
        *([f"{exercise.brokers} brokers"] if exercise.brokers > 1 else []),
        *(["a mirror to a schema registry and a sink of Avro"] if exercise.pipeline
          else ["a mirror"] if exercise.mirror else []),
        *(["Kafka Connect"] if exercise.connect else []),
        *(["a schema registry"] if exercise.registry else []),
        *(["brokers with certificates"] if exercise.certificates else []),
        *([f"acls = true and a user {exercise.user} who proves it"] if exercise.user else []),
        *(["monitoring"] if exercise.monitoring else []),
    ])


def fits(
    exercise: Exercise, datacenter: Datacenter, *, mirrored: bool, by_hand: bool = False,
    connected: bool = False, registered: bool = False, certified: bool = False,
    users: Collection[str] = (), monitored: bool = False, carried: bool = False,
) -> bool:
    """Whether the exercise can take place in a datacenter. mirrored: a mirror begins there.
    connected: it has workers of Kafka Connect. by_hand: its lab file leaves it to a person to
    finalise a release. registered: it has the schema registry that takes schemas. certified: its
    brokers have certificates. users: those that prove their names, and are refused what nobody has
    granted. monitored: Prometheus asks its brokers. carried: the mirror leads to where schemas are
    registered and a sink reads Avro.

    What the lab file says of the version changes while an exercise goes on that is about that.
    """
    return (
        datacenter.count("kafka") >= exercise.brokers
        and (mirrored or not exercise.mirror)
        and (connected or not exercise.connect)
        and (registered or not exercise.registry)
        and (certified or not exercise.certificates)
        and exercise.user in ("", *users)
        and (monitored or not exercise.monitoring)
        and (carried or not exercise.pipeline)
        and (by_hand or not exercise.begins)
        and exercise.metadata in ("", datacenter.metadata)
        and at_least(datacenter.version, exercise.since or exercise.begins or "0")
    )


def lab_file(exercise: Exercise) -> str:
    """The lab file of this project that has what an exercise needs."""
    if exercise.begins:
        return "labs/upgrade.toml"
    if exercise.certificates or exercise.user:
        return "labs/guarded.toml"
    if exercise.monitoring or exercise.pipeline:
        return "labs/enterprise.toml"
    if exercise.connect:
        return "labs/connect.toml"
    if exercise.registry:
        return "labs/registry.toml"
    today = exercise.metadata == KRAFT or at_least(exercise.since or "0", "4.0")
    return "labs/kraft.toml" if today else "lab.toml"
