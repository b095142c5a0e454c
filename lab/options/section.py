"""What the sections of the lab file have in common.

A section is one class. Each of its fields carries its meaning (`description`), from which the
tables in docs/ are written (`make docs`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, create_model


class Section(BaseModel):
    """A part of the lab file: immutable, and it refuses keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123, in lower case
MAX_PORT = 65535


def _label(value: str) -> str:
    if not LABEL.fullmatch(value):
        raise ValueError("accepted: 1 to 63 of a-z, 0-9 and inner hyphens (RFC 1123)")
    return value


Label = Annotated[str, AfterValidator(_label)]
Setting = str | int | bool
JvmOptions = tuple[Annotated[str, Field(pattern=r"^-[^\s\"'\\%$]+$")], ...]
# A small heap collected by one thread and no second compiler: starts in two thirds of the time.
LAB_JVM: JvmOptions = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
HeapMb = Annotated[int, Field(ge=32, le=32768)]


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
