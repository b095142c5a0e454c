"""What the lab changes in a mirror so that one topic does not stop all others.

**Topics that are held back**, because the target does not take one of their records.
MirrorMaker copies all topics of a mirror in the same tasks, and a task ends with the first record
that is refused: no topic is copied any more. Connect could pass over such records
(`errors.tolerance`), which loses them, and not in transactions (KIP-779). So the lab excludes the
topic from the connector and writes that into the connector's own settings. Connect keeps the
topic's offset, and the mirror goes on with that record as soon as the target takes it.

**Smaller batches**, because a topic takes less than a producer sends at once (16 KiB). It splits a
batch that is refused into batches of its own size, so for ever into the same one (KAFKA-8350). All
topics are sent in batches of that size then, which costs requests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lab.mirrors.progress import At

# The lab's marks in a source connector's settings, which Connect keeps and no connector knows.
HELD, BATCH = "kafkalab.held", "kafkalab.batch"
EXCLUDE, BATCH_SIZE = "topics.exclude", "producer.override.batch.size"
USUAL_BATCH = 16384  # batch.size of Kafka's producers


@dataclass(frozen=True)
class Refused:
    """A record that is larger than it may be: its place, its size and the limit in bytes, and what
    has that limit. coming: the limit will be another one that takes it, without anybody's doing.
    """

    at: At
    offset: int
    size: int
    limit: int
    holder: str
    remedy: str
    coming: bool = False

    def __str__(self) -> str:
        return (f"{self.at} at offset {self.offset} has {self.size:,} bytes, and {self.holder} "
                f"takes {self.limit:,}")


@dataclass(frozen=True)
class Care:
    """What is changed in one source connector: topics held back, and the size of its batches."""

    held: frozenset[str] = frozenset()
    batch: int = USUAL_BATCH


def taken(config: Mapping[str, str], care: Care) -> dict[str, str]:
    """The settings of a source connector with what is changed in it."""
    found = dict(config)
    if care.held:
        found |= {EXCLUDE: config[EXCLUDE] + _tail(care.held), HELD: ",".join(sorted(care.held))}
    if care.batch != USUAL_BATCH:
        found |= {BATCH_SIZE: str(care.batch), BATCH: str(care.batch)}
    return found


def plain(config: Mapping[str, str]) -> tuple[dict[str, str], Care]:
    """Settings as they are without what is changed in them, and what that is."""
    config = dict(config)
    held = frozenset(filter(None, config.pop(HELD, "").split(",")))
    if held and EXCLUDE in config:
        config[EXCLUDE] = config[EXCLUDE].removesuffix(_tail(held))
    batch = config.pop(BATCH, "")
    if batch and config.get(BATCH_SIZE) == batch:
        del config[BATCH_SIZE]
    return config, Care(held, int(batch) if batch.isdecimal() else USUAL_BATCH)


def _tail(topics: Collection[str]) -> str:
    """Expressions for topics, of whose letters only the dot means something else there."""
    return "".join(f",{topic.replace('.', '[.]')}" for topic in sorted(topics))
