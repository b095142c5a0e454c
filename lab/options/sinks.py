"""The sections [[sinks]], [elasticsearch], [opensearch] and [hbase]: what topics are carried to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Label, Section, Settings, shown
from lab.options.topics import TopicName

SinkKind = Literal["elasticsearch", "opensearch", "hbase"]
DOCUMENT, ROW = "document", "row"
NULLS = {"delete": "takes its document or row away", "ignore": "is passed over",
         "fail": "ends the task"}


class Sink(Section):
    """Topics of one datacenter that are written into a store there."""

    kind: SinkKind = Field(
        description='what they are written into: `"elasticsearch"`, `"opensearch"` or `"hbase"`',
    )
    at: Label = Field(description="the datacenter that has the topics, and gets the store")
    topics: Annotated[tuple[TopicName, ...], Field(min_length=1)] = Field(
        description="the topics, as they are called there: a mirrored one as `dc1.orders`",
    )
    name: Label | None = Field(
        None, description="of its connector, `sink-NAME`", json_schema_extra=shown("its `kind`"),
    )
    id: Literal["place", "key"] | None = Field(
        None, description='what a document or row is named by: `"place"`, topic, partition and '
                          'offset, so each record is one; `"key"`, so the last record of a key is',
        json_schema_extra=shown('`"place"`; `"key"` in HBase'),
    )
    nulls: Literal["delete", "ignore", "fail"] = Field(
        "delete", description="what a record without a value does: " + ", ".join(
            f'`"{word}"` {what}' for word, what in NULLS.items()
        ),
    )
    values: Literal["json", "avro"] = Field(
        "json", description='what its records\' values are: `"json"`, or `"avro"` with the id of a '
                            "schema in front, which the lab's registry knows",
    )
    schemas: bool = Field(
        False, description="whether each JSON value has its schema with it (`schema`, `payload`)",
    )
    dead_letters: TopicName | None = Field(
        None, description="the topic for records that are no documents, each with the reason",
        json_schema_extra=shown("`dead-letters.NAME`"),
    )
    tasks: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="how many tasks it may have, `tasks.max`",
    )
    config: Settings = Field(
        default_factory=dict,
        description="any other setting of the connector: `config = { \"batch.size\" = 500 }`",
    )

    @property
    def by_key(self) -> bool:
        """Whether the last record of a key is what there is of it."""
        return (self.id or ("key" if self.kind == "hbase" else "place")) == "key"

    @property
    def becomes(self) -> str:
        """What a record becomes in its store."""
        return ROW if self.kind == "hbase" else DOCUMENT

    @property
    def avro(self) -> bool:
        """Whether its records' values are Avro."""
        return self.values == "avro"

    @property
    def called(self) -> str:
        return self.name or self.kind

    @property
    def connector(self) -> str:
        return f"sink-{self.called}"

    @property
    def letters(self) -> str:
        """The dead letter topic."""
        return self.dead_letters or f"dead-letters.{self.called}"


class Elasticsearch(Section):
    """The Elasticsearch of each datacenter that a sink writes into."""

    heap_mb: HeapMb = Field(256, description="heap of the server")
    jvm_options: JvmOptions = Field(LAB_JVM, description="further options of its JVM")


class OpenSearch(Section):
    """The OpenSearch of each datacenter that a sink writes into."""

    heap_mb: HeapMb = Field(256, description="heap of the server")
    jvm_options: JvmOptions = Field(LAB_JVM, description="further options of its JVM")


class HBase(Section):
    """The HBase of each datacenter that a sink writes into."""

    heap_mb: HeapMb = Field(192, description="heap of the region server")
    master_heap_mb: HeapMb = Field(128, description="heap of the master")
    jvm_options: JvmOptions = Field(LAB_JVM, description="further options of their JVMs")
