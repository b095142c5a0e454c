"""Defaults that the documentation states in prose, beside the tables that the options write.

A statement is an option's name in backticks and what follows it: `` `stall_s` (30 s) ``, `` `spot`
is off `` is none. Which words state one is in FORMS; a test tries each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docs import tables

UNITS = {
    "ms": 0.001, "s": 1.0, "second": 1.0, "seconds": 1.0, "min": 60.0, "minute": 60.0,
    "minutes": 60.0, "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
}
# What an option's own name says of its unit, in seconds.
SUFFIXES = {"_ms": 0.001, "_s": 1.0, "_seconds": 1.0, "_hours": 3600.0}
KEY = r"`(?P<key>[a-z_]+(?:\.[a-z_]+)*)`"
# A number with its unit, a word in quotes, true or false; in backticks or not.
VALUE = (r'`?(?P<value>-?\d(?:[\d,]*\d)?(?:\.\d+)?|"[^"`]*"|true|false)`?'
         r"(?:\s(?P<unit>[A-Za-z]+))?")
BY_DEFAULT = r"(?:the\s)?default(?:s\sto|\sis|\sof|:)?\s"
FORMS = tuple(re.compile(one) for one in (
    rf"{KEY}\s\((?:{BY_DEFAULT}|by\sdefault\s|usually\s)?{VALUE}[^\w(]",
    rf"{KEY},?\s(?:has\s|with\s)?{BY_DEFAULT}{VALUE}",
    rf"{KEY}(?:\sis|,)?\s{VALUE}(?:\sby\sdefault|\sunless)",
    rf"{VALUE}\sby\sdefault\s\({KEY}",
    rf"default\sof\s{KEY}(?:\sis|,|:)?\s{VALUE}",
))
SECTION = re.compile(r"`\[+([a-z]+)[\].]")
BLOCK = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """What a text says that an option's default is. `sections`: those that its sentence names."""

    key: str
    value: str
    unit: str
    sections: tuple[str, ...]
    text: str

    def wrong(self, known: Mapping[str, Mapping[str, str]]) -> str:
        """What is not so, "" where nothing is. `known`: defaults by key and section."""
        there = known[self.key]
        meant = {name: one for name, one in there.items() if name in self.sections} or there
        return "; ".join(
            f"{self.text!r}: the default of {self.key} in [{name}] is {default}"
            for name, default in meant.items() if not self._is(default)
        )

    def _is(self, default: str) -> bool:
        try:
            number, real = float(self.value.replace(",", "")), float(default)
        except ValueError:
            return self.value == default
        own = next((size for end, size in SUFFIXES.items() if self.key.endswith(end)), None)
        scale = UNITS.get(self.unit, own) if own else None
        return abs(number * (scale or 1) - real * (own or 1)) < 1e-9


def defaults() -> dict[str, dict[str, str]]:
    """Of every key, also by its last part, the default in each section, as TOML has it."""
    found: dict[str, dict[str, str]] = {}
    for name, section in tables.sections().items():
        for option in tables.options(section):
            for key in {option.key, option.key.rpartition(".")[2]}:
                place = found.setdefault(key, {})
                where = name if key == option.key else f"{name}.{option.key.rpartition('.')[0]}"
                place[where] = option.default.strip("`")
    return found


def prose(page: str) -> str:
    """A page without blocks of code; what options say of each other in their tables is in it."""
    return BLOCK.sub("", page)


def statements(text: str, known: Mapping[str, object]) -> Iterator[Statement]:
    """What a text says of the defaults of `known` keys."""
    for form in FORMS:
        for match in form.finditer(text):
            if match["key"] not in known:
                continue
            begin = max(text.rfind(end, 0, match.start()) for end in (". ", ".\n", "\n\n", "|\n"))
            ends = [at for end in (". ", ".\n", "\n\n", "|\n")
                    if (at := text.find(end, match.end())) >= 0]
            sentence = text[begin + 1:min(ends, default=len(text))]
            yield Statement(
                match["key"], match["value"].strip('`'), match["unit"] or "",
                tuple(SECTION.findall(sentence)), " ".join(match[0].split()),
            )
