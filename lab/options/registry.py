"""The section [registry]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Label, Section, shown

# Apicurio's and Confluent's own words for them.
Compatibility = Literal[
    "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE",
    "NONE",
]


class Registry(Section):
    """A registry of schemas beside one datacenter's cluster, which keeps them."""

    at: Label | None = Field(
        None, description="the datacenter that has it, on its control host; its cluster keeps the "
                          "schemas", json_schema_extra=shown("none: there is no registry"),
    )
    follower: Label | None = Field(
        None, description="a linked datacenter with a second one, which knows what the first one "
                          "registers by the mirrored journal, takes nothing itself, and can be "
                          "promoted", json_schema_extra=shown("none"),
    )
    compatibility: Compatibility = Field(
        "BACKWARD",
        description="what a new version of a schema has to be where nobody has said something else "
                    "of its subject: `NONE`, or `BACKWARD`, `FORWARD`, `FULL`, each also with "
                    "`_TRANSITIVE`",
    )
    heap_mb: HeapMb = Field(192, description="its heap")
    jvm_options: JvmOptions = Field(LAB_JVM, description="further options of its JVM")

    @property
    def leader(self) -> str | None:
        """The datacenter whose registry takes schemas."""
        return self.at

    @property
    def places(self) -> tuple[str, ...]:
        """The datacenters that have one, the lab file's own leader first."""
        return tuple(name for name in (self.at, self.follower) if name)


class Promoted(Registry):
    """The same once its follower was promoted, and until the first one is again."""

    @property
    def leader(self) -> str | None:
        return self.follower
