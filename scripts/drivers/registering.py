"""Proof that a schema registry works: it takes what fits, refuses what does not, and forgets it."""

from __future__ import annotations

import json
import secrets
import time

from lab.counted import counted
from scripts.clients.http import HttpError
from scripts.clients.schemas import ODD, REFUSED, UNKNOWN, Schemas
from scripts.errors import LabError
from scripts.workstation.waiting import wait_until

FOLLOW_SECONDS = 30.0  # for a change to come across

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


def refused_all(found: Schemas) -> str:
    """That a registry that is not in the lead takes no schema; what was seen. Raises LabError."""
    subject = PREFIX + secrets.token_hex(4)
    try:
        found.register(subject, json.dumps(FIRST))
    except HttpError as error:
        if error.status >= 500 or not found.closed():
            raise
        return f"read-only, {counted(len(found.subjects()), 'subject')}"
    found.forget(subject)
    raise LabError("it is not in the lead, and took a schema")


def followed(leader: Schemas, follower: Schemas) -> str:
    """That what one registry is told comes to the other, and that schemas have the same ids in
    both; what was seen. Raises LabError."""
    took = crossed(leader, follower)
    for subject in leader.subjects():
        here, there = leader.subject(subject), follower.subject(subject)
        if here.id != there.id:
            raise LabError(f"{subject}: the newest schema has the id {here.id} in one, and "
                           f"{there.id} in the other")
    count = counted(len(follower.subjects()), "subject")
    return f"a change is across in {took:.2f} s; {count}, with the same ids"


def crossed(leader: Schemas, follower: Schemas) -> float:
    """Seconds until a change of one registry was in the other. Raises LabError."""
    began, text = time.monotonic(), secrets.token_hex(8)
    leader.note(text)

    def there() -> bool:
        try:
            return follower.noted() == text
        except HttpError as error:
            if error.status == UNKNOWN:
                return False
            raise

    wait_until(there, timeout=FOLLOW_SECONDS, pause=0.02,
               message="a change does not come across (see `fab mirror.status`)")
    return time.monotonic() - began
