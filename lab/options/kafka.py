"""The section [kafka]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Section, Setting, shown

KafkaVersion = Literal["3.9.2", "3.9.1"]  # the last line that runs with ZooKeeper


class Kafka(Section):
    """The brokers of all clusters."""

    version: KafkaVersion = Field(
        "3.9.2", description='`"3.9.2"` or `"3.9.1"`: the last line that runs with ZooKeeper',
    )
    heap_mb: HeapMb = Field(256, description="heap of each broker")
    jvm_options: JvmOptions = Field(LAB_JVM, description="further options of each broker's JVM")
    partitions: Annotated[int, Field(ge=1, le=1000)] = Field(
        3, description="partitions of a topic that does not say how many",
    )
    replication_factor: Annotated[int, Field(ge=1, le=9)] | None = Field(
        None, description="replicas of a topic that does not say how many",
        json_schema_extra=shown("3, or the number of brokers if less"),
    )
    min_insync_replicas: Annotated[int, Field(ge=1, le=9)] | None = Field(
        None, description="replicas that must have a record before `acks=all` is answered",
        json_schema_extra=shown("one less than the replication factor, at least 1"),
    )
    offsets_partitions: Annotated[int, Field(ge=1, le=200)] = Field(
        6, description="partitions of the internal topics for offsets and transactions "
                       "(Kafka's own default is 50)",
    )
    config: dict[str, Setting] = Field(
        default_factory=dict,
        description="any other broker setting; it wins over what the lab chooses",
    )
