"""What a host has or should have, and the difference between the two.

A HostState maps keys (kind and name) to resources. `diff` gives the changes that lead from one
state to another, in the order in which they must be made; `apply` makes them on paper, and
`apply(diff(a, b), a) == b` holds for all states.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

# In the order of application: what comes later may need what comes before.
KINDS = (
    "ability", "package", "user", "member", "archive", "directory", "link", "file", "block",
    "sysctl", "firewall", "unit",
)


# Where a unit that is no JVM notes the digest that it was started with, in a file named after it.
RUNNING = "/run/kafkalab"


class Key(NamedTuple):
    """What a resource is called: its kind and, for most kinds, its path."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Ability:
    """Something that a host may not let us do; `needed_for` is only wanted where it does."""

    needed_for: tuple[Key, ...]
    there: bool = True


@dataclass(frozen=True)
class Package:
    """A package of the distribution; it is there when its file `path` is."""

    path: str


@dataclass(frozen=True)
class User:
    """A system user with a group of the same name and no login."""

    home: str


@dataclass(frozen=True)
class Member:
    """A user that is there already, and belongs to a group as well: the key's name is the group's.

    A login from before does not belong to it yet.
    """

    user: str


@dataclass(frozen=True)
class Directory:
    mode: int = 0o755
    owner: str = "root"


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class File:
    """A whole file; the group is named as the owner.

    `secret`: its content is for the host alone, and shown nowhere else. What a host has under its
    name is never sent back, so a read gives "" for one that differs.
    """

    content: str | bytes
    mode: int = 0o644
    owner: str = "root"
    secret: bool = field(default=False, compare=False)

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else self.content.decode()

    @property
    def data(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.encode()

    def __repr__(self) -> str:
        """Without the content of a secret: a traceback shows it."""
        shown = "..." if self.secret else repr(self.content)
        return f"File({shown}, mode={self.mode:o}, owner={self.owner!r}, secret={self.secret})"


@dataclass(frozen=True)
class Block:
    """A marked part of a file whose rest is left as it is."""

    content: str


@dataclass(frozen=True)
class Archive:
    """An unpacked archive, named by its folder; `sha256` is that of the archive."""

    sha256: str


@dataclass(frozen=True)
class Sysctl:
    """A kernel setting; `settable` False where the host does not let us.

    `at_least`: what is wanted is the value or a larger one.
    """

    value: str
    settable: bool = True
    at_least: bool = False


@dataclass(frozen=True)
class Firewall:
    """The nftables table of the lab, by the digest of its rules."""

    digest: str


# A process that has only just begun: it is silent on its port, or it answers there and may yet have
# to find its place among the others.
STARTING, YOUNG = "starting", "young"


@dataclass(frozen=True)
class Unit:
    """A systemd service; `digest` is that of the configuration its process was started with.

    `files` are those that it is started from, `port` is the one on which it serves; only a desired
    state has them, not a read one. `trouble`: in what way a service that is read as not running
    does not do its work, although systemd may start it again and again. `phase`: of one that is
    read as running, STARTING or YOUNG.
    """

    digest: str
    running: bool = True
    enabled: bool = True
    files: tuple[Key, ...] = field(default=(), compare=False)
    port: int | None = field(default=None, compare=False)
    trouble: str = field(default="", compare=False)
    phase: str = field(default="", compare=False)


Resource: TypeAlias = (
    Ability | Package | User | Member | Directory | Link | File | Block | Archive | Sysctl
    | Firewall | Unit
)
HostState: TypeAlias = Mapping[Key, Resource]


@dataclass(frozen=True)
class Change:
    """One resource that differs: `before` None is to be made, `after` None to be removed."""

    key: Key
    before: Resource | None
    after: Resource | None

    @property
    def restarts(self) -> bool:
        """Whether a running service has to be stopped for it."""
        return (
            isinstance(self.before, Unit) and self.before.running
            and isinstance(self.after, Unit) and self.before.digest != self.after.digest
        )


def diff(actual: HostState, desired: HostState) -> tuple[Change, ...]:
    """The changes from `actual` to `desired`, in the order of application."""
    keys = sorted(actual.keys() | desired.keys(), key=lambda key: (KINDS.index(key.kind), key.name))
    return tuple(
        Change(key, actual.get(key), desired.get(key))
        for key in keys
        if actual.get(key) != desired.get(key)
    )


def apply(changes: Iterable[Change], state: HostState) -> HostState:
    """The state after the changes."""
    result = dict(state)
    for change in changes:
        if change.after is None:
            result.pop(change.key, None)
        else:
            result[change.key] = change.after
    return result


def attainable(desired: HostState, actual: HostState) -> HostState:
    """The part of `desired` that the host needs and allows.

    A setting that the host does not let us change, or that is larger than asked, stays as it is. So
    does everything that needs an ability that the host lacks.
    """
    kept = dict(desired)
    for key, want in desired.items():
        have = actual.get(key)
        if isinstance(have, Sysctl) and isinstance(want, Sysctl) and (
            not have.settable or (want.at_least and _number(have) >= _number(want))
        ):
            kept[key] = have
        if isinstance(have, Ability) and isinstance(want, Ability) and not have.there:
            kept = {one: kept[one] for one in kept if one not in want.needed_for}
            kept |= {one: actual[one] for one in want.needed_for if one in actual}
            kept[key] = have
    return kept


def doubt(actual: HostState, desired: HostState) -> HostState:
    """`actual` with the digest taken from each service whose files are not as they should be.

    Somebody may have changed the files and restarted the service: its process then shows the right
    digest, although it runs with the wrong files. And without what lies in the folder of an archive
    that is unpacked anew, for that is gone with the folder.
    """
    result = dict(actual)
    for key, want in desired.items():
        have = actual.get(key)
        if isinstance(want, Archive) and have != want:
            for inner in actual:
                if inner.name.startswith(f"{key.name}/"):
                    result.pop(inner, None)
        if isinstance(want, Unit) and isinstance(have, Unit) and any(
            _data(actual.get(file)) != _data(desired[file]) for file in want.files
        ):
            result[key] = replace(have, digest="")
    return result


def _data(resource: Resource | None) -> bytes | None:
    return resource.data if isinstance(resource, File) else None


def _number(setting: Sysctl) -> int:
    return int(setting.value) if setting.value.isdecimal() else -1


def merge(*states: HostState) -> HostState:
    """The union of states that agree on what they share. Raises ValueError where they do not."""
    result: dict[Key, Resource] = {}
    for state in states:
        for key, resource in state.items():
            if result.setdefault(key, resource) != resource:
                raise ValueError(f"two services want different things of {key}")
    return result


def digest(*parts: str | bytes) -> str:
    """A short name for what a service runs with (the first 80 bits of SHA-256, hexadecimal)."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        hashed.update(f"{len(data)}:".encode() + data)
    return hashed.hexdigest()[:20]
