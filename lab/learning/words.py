"""What was seen, in a sentence of the student's language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lab.learning.exercise import LANGUAGES, Value
from lab.learning.particles import agreed

SENTENCES = Path(__file__).with_name("seen.toml")
PAGE = Path(__file__).with_name("page.toml")
TERMINAL = Path(__file__).with_name("terminal.toml")


@cache
def sentences() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """By probe, state and language; the words in {} are still to be filled in."""
    return tomllib.loads(SENTENCES.read_text(encoding="utf-8"))


@cache
def page_words() -> Mapping[str, Mapping[str, str]]:
    """What an exercise's page says, by name and language; the words in {} are to be filled in."""
    return tomllib.loads(PAGE.read_text(encoding="utf-8"))


@cache
def _terminal_words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(TERMINAL.read_text(encoding="utf-8"))


def spoken(name: str, language: str, **values: Value) -> str:
    """What the tasks say in a terminal. Raises KeyError for a name that there is not."""
    said = _terminal_words()[name]
    return told(said.get(language) or said[LANGUAGES[0]], values)


def sentence(probe: str, state: str, seen: Mapping[str, Any], language: str) -> str:
    """What a probe saw. Raises KeyError for a probe and state that have no sentence."""
    said = sentences()[probe][state]
    return agreed(said.get(language) or said[LANGUAGES[0]], **seen).format(**seen)


def told(text: str, values: Mapping[str, Value]) -> str:
    """A text of an exercise with its parameters filled in."""
    return agreed(text, **values).format_map(values)
