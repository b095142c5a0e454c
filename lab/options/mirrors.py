"""The sections [[mirrors]] and [mirroring]: what is replicated, and how often a mirror looks."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from lab.options.section import Section

# Inline flags, named groups and references to groups: MirrorMaker joins all expressions into one,
# in which they would reach from one into the next, and Java writes some of them otherwise.
UNJOINABLE = re.compile(r"\(\?(?![:=!]|<[=!])|\\[1-9]")


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"accepted: a regular expression ({error})") from error
    if "," in value or not value.strip():
        raise ValueError("accepted: a regular expression without commas, which separate them")
    if UNJOINABLE.search(value):
        raise ValueError("accepted: a regular expression without flags and named or numbered "
                         "groups, since MirrorMaker joins all of them into one")
    return value


Regex = Annotated[str, AfterValidator(_regex)]
Seconds = Annotated[int, Field(ge=1, le=3600)]


class Mirror(Section):
    """One direction between two datacenters. `topics`, `exclude`, `groups`: regular expressions."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    topics: tuple[Regex, ...] = (".*",)
    exclude: tuple[Regex, ...] = ()
    groups: tuple[Regex, ...] = (".*",)
    policy: Literal["default", "identity"] = "default"
    exactly_once: bool = True

    @property
    def name(self) -> str:
        return f"{self.source}-to-{self.target}"


class Mirroring(Section):
    """How often mirrors look, in seconds: the shorter, the less a failover loses and repeats.

    Each costs a request to both clusters every time; Kafka's own defaults are 600, 60, 60 and 1.
    """

    refresh_s: Seconds = 5
    configs_s: Seconds = 30
    checkpoint_s: Seconds = 1
    sync_s: Seconds = 1
    heartbeat_s: Seconds = 1
    tasks_max: Annotated[int, Field(ge=1, le=32)] = 1
