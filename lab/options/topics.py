"""The section [[topics]]: topics that the lab makes and keeps as the file says."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from lab.options.section import Label, Section, Setting

LONGEST = 249  # org.apache.kafka.common.internals.Topic
NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST}}}")


def _name(value: str) -> str:
    if not NAME.fullmatch(value) or value in (".", ".."):
        raise ValueError(f"accepted: 1 to {LONGEST} of A-Z, a-z, 0-9, dots, _ and hyphens")
    if value.startswith("__"):
        raise ValueError("names that begin with __ are Kafka's and the lab's own")
    return value


class Topic(Section):
    """One topic, in each of `datacenters` (all, where none is named).

    A number that is not given is left to the brokers ([kafka] partitions, replication_factor).
    `absent` is how a topic that the lab made is removed, with its records.
    """

    name: Annotated[str, AfterValidator(_name)]
    datacenters: tuple[Label, ...] = ()
    partitions: Annotated[int, Field(ge=1, le=1000)] | None = None
    replicas: Annotated[int, Field(ge=1, le=9)] | None = None
    config: dict[str, Setting] = Field(default_factory=dict)
    absent: bool = False

    def settings(self) -> dict[str, str]:
        """Its settings as Kafka has them."""
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in self.config.items()
        }
