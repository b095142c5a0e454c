"""The section [[topics]]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from lab.options.section import Label, Section, Settings, shown

LONGEST = 249  # org.apache.kafka.common.internals.Topic
NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST}}}")


def _name(value: str) -> str:
    if not NAME.fullmatch(value) or value in (".", ".."):
        raise ValueError(f"accepted: 1 to {LONGEST} of A-Z, a-z, 0-9, dots, _ and hyphens")
    if value.startswith("__"):
        raise ValueError("names that begin with __ are Kafka's and the lab's own")
    return value


TopicName = Annotated[str, AfterValidator(_name)]


class Topic(Section):
    """One topic that the lab makes and keeps as the file says.

    The brokers decide what is None ([kafka] has the numbers that they use).
    """

    name: TopicName = Field(description="the topic's name")
    datacenters: tuple[Label, ...] = Field(
        (), description="the datacenters that have it", json_schema_extra=shown("all"),
    )
    partitions: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="may be raised later", json_schema_extra=shown("that of `[kafka]`"),
    )
    replicas: Annotated[int, Field(ge=1, le=9)] | None = Field(
        None, description="of each partition",
        json_schema_extra=shown("the `replication_factor` of `[kafka]`"),
    )
    config: Settings = Field(
        default_factory=dict,
        description='any topic setting: `config = { "retention.ms" = 3600000 }`; one that is taken '
                    "out again goes back to the brokers' default",
    )
    absent: bool = Field(
        False, description="`true` removes a topic that the lab made, with its records",
    )

    def settings(self) -> dict[str, str]:
        """Its settings as Kafka writes them."""
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in self.config.items()
        }
