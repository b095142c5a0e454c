"""The section [kafka]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Section, Setting

KafkaVersion = Literal["3.9.2", "3.9.1"]  # the last line that runs with ZooKeeper


class Kafka(Section):
    """Every cluster. What is not given follows from the number of brokers."""

    version: KafkaVersion = "3.9.2"
    heap_mb: HeapMb = 256
    jvm_options: JvmOptions = LAB_JVM
    partitions: Annotated[int, Field(ge=1, le=1000)] = 3
    replication_factor: Annotated[int, Field(ge=1, le=9)] | None = None
    min_insync_replicas: Annotated[int, Field(ge=1, le=9)] | None = None
    offsets_partitions: Annotated[int, Field(ge=1, le=200)] = 6
    config: dict[str, Setting] = Field(default_factory=dict)
