"""The section [connect]."""

from __future__ import annotations

from pydantic import Field

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Section


class Connect(Section):
    """The Kafka Connect workers of all datacenters that have some."""

    heap_mb: HeapMb = Field(192, description="heap of each worker")
    jvm_options: JvmOptions = Field(LAB_JVM, description="further options of each worker's JVM")
