"""The objectives that decide a drill's exit status: the section [objectives] of the lab file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.options.section import Section

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Objectives(Section):
    """What a drill may cost. One that is not given is not judged.

    Not to be chosen: no acknowledged record lost that a disk still has, none skipped, none damaged.
    """

    max_rpo_records: Count | None = None
    max_rpo_seconds: Seconds | None = 5.0
    max_rto_seconds: Seconds | None = 15.0
    max_duplicates: Count | None = None
    max_ack_gap_seconds: Seconds | None = 20.0
    max_recovery_seconds: Seconds | None = 180.0
