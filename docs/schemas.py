"""The JSON of `fab exercise.check --json` and `fab exercise.list --json`, as a schema that programs
may rely on. `make docs` writes it into docs/exercise.schema.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

FILE = Path(__file__).with_name("exercise.schema.json")
DRAFT = "https://json-schema.org/draft/2020-12/schema"
Text = Annotated[str, Field(min_length=1)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class Part(BaseModel):
    """No key but these, and nothing that has to be made to fit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Claim(Part):
    """A line of a check: a claim, or a question."""

    claim: Annotated[Id, Field(description="its id in the exercise")]
    held: Annotated[bool, Field(description="whether it is so; for a question: was it answered")]
    say: Annotated[Text, Field(description="what is claimed, in the language asked for")]
    state: Annotated[Id, Field(
        description="what was found, in one word: ok where a claim holds; of a question "
                    "unanswered, late (it came unanswered), open (not come yet), right or wrong")]
    seen: Annotated[str, Field(
        description="what was seen, in words; empty where there is nothing to say")]
    hint: Annotated[str, Field(description="the first hint; empty where there is none")]


class Check(Part):
    """fab exercise.check ID --json"""

    exercise: Id
    solved: Annotated[bool, Field(description="whether all of it holds")]
    parameters: Annotated[dict[str, int | str], Field(
        description="the exercise's names and numbers, which are this owner's")]
    claims: Annotated[list[Claim], Field(
        min_length=1, description="questions and then claims, in order; one alone with --claim")]


class Exercise(Part):
    """An exercise, and how far one is."""

    id: Id
    chapter: Annotated[int | None, Field(
        ge=1, description="of a book; null for what came after it")]
    title: Annotated[Text, Field(description="in the language asked for")]
    minutes: Annotated[int, Field(ge=1, description="how long it takes, about")]
    needs: Annotated[str, Field(description="what the lab must have; empty for any lab")]
    state: Annotated[Literal["new", "begun", "done", "not here"], Field(
        description="not here: this lab has not what it needs")]


class List(Part):
    """fab exercise.list --json"""

    exercises: Annotated[list[Exercise], Field(description="by chapter and name")]


def schema() -> dict[str, Any]:
    """Both in one; either by its name under `$defs`."""
    _, found = models_json_schema([(Check, "validation"), (List, "validation")])
    return {
        "$schema": DRAFT, "title": "What exercises say to programs",
        "anyOf": [{"$ref": "#/$defs/Check"}, {"$ref": "#/$defs/List"}], "$defs": found["$defs"],
    }


def written() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    if not FILE.is_file() or FILE.read_text(encoding="utf-8") != written():
        FILE.write_text(written(), encoding="utf-8")
        print(f"docs/{FILE.name}: written anew")


if __name__ == "__main__":
    main()
