"""The section [connect]."""

from __future__ import annotations

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Section


class Connect(Section):
    """The Kafka Connect workers of every datacenter that something is mirrored into."""

    heap_mb: HeapMb = 192
    jvm_options: JvmOptions = LAB_JVM
