"""What was seen, in a sentence of the student's language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lab.learning.exercise import LANGUAGES, Value

SENTENCES = Path(__file__).with_name("seen.toml")
PAGE = Path(__file__).with_name("page.toml")


@cache
def sentences() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """By probe, state and language; the words in {} are still to be filled in."""
    return tomllib.loads(SENTENCES.read_text(encoding="utf-8"))


@cache
def page_words() -> Mapping[str, Mapping[str, str]]:
    """What an exercise's page says, by name and language; the words in {} are to be filled in."""
    return tomllib.loads(PAGE.read_text(encoding="utf-8"))


def sentence(probe: str, state: str, seen: Mapping[str, Any], language: str) -> str:
    """What a probe saw. Raises KeyError for a probe and state that have no sentence."""
    said = sentences()[probe][state]
    return (said.get(language) or said[LANGUAGES[0]]).format(**seen)


def told(text: str, values: Mapping[str, Value]) -> str:
    """A text of an exercise with its parameters filled in."""
    return text.format_map(values)
