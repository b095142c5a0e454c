"""What a lab file must not say about its mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.mirrors.topics import identity_cycle
from lab.problems import Problem, no_such_datacenter

if TYPE_CHECKING:
    from lab.model import Lab


def findings(lab: Lab) -> Iterator[Problem]:
    datacenters = {datacenter.name: datacenter for datacenter in lab.datacenters}
    linked = {frozenset(link.between) for link in lab.links}
    seen: set[str] = set()
    for index, mirror in enumerate(lab.mirrors, 1):
        field = f"mirrors[{index}]"
        ends = {"from": mirror.source, "to": mirror.target}
        strangers = {key: name for key, name in ends.items() if name not in datacenters}
        for key, name in strangers.items():
            yield Problem(f"{field}.{key}", repr(name), no_such_datacenter(name, list(datacenters)))
        if strangers:
            continue
        if mirror.source == mirror.target:
            yield Problem(f"{field}.to", repr(mirror.target), "mirrors a datacenter to itself")
        elif frozenset(ends.values()) not in linked:
            yield Problem(
                field, mirror.name, "the two are not linked; accepted: with "
                f'[[links]] between = ["{mirror.source}", "{mirror.target}"]',
            )
        if mirror.name in seen:
            yield Problem(field, mirror.name, "is there already; accepted: one of each direction")
        seen.add(mirror.name)
        target = datacenters[mirror.target]
        if not target.count("control") and not target.count("connect"):
            yield Problem(
                field, mirror.name, f"{target.name} has no host for Kafka Connect; "
                "accepted: with control = 1 or connect = 1 there",
            )
    ring = identity_cycle(lab.mirrors)
    if ring:
        yield Problem(
            "mirrors", " to ".join((*ring, ring[0])), "a ring with the identity policy in it, in "
            'which records would come back; accepted: policy = "default" in all of it',
        )
