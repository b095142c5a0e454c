"""Proof that a schema registry works: it takes what fits, refuses what does not, and forgets it."""

from __future__ import annotations

import json
import secrets
import time

from scripts.clients.http import HttpError
from scripts.clients.schemas import ODD, REFUSED, Schemas
from scripts.errors import LabError

# Subjects of proofs. A schema that is forgotten leaves its id behind, so each proof takes two.
PREFIX = "kafkalab-verify-"
FIRST = {"type": "record", "name": "Proof", "namespace": "kafkalab",
         "fields": [{"name": "number", "type": "long"}]}
SECOND = {**FIRST, "fields": [*FIRST["fields"], {"name": "text", "type": "string", "default": ""}]}
ODD_ONE = {**FIRST, "fields": [*FIRST["fields"], {"name": "needed", "type": "string"}]}


def progress(found: Schemas) -> float:
    """Seconds that a write took through the journal and back. Raises LabError."""
    began, text = time.monotonic(), secrets.token_hex(8)
    found.note(text)
    seen = found.noted()
    if seen != text:
        raise LabError(f"it took a change and does not have it ({seen} instead of {text})")
    return time.monotonic() - began


def prove(found: Schemas) -> str:
    """Register, look up, go on in a compatible way, and be refused; leaves no subject behind.

    What was seen. Raises LabError.
    """
    for stale in found.subjects():
        if stale.startswith(PREFIX):  # of a run that was killed
            found.forget(stale)
    subject = PREFIX + secrets.token_hex(4)
    first, second, odd = (json.dumps(one) for one in (FIRST, SECOND, ODD_ONE))
    try:
        number = found.register(subject, first)
        if json.loads(found.by_id(number)) != FIRST:
            raise LabError(f"the schema with id {number} is not the one that was registered")
        if found.version_of(subject, first) != 1:
            raise LabError(f"{subject} does not know the schema that was registered")
        found.ask_for("BACKWARD", subject)
        found.register(subject, second)
        _refused(found, subject, odd)
        took = progress(found)
    finally:
        found.forget(subject)
    return ("registered and looked up, a compatible version taken, another refused; "
            f"a change is back in {took:.2f} s")


def _refused(found: Schemas, subject: str, schema: str) -> None:
    try:
        found.register(subject, schema)
    except HttpError as error:
        if error.status not in (REFUSED, ODD):
            raise
        return
    raise LabError("a schema that is not compatible was taken")
