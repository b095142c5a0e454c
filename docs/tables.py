"""The tables of the lab file's keys, written from the options themselves (`make docs`).

A page has a table for each section that it documents, between two comments:

    <!-- options: kafka -->
    <!-- end -->

The name is the section's in the lab file; `lab` stands for the keys at the top. What is between the
comments is written here, all else by people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from lab.model import Lab
from lab.options.section import Section

FOLDER = Path(__file__).parent
TOP = "lab"
PART = re.compile(r"^(<!-- options: (\S+) -->\n)(.*?)^(<!-- end -->)$", re.DOTALL | re.MULTILINE)
HEAD = "| key | default | meaning |\n|---|---|---|\n"


@dataclass(frozen=True)
class Option:
    """One key of a section, as the documentation tells of it (Markdown)."""

    key: str
    default: str
    meaning: str
    needed: bool


def sections() -> dict[str, type[Section]]:
    """The sections of the lab file by name, and the whole file as `lab`."""
    found = {
        name: section for name, field in Lab.model_fields.items()
        if (section := section_of(field.annotation))
    }
    return {TOP: Lab, **found}


def section_of(annotation: Any) -> type[Section] | None:
    """The section that a field holds, alone or many of it; None for a field with a plain value."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, Section):
            return one
    return None


def options(section: type[Section], prefix: str = "") -> Iterator[Option]:
    """The keys of a section, with those of the sections in it as `inner.key`.

    Of the whole file only the keys at the top: its sections have tables of their own.
    """
    for name, field in section.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = section_of(field.annotation)
        if inner is None:
            yield Option(key, _default(field), field.description or "", field.is_required())
        elif section is not Lab:
            yield from options(inner, f"{key}.")


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default" in extra:
        return str(extra["default"])
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    return f"`{written(value)}`" if value not in (None, (), {}) else "none"


def written(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value, ensure_ascii=False)


def table(name: str) -> str:
    """The table of a section: needed keys first; neighbours with one meaning share a row."""
    rows = sorted(options(sections()[name]), key=lambda option: not option.needed)
    lines = []
    for meaning, some in groupby(rows, key=lambda option: option.meaning):
        group = list(some)
        keys = ", ".join(f"`{option.key}`" for option in group)
        defaults = [option.default for option in group]
        shown = ", ".join(defaults if len(set(defaults)) > 1 else defaults[:1])
        lines.append(f"| {keys} | {shown} | {meaning} |\n")
    return HEAD + "".join(lines)


def documented(text: str) -> list[str]:
    """The sections that a page has a table for, in order."""
    return [match[2] for match in PART.finditer(text)]


def filled(text: str) -> str:
    """A page with its tables written anew. Raises KeyError for a section that is none."""
    return PART.sub(lambda match: f"{match[1]}{table(match[2])}{match[4]}", text)


def main() -> None:
    for page in sorted(FOLDER.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = filled(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"{page.relative_to(FOLDER.parent)}: tables written anew")


if __name__ == "__main__":
    main()
