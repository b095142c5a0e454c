"""The release with which an exercise about upgrades begins, and how one comes back to it."""

from __future__ import annotations

from collections.abc import Collection

from lab import upgrade
from lab.learning.facts import Lived


def backward(begins: str, lives: Collection[Lived]) -> str:
    """How brokers come back to the version with which an exercise begins; "" where they run it."""
    own = upgrade.own_protocol(begins)
    ahead = [one.protocol for one in lives if upgrade.order(one.protocol) > upgrade.order(own)]
    again = f'say version = "{begins}" in the lab file'
    if ahead:
        return (f"Kafka {max(ahead, key=upgrade.order)} is finalised, and no older one reads what "
                f"it has written: `fab down`, {again}, `fab up`")
    others = sorted({one.starts[-1].version for one in lives} - {begins}, key=upgrade.order)
    return f"brokers run Kafka {' and '.join(others)}: {again}, `fab up`" if others else ""
