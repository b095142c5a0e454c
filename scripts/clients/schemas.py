"""A schema registry as its clients see it: Confluent's API, through SSH."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lab.schemas import Subject, Verdict, reasons
from lab.services.schemas import API, GROUPS, HEALTH, MARKER, SWITCH
from scripts.clients.http import Http, HttpError

REFUSED, UNKNOWN, ODD = 409, 404, 422
CONTENT = {"PROTOBUF": "application/x-protobuf"}


@dataclass(frozen=True)
class Schemas:
    """One registry. Every method raises HttpError where it does not answer."""

    http: Http

    def ready(self) -> None:
        """Raises HttpError while it has not read its journal to the end, or cannot any more."""
        self.http("GET", HEALTH)

    def subjects(self) -> list[str]:
        """The names of all subjects, sorted."""
        return sorted(str(one) for one in self.http("GET", f"{API}/subjects"))

    def all(self) -> tuple[Subject, ...]:
        """Each subject with its versions and what is asked of the next one."""
        return tuple(self.subject(name) for name in self.subjects())

    def subject(self, name: str) -> Subject:
        path = f"{API}/subjects/{quote(name, safe='')}/versions"
        newest = self.http("GET", f"{path}/latest")
        return Subject(
            name, tuple(self.http("GET", path)), int(newest["id"]),
            str(newest.get("schemaType") or "AVRO"), self.compatibility(name),
        )

    def versions(self, name: str) -> list[tuple[int, int, str]]:
        """Number, id and schema of each version of a subject, the oldest first."""
        path = f"{API}/subjects/{quote(name, safe='')}/versions"
        found = (self.http("GET", f"{path}/{number}") for number in sorted(self.http("GET", path)))
        return [(int(one["version"]), int(one["id"]), str(one["schema"])) for one in found]

    def compatibility(self, subject: str = "") -> str:
        """What is asked of a new version: of one subject, or of those for which nothing is said."""
        own = f"/{quote(subject, safe='')}?defaultToGlobal=true" if subject else ""
        return str(self.http("GET", f"{API}/config{own}")["compatibilityLevel"])

    def ask_for(self, level: str, subject: str = "") -> None:
        """Say what is asked of a new version: of one subject, or where nothing else is said."""
        own = f"/{quote(subject, safe='')}" if subject else ""
        self.http("PUT", f"{API}/config{own}", {"compatibility": level})

    def register(self, subject: str, schema: str, kind: str = "AVRO") -> int:
        """The id of a schema, which is a new version of its subject if it is not there yet.

        Raises HttpError, with 409 where the registry refuses it as not compatible.
        """
        path = f"{API}/subjects/{quote(subject, safe='')}/versions"
        return int(self.http("POST", path, _body(schema, kind))["id"])

    def version_of(self, subject: str, schema: str, kind: str = "AVRO") -> int:
        """Which version of its subject a schema is. Raises HttpError, with 404 where it is none."""
        path = f"{API}/subjects/{quote(subject, safe='')}"
        return int(self.http("POST", path, _body(schema, kind))["version"])

    def by_id(self, number: int) -> str:
        """The text of the schema that records name by this id."""
        return str(self.http("GET", f"{API}/schemas/ids/{number}")["schema"])

    def judge(self, subject: str, schema: str, kind: str) -> Verdict:
        """Whether a schema could become the next version; nothing is registered."""
        name = quote(subject, safe="")
        path = f"{API}/compatibility/subjects/{name}/versions/latest"
        if self.http("POST", path, _body(schema, kind))["is_compatible"]:
            return Verdict(True)
        # Confluent's answer is yes or no. What is in the way, Apicurio says where it is asked to
        # only try: of the group in which the API of Confluent's has its subjects.
        newest = self.http("GET", f"{API}/subjects/{name}/versions/latest")["schema"]
        content = {"content": schema, "contentType": CONTENT.get(kind, "application/json")}
        try:
            self.http("POST", f"{GROUPS}/default/artifacts/{name}/versions?dryRun=true",
                      {"content": content})
        except HttpError as error:
            if error.status != REFUSED or not isinstance(error.answer, dict):
                raise
            causes = error.answer.get("causes") or ()
            return Verdict(False, reasons(causes, self.compatibility(subject), schema, newest))
        return Verdict(False)

    def forget(self, subject: str) -> None:
        """Delete a subject with all its versions, for good; no error where there is none."""
        path = f"{API}/subjects/{quote(subject, safe='')}"
        for more in ("", "?permanent=true"):
            try:
                self.http("DELETE", f"{path}{more}")
            except HttpError as error:
                if error.status != UNKNOWN:
                    raise

    def note(self, text: str) -> None:
        """Write a text into the journal that no client sees, and wait until it has come back."""
        marker = {"description": text}
        try:
            self.http("PUT", f"{GROUPS}/{MARKER}", marker)
        except HttpError as error:
            if error.status != UNKNOWN:
                raise
            self.http("POST", GROUPS, {"groupId": MARKER, **marker})

    def noted(self) -> str:
        """The text that was written last."""
        return str(self.http("GET", f"{GROUPS}/{MARKER}")["description"])

    def closed(self) -> bool:
        """Whether it refuses everything that would change it."""
        return str(self.http("GET", SWITCH)["value"]).lower() == "true"

    def open(self) -> None:
        """Let it take changes, whatever its file says; that is in its journal from then on."""
        self.http("PUT", SWITCH, {"value": "false"})

    def shut(self) -> None:
        """Take that back, for one that is read-only by its file.

        What is said of it is forgotten in its journal, so that another one that reads the journal
        goes by its own file; a process that runs keeps what it was told last, so it is told first.
        """
        self.http("PUT", SWITCH, {"value": "true"})
        self.http("DELETE", SWITCH)


def _body(schema: str, kind: str) -> dict[str, Any]:
    return {"schema": schema, **({} if kind == "AVRO" else {"schemaType": kind})}
