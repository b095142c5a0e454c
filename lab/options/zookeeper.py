"""The section [zookeeper]."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Section


class ZooKeeper(Section):
    """The servers of all ensembles. Limits are counted in ticks, as ZooKeeper counts them."""

    heap_mb: HeapMb = Field(96, description="heap of each server")
    jvm_options: JvmOptions = Field(LAB_JVM, description="further options of each server's JVM")
    tick_time_ms: Annotated[int, Field(ge=500, le=10000)] = Field(
        2000, description="ZooKeeper's `tickTime`, in milliseconds",
    )
    init_limit: Annotated[int, Field(ge=2, le=100)] = Field(
        10, description="ticks that a follower may take to connect and sync",
    )
    sync_limit: Annotated[int, Field(ge=2, le=100)] = Field(
        5, description="ticks that a follower may be behind",
    )
