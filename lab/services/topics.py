"""How many partitions and replicas topics have that do not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.topology import Datacenter

if TYPE_CHECKING:
    from lab.model import Lab


def replication(lab: Lab, datacenter: Datacenter) -> tuple[int, int]:
    """(replication factor, least in-sync replicas) of a datacenter's topics."""
    brokers = len(datacenter.by_role("kafka"))
    factor = lab.kafka.replication_factor or min(3, brokers)
    return factor, lab.kafka.min_insync_replicas or max(1, factor - 1)


def of_topics(lab: Lab, datacenter: Datacenter) -> dict[str, object]:
    """The settings by which whoever makes a topic decides that."""
    factor, insync = replication(lab, datacenter)
    return {
        "num.partitions": lab.kafka.partitions,
        "default.replication.factor": factor,
        "min.insync.replicas": insync,
    }
