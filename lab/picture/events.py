"""What changed between two moments of a lab. Replayed on the first, it gives the second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.picture.snapshot import KINDS, Key, Snapshot, Thing, thing


@dataclass(frozen=True)
class Change:
    """A record that is new (`before` None), is gone (`after` None), or is another."""

    key: Key
    before: Thing | None
    after: Thing | None

    @property
    def figures(self) -> bool:
        """Whether it is only figures that moved."""
        return KINDS[str(self.key[0])].FIGURES


@dataclass(frozen=True)
class Delta:
    """All that changed up to `at`, in the order of the keys."""

    at: float
    changes: tuple[Change, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Pairs of key and what the record is now, null where it is gone."""
        return {"at": self.at, "changes": [
            [list(one.key), one.after.as_json() if one.after else None] for one in self.changes
        ]}


def diff(before: Snapshot, after: Snapshot) -> Delta:
    """What leads from one snapshot to the other."""
    keys = before.things.keys() | after.things.keys()
    pairs = ((key, before.things.get(key), after.things.get(key)) for key in keys)
    return Delta(after.at, tuple(sorted(
        (Change(key, was, now) for key, was, now in pairs if was is not now and was != now),
        key=lambda one: one.key,
    )))


def replay(snapshot: Snapshot, deltas: Iterable[Delta]) -> Snapshot:
    """The snapshot after these deltas."""
    at, things = snapshot.at, dict(snapshot.things)
    for delta in deltas:
        at = delta.at
        for one in delta.changes:
            if one.after is None:
                things.pop(one.key, None)
            else:
                things[one.key] = one.after
    return Snapshot(at, things)


def replay_json(snapshot: Snapshot, deltas: Iterable[Mapping[str, Any]]) -> Snapshot:
    """The same with what `Delta.as_json` made, as the page does it."""
    return replay(snapshot, map(delta_of, deltas))


def delta_of(data: Mapping[str, Any]) -> Delta:
    """What `Delta.as_json` made; it does not tell how things were before."""
    return Delta(data["at"], tuple(
        Change(tuple(key), None, thing(key[0], now) if now else None)
        for key, now in data["changes"]
    ))
