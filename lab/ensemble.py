"""How a ZooKeeper ensemble grows and keeps what it has: one server at a time.

Every server has a list of all servers. A majority of a list decides, so two lists that differ by
more than one server may have majorities that share nobody, and an empty one may lead. That is why
each new server is known to all, and has what they have, before the next one comes.
"""

from __future__ import annotations

from collections.abc import Mapping

Servers = frozenset[int]


class CannotGrow(ValueError):
    """The servers' lists cannot become the wanted one; the text says why, and what can be done."""


def growth(lists: Mapping[int, Servers], wanted: Servers) -> tuple[Servers, ...]:
    """What all servers' lists are, one after the other, until all are `wanted`.

    `lists` are those on the servers that have one; the first result is the longest of them, which
    not all may have yet. Nothing where all lists are `wanted`, or there are none: an ensemble that
    is new knows all of itself at once. Raises CannotGrow.
    """
    if all(one == wanted for one in lists.values()):
        return ()
    largest = max(lists.values(), key=lambda one: (len(one), sorted(one)))
    if not largest <= wanted:
        raise CannotGrow(
            f"its servers know {words(largest)}, and {words(largest - wanted)} would be missing: "
            "an ensemble is not made smaller, since what it knows may be lost"
        )
    for one in lists.values():
        if not one <= largest or len(largest - one) > 1:
            raise CannotGrow(
                f"one server knows {words(one)}, another {words(largest)}: servers that are empty "
                "could take the place of those that are not"
            )
    found = [largest]
    for number in sorted(wanted - largest):
        found.append(found[-1] | {number})
    return tuple(found)


def words(servers: Servers) -> str:
    """"server 1", "servers 1, 2"."""
    return f"server{'s' if len(servers) > 1 else ''} " + ", ".join(map(str, sorted(servers)))
