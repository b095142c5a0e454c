"""How `fab status` words what it found."""

from __future__ import annotations

from typing import Any

from scripts.operations.status import cluster_line


def datacenter(**kafka: Any) -> dict[str, Any]:
    return {"name": "dc1", "kafka": {"bootstrap": "h:1,h:2", **kafka}}


def test_a_cluster_in_one_line() -> None:
    found = datacenter(brokers=[1, 2], controller=1, under_replicated=0)
    assert cluster_line(found) == (
        "dc1: bootstrap h:1,h:2, 2 brokers, controller 1, 0 under-replicated"
    )


def test_of_a_cluster_that_tells_nothing_nothing_is_told() -> None:
    """Least of all that None of its partitions is under-replicated."""
    found = datacenter(brokers=[], controller=None, under_replicated=None)
    assert cluster_line(found) == "dc1: bootstrap h:1,h:2, no broker answers"
