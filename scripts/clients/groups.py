"""Consumer groups of a cluster: which there are, what they have committed, and committing for them.

For groups that are none of this program's own; see the consumers of the others for those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.data.words import legible
from scripts.errors import LabError, one_line

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

REQUEST_SECONDS = 10.0
Places = dict[tuple[str, int], int]  # offsets by topic and partition


@contextmanager
def _told(where: str, what: str) -> Iterator[None]:
    """What a cluster answers instead of doing it, as a LabError."""
    from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

    try:
        yield
    except KafkaException as error:
        raise LabError(
            f"{what}: {one_line(error)}", where=where, hint="see `fab status`"
        ) from error


def group_names(
    admin: AdminClient, where: str, *, seconds: float = REQUEST_SECONDS
) -> list[str]:
    """Every group of a cluster, in order of name. `seconds`: how long a request may take, also of
    the functions below. Raises LabError."""
    from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

    with _told(where, "groups cannot be listed"):
        found = admin.list_consumer_groups(request_timeout=seconds).result()
        for error in found.errors:  # of the brokers that did not answer for their groups
            raise KafkaException(error)
    return sorted(one.group_id for one in found.valid)


def committed(
    admin: AdminClient, groups: Iterable[str], where: str, *, seconds: float = REQUEST_SECONDS
) -> dict[str, Places]:
    """What each group has committed, in partitions where it has. Raises LabError."""
    from confluent_kafka import ConsumerGroupTopicPartitions  # noqa: PLC0415 - 50 ms

    asked = {
        group: admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], request_timeout=seconds,
        )[group]
        for group in groups
    }
    found = {}
    for group, future in asked.items():
        with _told(where, f"offsets of group {legible(group)} cannot be read"):
            found[group] = {
                (one.topic, one.partition): one.offset
                for one in future.result().topic_partitions if one.offset >= 0
            }
    return found


def with_members(admin: AdminClient, groups: Iterable[str], where: str) -> set[str]:
    """Which of these groups, which exist, have members. Raises LabError."""
    from confluent_kafka import ConsumerGroupState  # noqa: PLC0415 - 50 ms

    found: set[str] = set()
    groups = list(groups)
    if not groups:
        return found
    asked = admin.describe_consumer_groups(groups, request_timeout=REQUEST_SECONDS)
    for name, future in asked.items():
        with _told(where, f"group {legible(name)} cannot be described"):
            state = future.result().state
        if state not in (ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD):
            found.add(name)
    return found


def commit_for(
    admin: AdminClient, group: str, offsets: Mapping[tuple[str, int], int], where: str
) -> None:
    """Set offsets of a group without members. Raises LabError, also when it has some after all."""
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition  # noqa: PLC0415 - 50 ms

    wanted = [TopicPartition(*place, offset) for place, offset in sorted(offsets.items())]
    (future,) = admin.alter_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group, wanted)], request_timeout=REQUEST_SECONDS,
    ).values()
    with _told(where, f"offsets of group {group} cannot be set"):
        answer: Any = future.result()
        for one in answer.topic_partitions:
            if one.error is not None:
                raise LabError(
                    f"offset of group {group} in {one.topic}-{one.partition} cannot be set: "
                    f"{one_line(one.error)}", where=where,
                )
