"""Who is in a group by the word of its coordinator, and who of them has gone without a word."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing

from scripts.clients.brokers import Brokers
from scripts.clients.coordinators import known
from scripts.clients.kafka import Cluster
from scripts.errors import LabError, one_line

LEAVING = 3  # the version of the request from which on it says who leaves (KIP-345)
ANSWER_SECONDS = 5.0


class Membership:
    """The members of one group of a cluster, of whatever protocol."""

    def __init__(self, cluster: Cluster, group: str) -> None:
        self._cluster, self._group = cluster, group

    def of(self, client_id: str) -> frozenset[str]:
        """The ids of those that call themselves so. Raises LabError where nobody tells."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        try:
            # What replaces it tells of consumers only.
            found = self._cluster.admin.list_groups(self._group, timeout=ANSWER_SECONDS)
        except KafkaException as error:
            raise LabError(one_line(error), where=self._cluster.name) from error
        return frozenset(str(one.id) for group in found for one in group.members
                         if one.client_id == client_id)

    def remove(self, members: Collection[str]) -> None:
        """Take members out of the group, as they do themselves when they leave; one that is not in
        it does no harm. Raises LabError where no broker answers."""
        if not members:
            return
        with closing(Brokers(self._cluster.endpoint)) as brokers:
            leave(brokers, self._cluster.name, self._group, members)


def leave(brokers: Brokers, where: str, group: str, members: Collection[str]) -> None:
    """Tell a group's coordinator that these of its members leave. Raises LabError where no broker
    answers."""
    found = next(iter(known(brokers, where, only=group).groups), None)
    there = {one.id for one in found.members} & set(members) if found else set()
    if found is None or found.coordinator is None or not there:
        return
    from kafka.protocol.consumer import LeaveGroupRequest  # noqa: PLC0415 - 0.2 s

    one = LeaveGroupRequest.MemberIdentity
    brokers.ask([(found.coordinator, LeaveGroupRequest(
        group_id=group, min_version=LEAVING, max_version=LEAVING,
        members=[one(member_id=id, group_instance_id=None) for id in sorted(there)],
    ))])
