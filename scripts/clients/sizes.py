"""What topics take on brokers' disks: a request that librdkafka has not (DescribeLogDirs)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from scripts.clients.brokers import Client, log_dirs, unanswered


def sizes(client: Client) -> Mapping[str, int]:
    """The bytes of each topic, all replicas together; nothing where brokers do not tell. A size is
    worth no error."""
    try:
        return total(client.ask(log_dirs))
    except unanswered():
        return {}


def total(found: list[dict[str, Any]]) -> Mapping[str, int]:
    """The bytes by topic from every broker's answer."""
    sizes: Counter[str] = Counter()
    for broker in found:
        for folder in broker["log_dirs"]:
            for topic in folder["topics"] or ():
                sizes[topic["name"]] += sum(
                    part["partition_size"] for part in topic["partitions"]
                )
    return sizes
