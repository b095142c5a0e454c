"""What every part of the lab file is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model


class Section(BaseModel):
    """What all parts of the file share: immutable, and no unknown keys."""

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


def keyed(name: str, fields: Mapping[str, tuple[Any, Any]]) -> Any:
    """A section with a key for each of `fields`: its type and its default.

    For sections whose keys are the roles (lab.roles): a role is then declared once.
    """
    return create_model(name, __base__=Section, **fields)  # type: ignore[call-overload]
