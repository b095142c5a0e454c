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
    compatibility: Compatibility = Field(
        "BACKWARD",
        description="what a new version of a schema has to be where nobody has said something else "
                    "of its subject: `NONE`, or `BACKWARD`, `FORWARD`, `FULL`, each also with "
                    "`_TRANSITIVE`",
    )
    heap_mb: HeapMb = Field(192, description="its heap")
    jvm_options: JvmOptions = Field(LAB_JVM, description="further options of its JVM")
