"""What a schema registry has, and what it asks of the next schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lab.learning.facts import Facts, Version
from lab.learning.probes.finding import Finding, ok, probe


@probe
def schema_version(
    facts: Facts, *, subject: str, version: int, fields: str, default: str | None = None,
    required: str | None = None,
) -> Finding:
    """That a version has these fields (by their names, with commas between them), of which one has
    a default, or has none."""
    found = facts.subject(subject)
    if found is None:
        return Finding("absent")
    one = found.version(version)
    if one is None:
        return Finding("unregistered")
    have = _fields(one)
    if ",".join(have) != fields.replace(" ", ""):
        return Finding("fields", {"found": ", ".join(have) or "-"})
    if default is not None and "default" not in have[default]:
        return Finding("bare")
    if required is not None and "default" in have[required]:
        return Finding("optional")
    return ok()


@probe
def compat_level(facts: Facts, *, subject: str, level: str) -> Finding:
    """What is asked of a subject's next version."""
    found = facts.subject(subject)
    if found is None:
        return Finding("absent")
    return ok() if found.level == level else Finding("other", {"found": found.level})


@probe
def default_there(facts: Facts, *, subject: str, version: int, field: str) -> Finding:
    """Whether the field that a version brought has a default; the answer is with or without."""
    found = facts.subject(subject)
    one = found.version(version) if found else None
    if one is None or field not in (have := _fields(one)):
        return Finding("unregistered")
    return ok(answer="with" if "default" in have[field] else "without")


@probe
def bare_taken(facts: Facts, *, subject: str, version: int, field: str) -> Finding:
    """Whether a version that brings a field without a default was taken; the answer is taken."""
    found = default_there(facts, subject=subject, version=version, field=field)
    if not found.ok:
        return found
    return ok(answer="taken") if found.answer == "without" else Finding("optional")


def _fields(version: Version) -> Mapping[str, Mapping[str, Any]]:
    """The fields of an Avro record by their names, in order; none of what is no record."""
    try:
        schema = json.loads(version.schema)
        return {str(one["name"]): one for one in schema["fields"]}
    except (ValueError, LookupError, TypeError):
        return {}
