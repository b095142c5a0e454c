"""How many of something there are, as one says it."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """`1 host`, `1,234 hosts`; `many`: of what is not made by an s, `partitions are under way`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
