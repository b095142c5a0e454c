"""Configuration texts: Jinja templates with explicit arguments and no undefined names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


@cache
def _template(name: str) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - 40 ms

    environment = Environment(
        loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, keep_trailing_newline=True,
        trim_blocks=True, lstrip_blocks=True, autoescape=False,  # noqa: S701 - not HTML
    )
    return environment.get_template(name)


def render(name: str, **arguments: object) -> str:
    """The text of the template `name`. Raises jinja2.UndefinedError for a missing argument."""
    return str(_template(name).render(**arguments))


def properties(settings: Mapping[str, object]) -> str:
    """Java properties in the order of their keys, booleans in lower case."""
    return "".join(
        f"{_escaped(key, ' =:#!')}="
        f"{_escaped(str(value).lower() if isinstance(value, bool) else str(value))}\n"
        for key, value in sorted(settings.items())
    )


def _escaped(text: str, special: str = "") -> str:
    """A text from which java.util.Properties takes nothing away; it knows escapes and Latin-1."""
    leading = len(text) - len(text.lstrip(" "))
    return "".join(
        _character(one, special=at < leading or one in f"\\{special}")
        for at, one in enumerate(text)
    )


def _character(one: str, *, special: bool) -> str:
    if " " <= one <= "~":
        return f"\\{one}" if special else one
    code = one.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at:at + 4]}" for at in range(0, len(code), 4))
