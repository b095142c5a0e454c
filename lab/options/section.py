"""What the sections of the lab file have in common.

A section is one class. Each of its fields carries its meaning (`description`), from which the
tables in docs/ are written (`make docs`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    create_model,
)
from pydantic_core import InitErrorDetails, PydanticCustomError


class Section(BaseModel):
    """A part of the lab file: immutable, and it refuses keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, defer_build=True)


LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123, in lower case
MAX_PORT = 65535


def _label(value: str) -> str:
    if not LABEL.fullmatch(value):
        raise ValueError("accepted: 1 to 63 of a-z, 0-9 and inner hyphens (RFC 1123)")
    return value


Label = Annotated[str, AfterValidator(_label)]
Setting = str | int | float | bool
JvmOptions = tuple[Annotated[str, Field(pattern=r"^-[^\s\"'\\%$]+$")], ...]
# A small heap collected by one thread and no second compiler: starts in two thirds of the time.
LAB_JVM: JvmOptions = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
HeapMb = Annotated[int, Field(ge=32, le=32768)]


def _free(value: object) -> object:
    """Settings whose names are not the lab's, each of them with one problem where it is wrong.

    TOML takes an unquoted a.b = 5 for a table `a` with a key `b`.
    """
    if not isinstance(value, dict):
        return value
    wrong: list[InitErrorDetails] = [
        {"type": PydanticCustomError("value_error", "", {"error": why}), "loc": way, "input": found}
        for name, one in value.items() for way, found, why in _unfit((str(name),), one)
    ]
    if wrong:
        raise ValidationError.from_exception_data("settings", wrong)
    return {name: one for name, one in value.items() if not isinstance(one, dict)}


Way = tuple[str, ...]


def _unfit(way: Way, value: object) -> Iterator[tuple[Way, object, str]]:
    """What is wrong with one setting: the way to it in the file, what stands there, and why."""
    if isinstance(value, dict):
        for further, found in _leaves(way, value):
            shown_value = json.dumps(found, ensure_ascii=False, default=str)
            key = json.dumps(".".join(further), ensure_ascii=False)
            yield further, found, f"quote the key: {key} = {shown_value}"
    elif isinstance(value, list):
        yield way, value, "accepted: one text, with commas between the parts of a list"
    elif not isinstance(value, Setting) or (isinstance(value, float) and not math.isfinite(value)):
        yield way, value, "accepted: a text, a number, true or false"


def _leaves(way: Way, table: Mapping[str, object]) -> Iterator[tuple[Way, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves((*way, name), value)
        else:
            yield (*way, name), value


# Settings of Kafka's or of somebody else's, by names that have dots: a key of the lab file has its
# quotes then.
Settings = Annotated[dict[str, Setting], BeforeValidator(_free)]


def shown(default: str) -> dict[str, JsonValue]:
    """What the documentation shows as a key's default where the value itself would say too little.

    For `json_schema_extra`: a default of None often means one that follows from something else.
    """
    return {"default": default}


def keyed(name: str, fields: Mapping[str, tuple[Any, Any]]) -> Any:
    """A section with one key for each of `fields`, given as its type and its default.

    Sections with a key for each role are made with it, so that a role is declared once (lab.roles).
    """
    return create_model(name, __base__=Section, **fields)  # type: ignore[call-overload]
