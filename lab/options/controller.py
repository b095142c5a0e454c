"""The section [controller]."""

from __future__ import annotations

from pydantic import Field

from lab.options.section import LAB_JVM, HeapMb, JvmOptions, Section


class Controller(Section):
    """KRaft's controllers that have hosts of their own, in all clusters."""

    heap_mb: HeapMb = Field(96, description="heap of each controller on a host of its own")
    jvm_options: JvmOptions = Field(LAB_JVM, description="further options of its JVM")
