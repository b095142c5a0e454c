"""The section [zookeeper]."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Section


class ZooKeeper(Section):
    """Every ensemble. Times in milliseconds or, where ZooKeeper counts so, in ticks."""

    heap_mb: HeapMb = 96
    jvm_options: JvmOptions = LAB_JVM
    tick_time_ms: Annotated[int, Field(ge=500, le=10000)] = 2000
    init_limit: Annotated[int, Field(ge=2, le=100)] = 10
    sync_limit: Annotated[int, Field(ge=2, le=100)] = 5
