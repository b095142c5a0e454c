"""Schemas as a registry tells of them: subjects, and whether a schema may follow another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# The topics of a registry. The journal has the name that Confluent's registry gives its own, the
# others are Apicurio's names.
JOURNAL = "_schemas"
OTHERS = ("kafkasql-snapshots", "registry-events")
KINDS = {".avsc": "AVRO", ".json": "JSON", ".proto": "PROTOBUF"}  # by a file's ending


@dataclass(frozen=True)
class Subject:
    """What is registered under one name. id: of its newest version, as records name it."""

    name: str
    versions: tuple[int, ...]
    id: int
    kind: str
    compatibility: str


@dataclass(frozen=True)
class Verdict:
    """Whether a schema may be the next version of a subject, and why it may not."""

    compatible: bool
    reasons: tuple[str, ...] = ()


def reasons(
    causes: Iterable[Mapping[str, Any]], level: str, schema: str, newest: str
) -> tuple[str, ...]:
    """Why a schema may not follow the newest one, in words, from what Apicurio says of it.

    A cause has a description and a place in the schema of whoever could not read: the new one's
    where it has to read what was written (BACKWARD), the newest one's where that is to read the new
    one (FORWARD), of which it does not tell where both are asked for (FULL).
    """
    reader = {"BACKWARD": schema, "FORWARD": newest}.get(level.removesuffix("_TRANSITIVE"))
    return tuple(dict.fromkeys(
        _reason(str(one.get("description", "")), str(one.get("context", "")), reader)
        for one in causes
    ))


def _reason(description: str, context: str, reader: str | None) -> str:
    field = place(reader, context) if reader is not None else ""
    if description and field.rpartition(".")[2] == description:
        return f"field {field} has no default, and there are records without it"
    where = f"field {field}" if field else context
    return f"{where}: {description}" if where else description


def place(schema: str, context: str) -> str:
    """The field that a JSON pointer into an Avro schema leads to or into, as OUTER.INNER; "" where
    it leads to none."""
    names = []
    try:
        here: Any = json.loads(schema)
        for step in context.strip("/").split("/"):
            here = here[int(step)] if isinstance(here, list) else here[step]
            if isinstance(here, dict) and {"name", "type"} <= here.keys() and step.isdecimal():
                names.append(str(here["name"]))
    except (ValueError, LookupError, TypeError):
        return ""
    return ".".join(names)
