"""What Kafka itself says of its settings: their names, types and bounds.

The tables beside this module, one for each kind of setting, are written by `make settings` from
Kafka's jars. One is read when a lab file sets something of its kind, and not before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
# The lab file has settings of the first two; the others are what the lab itself writes, and tests
# hold that against them.
KINDS = (
    "brokers", "topics", "workers", "producers", "consumers", "admins", "sources", "checkpoints",
    "heartbeats",
)
# Java's types, org.apache.kafka.common.config.ConfigDef.Type
BITS = {"short": 16, "int": 32, "long": 64}
WHOLE = re.compile(r"[+-]?\d{1,40}", re.ASCII)
CLASS = re.compile(r"[^\W\d][\w$]*(\.[\w$]+)*")
DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Definition:
    """One setting. type: as ConfigDef calls it, in lower case. default: as a properties file has
    it, None for none.

    What its validator accepts: numbers from `least` to `most`, words `among` some (each word of a
    list), in `any_case` or not, a text that is `filled`. `rule` tells of other validators in their
    own words; only a broker can apply it.
    """

    name: str
    type: str
    default: str | None = None
    least: float | None = None
    most: float | None = None
    among: tuple[str, ...] = ()
    any_case: bool = False
    filled: bool = False
    rule: str = ""

    def fits(self, text: str) -> bool:
        """Whether Kafka takes a value, as far as its definition tells (ConfigDef.parseType)."""
        value = text.strip()
        if self.type == "boolean":
            return value.lower() in ("true", "false")
        if self.type in BITS:
            return WHOLE.fullmatch(value) is not None and self._bounded(int(value), *self._bits())
        if self.type == "double":
            return DECIMAL.fullmatch(value) is not None and self._bounded(float(value))
        if self.type == "list":
            words = value.split(",") if value else []
            return all(self._chosen(word.strip()) for word in words)
        if self.type == "class":
            return CLASS.fullmatch(value) is not None
        return self._chosen(text) and bool(text or not self.filled)

    def _bits(self) -> tuple[int, int]:
        """The smallest and the largest number of its type."""
        half = 1 << (BITS[self.type] - 1)
        return -half, half - 1

    def _bounded(
        self, value: float, smallest: float | None = None, largest: float | None = None
    ) -> bool:
        lower = [one for one in (self.least, smallest) if one is not None]
        upper = [one for one in (self.most, largest) if one is not None]
        return all(value >= one for one in lower) and all(value <= one for one in upper)

    def _chosen(self, word: str) -> bool:
        if not self.among:
            return True
        if self.any_case:
            return word.upper() in {one.upper() for one in self.among}
        return word in self.among

    def accepted(self, text: str) -> str:
        """What it takes, in words, for somebody who wrote `text`."""
        if self.among:
            words = ", ".join(self.among)
            return f"some of {words}, with commas" if self.type == "list" else f"one of {words}"
        if self.rule:
            return f"{self._kind()}: {self.rule}"
        return f"{self._kind()}{self._bounds(text)}"

    def _kind(self) -> str:
        if self.type in BITS:
            return f"a whole number ({self.type})"
        return {
            "boolean": "true or false", "double": "a number", "list": "words with commas",
            "class": "the full name of a class",
        }.get(self.type, "a text that is not empty" if self.filled else "a text")

    def _bounds(self, text: str) -> str:
        """Those of its type are only told where they are passed."""
        least, most = self.least, self.most
        if self.type in BITS:
            smallest, largest = self._bits()
            beyond = WHOLE.fullmatch(text.strip()) and not smallest <= int(text) <= largest
            if beyond:
                least = smallest if least is None else least
                most = largest if most is None else min(most, largest)
            elif most is not None and most >= largest:
                most = None
        if least is not None and most is not None:
            return f" from {_number(least)} to {_number(most)}"
        if least is not None:
            return f", at least {_number(least)}"
        return f", at most {_number(most)}" if most is not None else ""


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


Definitions = Mapping[str, Definition]


@cache
def definitions(kind: str, version: str) -> Definitions:
    """The settings of one kind in a version of Kafka, by name.

    Raises KeyError for a version that the table does not have.
    """
    table = json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    settings: dict[str, dict[str, Any] | None] = {
        **table["settings"], **table["versions"][version],
    }
    return {
        name: Definition(name, **{**fields, "among": tuple(fields.get("among", ()))})
        for name, fields in settings.items() if fields is not None
    }
