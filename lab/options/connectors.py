"""The section [[connectors]]: any connector of Kafka Connect, and where its class comes from."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from lab.options.section import Label, Section, Settings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CLASS = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*")
# A part of a Maven coordinate, which becomes part of a folder's name, too.
PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
COORDINATE = re.compile(rf"{PART}:{PART}:{PART}")


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("accepted: 1 to 100 of A-Z, a-z, 0-9, dots, _ and hyphens")
    return value


def _class(value: str) -> str:
    if not CLASS.fullmatch(value):
        raise ValueError("accepted: the name of a Java class")
    return value


def _plugin(value: str) -> str:
    if ":" in value and not COORDINATE.fullmatch(value):
        raise ValueError("accepted: group:artifact:version of a Maven artifact, or a folder")
    return value


class Connector(Section):
    """One connector that the lab makes and keeps as the file says."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: Annotated[str, AfterValidator(_name)] = Field(description="the connector's name")
    at: Label = Field(description="the datacenter whose workers run it")
    cls: Annotated[str, AfterValidator(_class)] = Field(
        alias="class", description="its Java class, `connector.class`",
    )
    tasks: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="how many tasks it may have, `tasks.max`",
    )
    plugin: Annotated[str, AfterValidator(_plugin)] = Field(
        "", description="where the class comes from: `group:artifact:version` of a Maven artifact, "
                        "or a folder with jars, seen from the lab file; none: Kafka itself has it",
    )
    config: Settings = Field(
        default_factory=dict,
        description='any setting of the connector: `config = { topics = "orders" }`',
    )

    def settings(self) -> dict[str, str]:
        """All its settings as Connect takes and returns them."""
        return {
            **{name: str(value).lower() if isinstance(value, bool) else str(value)
               for name, value in self.config.items()},
            "name": self.name, "connector.class": self.cls, "tasks.max": str(self.tasks),
        }
