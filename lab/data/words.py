"""What others have written, fit to be read: nothing of it reaches a terminal as a command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

LONGEST = 400  # characters of one content on a screen; programs get all of it
UNITS = ("kB", "MB", "GB", "TB")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def legible(text: str) -> str:
    """The text with every character that cannot be seen as Python writes it: `\\x1b`, `\\n`."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def text_of(content: bytes) -> str | None:
    """The content where it is text: UTF-8 without a NUL, which numbers have and texts have not."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def shown(content: bytes, most: int = LONGEST) -> str:
    """A content on a screen: as text where it is text, else as hex, cut where it is too long."""
    text = text_of(content)
    whole = f"0x{content.hex()}" if text is None else (legible(text) or '""')
    if len(whole) <= most:
        return whole
    return f"{whole[:most]}… ({len(content):,} bytes)"


def as_json(content: bytes | None) -> dict[str, str] | None:
    """A content for programs: {"text": …}, or {"hex": …} where it is none; None for none."""
    if content is None:
        return None
    text = text_of(content)
    return {"hex": content.hex()} if text is None else {"text": text}


def given(word: str) -> bytes:
    """A content as a person types it: hex after `0x`, else text."""
    if word.startswith("0x"):
        try:
            return bytes.fromhex(word[2:])
        except ValueError:
            pass
    return word.encode(errors="surrogateescape")


def moment(ms: int | None) -> str:
    """A timestamp in ms since the epoch, in UTC; the number itself where no calendar has it."""
    if ms is None:
        return "-"
    try:
        when = EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return str(ms)
    return when.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def size(count: int | None) -> str:
    """Bytes as people read them, in one word that no table folds: `12B`, `1.2kB`."""
    if count is None:
        return "-"
    if count < 1000:
        return f"{count}B"
    number = float(count)
    for unit in UNITS:
        number /= 1000
        if number < 999.5 or unit == UNITS[-1]:
            break
    return f"{number:.{0 if number >= 9.95 else 1}f}{unit}"
