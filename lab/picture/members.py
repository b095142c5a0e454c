"""Members of groups by letters, for their own names are long and much alike."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_lowercase

from lab.picture.snapshot import Group


def letters(before: Group | None, ids: Iterable[str]) -> dict[str, str]:
    """A letter for each member: its own as long as it stays, the first free one for who is new."""
    ids = list(ids)
    known = {one.id: one.label for one in before.members} if before else {}
    kept = {id: known[id] for id in ids if id in known}
    free = (label for label in _labels() if label not in kept.values())
    return kept | {id: next(free) for id in sorted(ids) if id not in kept}


def _labels() -> Iterable[str]:
    """a … z, a2 … z2, and so on."""
    yield from ascii_lowercase
    number = 2
    while True:
        yield from (f"{letter}{number}" for letter in ascii_lowercase)
        number += 1
