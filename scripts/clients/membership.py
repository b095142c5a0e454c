"""Who is in a group by the word of its coordinator, and who of them has gone without a word."""

from __future__ import annotations

from collections.abc import Collection

from lab.data.groups import Group
from scripts.clients.brokers import Brokers
from scripts.clients.coordinators import known

LEAVING = 3  # the version of the request from which on it says who leaves (KIP-345)


class Membership:
    """The members of one group, of whatever protocol, of the cluster `where`."""

    def __init__(self, brokers: Brokers, group: str, where: str) -> None:
        self._brokers, self._group, self._where = brokers, group, where

    def _found(self) -> Group | None:
        return next(iter(known(self._brokers, self._where, only=self._group).groups), None)

    def of(self, client_id: str) -> frozenset[str]:
        """The ids of those that call themselves so. Raises LabError where no broker answers."""
        group = self._found()
        members = group.members if group else ()
        return frozenset(one.id for one in members if one.client == client_id)

    def remove(self, members: Collection[str]) -> None:
        """Take members out of the group, as they do themselves when they leave; one that is not in
        it does no harm. Raises LabError where no broker answers."""
        from kafka.protocol.consumer import LeaveGroupRequest  # noqa: PLC0415 - 0.2 s

        group = self._found() if members else None
        there = {one.id for one in group.members} & set(members) if group else set()
        if group is None or group.coordinator is None or not there:
            return
        one = LeaveGroupRequest.MemberIdentity
        self._brokers.ask([(group.coordinator, LeaveGroupRequest(
            group_id=self._group, min_version=LEAVING, max_version=LEAVING,
            members=[one(member_id=id, group_instance_id=None) for id in sorted(there)],
        ))])
