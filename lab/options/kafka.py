"""The section [kafka]."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Section, Settings, shown
from lab.versions import VERSIONS, KafkaVersion, Metadata

UNCHECKED = re.compile(r"[^\s*=:]+\*?")


def _unchecked(value: str) -> str:
    if not UNCHECKED.fullmatch(value):
        raise ValueError("accepted: a setting's name, or how names begin and a *, such as acme.*")
    return value


Finalize = Literal["auto", "by hand"]
Unchecked = Annotated[str, AfterValidator(_unchecked)]


class Kafka(Section):
    """The brokers of all clusters."""

    version: KafkaVersion = Field(
        "3.9.2", description="of every datacenter that says nothing else: "
                             + ", ".join(f'`"{one}"`' for one in VERSIONS)
                             + " ([what is special](versions.md))",
    )
    metadata: Metadata = Field(
        "zookeeper", description='where clusters keep their metadata: `"zookeeper"` or `"kraft"`, '
                                 "in a quorum of controllers ([KRaft](kraft.md)); a datacenter "
                                 "may say something else",
    )
    finalize: Finalize = Field(
        "auto", description="when a newer release is finalised, after which there is no way back "
                            'to the older one: `"auto"`, at the end of its `fab up`, or '
                            '`"by hand"`, with `fab kafka.finalize` ([upgrades](versions.md))',
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
    config: Settings = Field(
        default_factory=dict,
        description='any other broker setting: `"log.retention.hours" = 24`; it wins over what the '
                    "lab chooses",
    )
    unchecked: tuple[Unchecked, ...] = Field(
        (), description="names in `config` that Kafka itself does not define, such as those of a "
                        "plug-in; a `*` at the end stands for all that begin so",
    )
