"""What a user may do, in lines that people read: "read topic orders", "write topic orders-*".

    [deny] OPERATION KIND NAME

A name that ends in * stands for all that begin so, and * alone for all. The cluster has no name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# What can be done to what (kafka.security.authorizer.AclEntry.supportedOperations).
OPERATIONS: dict[str, tuple[str, ...]] = {
    "topic": ("read", "write", "create", "delete", "alter", "describe", "describe-configs",
              "alter-configs"),
    "group": ("read", "describe", "delete"),
    "transactional-id": ("write", "describe"),
    "cluster": ("create", "alter", "describe", "describe-configs", "alter-configs",
                "idempotent-write", "cluster-action"),
}
ALL, DENY, CLUSTER, ANY = "all", "deny", "cluster", "*"
CLUSTER_NAME = "kafka-cluster"  # org.apache.kafka.common.resource.Resource


@dataclass(frozen=True, order=True)
class Right:
    """One thing that somebody may do, or may not. name: as brokers have it; prefix: of all that
    begin so."""

    kind: str
    name: str
    operation: str
    prefix: bool = False
    allowed: bool = True

    def __str__(self) -> str:
        """The line, as `right` reads it."""
        words = [] if self.allowed else [DENY]
        words += [self.operation, self.kind]
        if self.kind != CLUSTER:
            words.append(self.name + (ANY if self.prefix else ""))
        return " ".join(words)


def right(line: str) -> Right:
    """The right that a line tells. Raises ValueError, with what would be accepted."""
    words = line.split(maxsplit=2)
    allowed = words[:1] != [DENY]
    if not allowed:
        words = line.split(maxsplit=3)[1:]
    if len(words) < 2:
        raise ValueError('accepted: an operation, a kind and a name, such as "read topic orders"')
    operation, kind, name = words[0], words[1], words[2].strip() if len(words) > 2 else ""
    if kind not in OPERATIONS:
        raise ValueError(f"{kind!r} is no kind; accepted: {', '.join(OPERATIONS)}")
    if operation not in (ALL, *OPERATIONS[kind]):
        raise ValueError(f"nobody can {operation!r} a {kind}; accepted: "
                         f"{', '.join(OPERATIONS[kind])}, {ALL}")
    if kind == CLUSTER:
        if name:
            raise ValueError(f"the cluster has no name, so {name!r} is too much")
        return Right(CLUSTER, CLUSTER_NAME, operation, allowed=allowed)
    if not name or not name.isprintable():
        raise ValueError(f"which {kind}? accepted: a name, one that ends in *, or * for all")
    prefix = name.endswith(ANY) and name != ANY
    stem = name[:-1] if prefix else name
    if ANY in stem and stem != ANY:
        raise ValueError("* stands for a name's end only; accepted: a name, one that ends in *, or "
                         "* for all")
    return Right(kind, stem, operation, prefix, allowed)


def plain(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines as the lab tells them: each once, single spaces, in order."""
    return tuple(sorted({str(right(line)) for line in lines}))


# What else lets somebody do something (kafka.security.authorizer.AclAuthorizer.authorize).
IMPLIED = {"describe": frozenset({"read", "write", "delete", "alter"}),
           "describe-configs": frozenset({"alter-configs"})}


def may(rights: Iterable[Right], kind: str, name: str) -> frozenset[str]:
    """What somebody with these rights may do to a thing of that name."""
    mine = [one for one in rights if one.kind == kind and _means(one, name)]
    granted = {one.operation for one in mine if one.allowed}
    denied = {one.operation for one in mine if not one.allowed}
    return frozenset(
        one for one in OPERATIONS[kind]
        if granted & {ALL, one, *IMPLIED.get(one, ())} and not denied & {ALL, one}
    )


def _means(one: Right, name: str) -> bool:
    return name.startswith(one.name) if one.prefix else one.name in (name, ANY)
