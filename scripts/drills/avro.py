"""Schemas in a drill: registered before it, and while it goes on, wherever clients work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lab.drills.avro import Named, encode, schema
from lab.mirrors.topics import DRILL
from lab.services.leading import NAME
from scripts.clients.schemas import UNKNOWN, Schemas
from scripts.drills.rehearsal import Rehearsal
from scripts.drivers.driver import LOOK_SECONDS
from scripts.drivers.schemas import schemas
from scripts.errors import LabError, UsageError

SUBJECT = f"{DRILL}-value"
Wrap = Callable[[bytes], bytes]


class Avro:
    """The application's side of the registry, in one drill."""

    def __init__(self, drill: Rehearsal) -> None:
        self.drill, self.version = drill, 0
        if drill.session.topology.config.registry.leader is None:
            raise UsageError("this lab has no schema registry, which --avro needs",
                             hint='[registry] at = "DATACENTER"; see docs/registry.md')
        self.named = drill.log.avro = Named()

    def next(self) -> Wrap:
        """A new version of the schema, registered where schemas are taken now; how records are
        written with it. Raises LabError."""
        leader = self._registry(str(self.drill.session.topology.config.registry.leader))
        if not self.version:
            leader.forget(SUBJECT)  # of a drill that was killed
        number = leader.register(SUBJECT, schema(self.version + 1))
        self.version += 1
        self.drill.say(f"version {self.version} of {SUBJECT} has the id {number}")
        return partial(encode, number=number, version=self.version)

    def ask(self, target: str) -> None:
        """Let the registry that is nearest to clients in the target explain what they have read.

        A reader that begins there knows no schema. That nothing answers is no error here: the score
        tells it.
        """
        registry = self.drill.session.topology.config.registry
        self.named.met = {number for cluster, number in self.named.reads if cluster != target}
        self.named.asked = target if target in registry.places else str(registry.leader)
        try:
            near = self._registry(self.named.asked)
            for cluster, number in tuple(self.named.reads):
                if cluster == target:
                    self._learn(near, number)
        except LabError as error:
            self.named.why = error.what

    def _learn(self, near: Schemas, number: int) -> None:
        try:
            self.named.known[number] = near.by_id(number)
        except LabError as error:
            if getattr(error, "status", 0) != UNKNOWN:
                raise
            self.named.why = f"it does not know {number}"

    def forget(self) -> None:
        """Take the schemas away; what fails is only said."""
        try:
            self._registry(str(self.drill.session.topology.config.registry.leader)).forget(SUBJECT)
        except LabError as error:
            self.drill.say(f"warning: {error}")

    def _registry(self, name: str) -> Schemas:
        site = self.drill.sites[name]
        return schemas(site, site.carriers(NAME)[0], LOOK_SECONDS)
