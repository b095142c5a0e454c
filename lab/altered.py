"""What of a long value changed, in few words."""

from __future__ import annotations

from collections import Counter

SHORT = 100  # characters that the old and the new value may have together and yet be shown whole
AROUND = 16  # characters of what is the same, on both sides of what differs


def long(old: str, new: str) -> bool:
    """Whether nobody wants to read both values to see what is different."""
    return len(old) + len(new) > SHORT


def altered(old: str, new: str) -> str:
    """Short values as they are; of a comma-separated list the elements that came and went; of
    another long value the part that differs, with a little around it."""
    if not long(old, new):
        return f"{old} -> {new}"
    return _elements(old, new) or _middle(old, new)


def _elements(old: str, new: str) -> str:
    """"-gone, +come"; "" for what is no list, or has the same elements in another order."""
    before, after = (Counter(part.strip() for part in text.split(",")) for text in (old, new))
    if not (before & after):
        return ""
    gone, come = before - after, after - before
    return ", ".join([*(f"-{one}" for one in gone.elements()),
                      *(f"+{one}" for one in come.elements())])


def common(old: str, new: str) -> tuple[int, int]:
    """How many characters are the same at the beginning of both, and at the end of what is left."""
    shorter = min(len(old), len(new))
    same = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    rest = shorter - same
    return same, next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)


def _middle(old: str, new: str) -> str:
    same, tail = common(old, new)
    start, end = max(0, same - AROUND), max(0, tail - AROUND)

    def part(text: str) -> str:
        return ("…" * bool(start)) + text[start:len(text) - end] + ("…" * bool(end))

    return f"{part(old)} -> {part(new)}"
