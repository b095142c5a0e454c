"""What every drawing is made on: a tree, so that no text needs quoting, and what fits where.

Colours and type come from the page's style sheet. What differs in colour differs in its filling,
too: full, light, empty, or hatched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

BOLD = 1.12  # how much wider
LETTER, BROAD = 6.9, 12.5  # widths of a letter at the drawings' size, on average: Latin, and Hangul
LINE = 18  # height of a line of text
SWATCH = 14
HATCHES = {"out": 45, "lag": 135, "gone": 45, "batch-aborted": 45,
           "batch-abort": 90, "batch-control": 90, "batch-mixed": 135}


@dataclass(frozen=True)
class Said:
    """The page's words in one language."""

    words: Mapping[str, Mapping[str, str]]
    language: str

    def __call__(self, name: str, **values: Any) -> str:
        """Words by their name, numbers in them with commas. Raises KeyError for none."""
        text = self.words[name].get(self.language) or self.words[name]["en"]
        return text.format(**{
            key: f"{one:,}" if isinstance(one, int) else one for key, one in values.items()
        })


    def range(self, first: int, last: int) -> str:
        """From one offset to another, both in it; one alone is itself."""
        return f"{first:,}" if first == last else self("range", first=first, last=last)


@dataclass(frozen=True)
class Shown:
    """What is said with a drawing: words above it, notes below it, and its numbers."""

    title: str
    about: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


class Paper:
    """One SVG that grows downwards. `y` is where the next thing may begin."""

    def __init__(self, width: int, ident: str, said: Said) -> None:
        self.width, self.ident, self.said = width, ident, said
        self.y = 0.0
        self.root = Element("svg", {"role": "img", "class": "drawing",
                                    "aria-labelledby": f"{ident}-title {ident}-desc",
                                    "xmlns": "http://www.w3.org/2000/svg"})
        self._title = SubElement(self.root, "title", id=f"{ident}-title")
        self._about = SubElement(self.root, "desc", id=f"{ident}-desc")
        defs = SubElement(self.root, "defs")
        for name, turn in HATCHES.items():
            _hatch(defs, f"{ident}-{name}", name, turn)

    def svg(self, title: str, about: str) -> str:
        """The whole drawing."""
        self._title.text, self._about.text = title, about
        self.root.set("viewBox", f"0 0 {self.width} {max(self.y, 1):g}")
        return tostring(self.root, encoding="unicode")

    def text(self, x: float, y: float, text: str, style: str = "") -> None:
        """A line of text; y is its baseline."""
        found = SubElement(self.root, "text", {"x": f"{x:g}", "y": f"{y:g}",
                                               **({"class": style} if style else {})})
        found.text = text

    def box(
        self, x: float, y: float, width: float, height: float, kind: str, *, title: str = ""
    ) -> None:
        """A rectangle of a kind; what is hatched is by its name. title: shown when pointed at."""
        attributes = {"x": f"{x:.5g}", "y": f"{y:g}", "width": f"{max(width, 0.75):.5g}",
                      "height": f"{height:g}", "class": f"box {kind}"}
        if (first := kind.partition(" ")[0]) in HATCHES:
            attributes["fill"] = f"url(#{self.ident}-{first})"
        found = SubElement(self.root, "rect", attributes)
        if title:
            SubElement(found, "title").text = title

    def chip(self, x: float, y: float, text: str) -> None:
        """A member: a disc with its number; x and y are its middle."""
        half = max(11.0, room(text) / 2 + 5)
        SubElement(self.root, "rect", {
            "x": f"{x - half:g}", "y": f"{y - 11:g}", "width": f"{2 * half:g}", "height": "22",
            "rx": "11", "class": "chip"})
        self.text(x, y + 4.5, text, "middle on-chip")

    def path(self, d: str, style: str) -> None:
        SubElement(self.root, "path", {"d": d, "class": style})

    def legend(self, kinds: Sequence[tuple[str, str]]) -> None:
        """A box of each kind with its meaning, in as many lines as they need."""
        x, self.y = 0.0, self.y + 8
        for kind, meaning in kinds:
            wide = SWATCH + 7 + room(meaning) + 20
            if x and x + wide - 20 > self.width:
                x, self.y = 0.0, self.y + LINE + 4
            if kind == "chip":
                self.chip(x + 11, self.y + 8, "1")
                x += 8
            else:
                self.box(x + 1, self.y + 1, SWATCH * 1.6, SWATCH, kind)
                x += SWATCH * 0.6
            self.text(x + SWATCH + 7, self.y + 12.5, meaning, "soft")
            x += wide
        self.y += LINE + 6


def room(text: str) -> float:
    """How wide a text is, about."""
    return sum(BROAD if ord(one) > 0x1100 else LETTER for one in text)


def cut(text: str, width: float) -> str:
    """A text that fits into a width; of what is too long the end is left out."""
    if room(text) <= width:
        return text
    while text and room(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…" if text else ""


def bytes_of(size: int) -> str:
    """Bytes as people read them (binary units, as Kafka's settings are counted)."""
    if size < 1024:
        return f"{size} B"
    for unit in ("KiB", "MiB", "GiB"):
        size_ = size / 1024
        if size_ < 1024 or unit == "GiB":
            return f"{size_:.1f} {unit}" if size_ < 100 else f"{size_:.0f} {unit}"
        size = int(size_)
    raise AssertionError(size)


def _hatch(defs: Element, ident: str, name: str, turn: int) -> None:
    pattern = SubElement(defs, "pattern", {
        "id": ident, "width": "6", "height": "6", "patternUnits": "userSpaceOnUse",
        "patternTransform": f"rotate({turn})"})
    SubElement(pattern, "rect", {"width": "6", "height": "6", "class": f"bed bed-{name}"})
    SubElement(pattern, "path", {"d": "M0 0V6", "class": f"stroke stroke-{name}"})
