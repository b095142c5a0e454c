"""The section [objectives]: what decides a drill's exit status."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.options.section import Section, shown

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Objectives(Section):
    """What a drill may cost. An objective that is None is not judged.

    Three things are never allowed and stand in no file: acknowledged records lost that a disk still
    has, records skipped, records damaged.
    """

    max_rpo_records: Count | None = Field(
        None, description="acknowledged records that the other datacenter lacked",
        json_schema_extra=shown("not judged"),
    )
    max_rpo_seconds: Seconds | None = Field(
        5.0, description="from the acknowledgement of the oldest of them to the failure, or to the "
                         "last one there if the datacenter went on",
    )
    max_rto_seconds: Seconds | None = Field(
        15.0, description="from the last record read before the failure to the first new one after",
    )
    max_duplicates: Count | None = Field(
        None, description="records that the group read once more",
        json_schema_extra=shown("not judged"),
    )
    max_ack_gap_seconds: Seconds | None = Field(
        20.0, description="longest time without an acknowledgement while a server is missing",
    )
    max_recovery_seconds: Seconds | None = Field(
        180.0, description="until every replica is in sync again; in a failover, counted from when "
                           "what was broken is given back; of a sink, until its store has all",
    )
