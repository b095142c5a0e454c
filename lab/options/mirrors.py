"""The sections [[mirrors]] and [mirroring]: what is copied, and how often a mirror looks."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from lab.options.section import Section

# Inline flags, named groups and references to groups. MirrorMaker joins all expressions into one,
# where a flag or a group of one would affect the next; and Java spells some of them differently.
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
    """One direction between two datacenters."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    source: Annotated[str, Field(alias="from", description="a datacenter that `to` is linked to")]
    target: Annotated[str, Field(alias="to", description="the datacenter that gets the copies")]
    topics: tuple[Regex, ...] = Field(
        (".*",), description="regular expressions: the topics to copy",
    )
    exclude: tuple[Regex, ...] = Field(
        (),
        description="regular expressions: topics not to copy after all; internal ones never are",
    )
    groups: tuple[Regex, ...] = Field(
        (".*",),
        description="regular expressions: the consumer groups whose offsets are translated",
    )
    policy: Literal["default", "identity"] = Field(
        "default",
        description='`"default"` puts the source\'s name in front: `orders` of dc1 is `dc1.orders` '
                    'in dc2; `"identity"` keeps the name',
    )
    exactly_once: bool = Field(
        True, description="copy what is committed, and each record once, also when a worker dies",
    )

    @property
    def name(self) -> str:
        return f"{self.source}-to-{self.target}"


class Mirroring(Section):
    """How often mirrors look. The shorter the intervals, the less a failover loses and repeats.

    Each look costs requests to both clusters.
    """

    refresh_s: Seconds = Field(
        5, description="seconds until a new topic or group is seen (Kafka's own default is 600)",
    )
    configs_s: Seconds = Field(
        30, description="seconds between copies of topics' settings, for which every broker reads "
                        "them again (Kafka's own default is 600)",
    )
    checkpoint_s: Seconds = Field(
        1, description="seconds between checkpoints (Kafka's own default is 60)",
    )
    sync_s: Seconds = Field(
        1, description="seconds between writes of translated offsets to the target's groups "
                       "(Kafka's own default is 60)",
    )
    heartbeat_s: Seconds = Field(
        1, description="seconds between heartbeats (the same as Kafka's own default)",
    )
    stall_s: Annotated[int, Field(ge=2, le=600)] = Field(
        30, description="seconds that records may wait while nothing is copied from their "
                        "partition, until the mirror is called stuck",
    )
    tasks_max: Annotated[int, Field(ge=1, le=32)] = Field(
        1, description="tasks of each source connector; more than one helps where a mirror does "
                       "not keep up and its workers have cores to spare",
    )
