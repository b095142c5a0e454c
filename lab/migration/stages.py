"""The stages between metadata in ZooKeeper and in KRaft."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Stage(IntEnum):
    """How far a datacenter has come; each one contains those before."""

    ZOOKEEPER = 0
    PREPARED = 1
    DUAL_WRITE = 2
    BROKERS = 3
    FINISHED = 4

    @property
    def words(self) -> str:
        """For people, after "it is"."""
        return _WORDS[self]


_WORDS: Mapping[Stage, str] = {
    Stage.ZOOKEEPER: "in ZooKeeper",
    Stage.PREPARED: "prepared: controllers run beside ZooKeeper, which has the metadata",
    Stage.DUAL_WRITE: "dual write: the quorum controls the cluster, and writes to ZooKeeper too",
    Stage.BROKERS: "brokers with KRaft; the quorum still writes to ZooKeeper, too",
    Stage.FINISHED: "with KRaft",
}
