"""The section [monitoring]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lab.options.section import Label, Section, shown

# What has a JVM that can tell of itself.
Agent = Literal["kafka", "controller", "zookeeper", "connect"]


class Monitoring(Section):
    """Prometheus for the whole lab, what it asks, and its alerts."""

    enabled: bool = Field(False, description="whether there is any of it")
    at: Label | None = Field(
        None, description="the datacenter whose control host has Prometheus and "
                          "Alertmanager; they see the datacenters that it is linked to as well",
        json_schema_extra=shown("the first datacenter"),
    )
    agents: tuple[Agent, ...] = Field(
        ("kafka", "controller", "connect"),
        description="services whose JVMs tell of themselves, each through an agent of 11 to 30 MB: "
                    '`"kafka"`, `"controller"`, `"zookeeper"`, `"connect"`',
    )
    scrape_s: Annotated[int, Field(ge=1, le=60)] = Field(
        15, description="seconds between two looks at everything",
    )
    retention_h: Annotated[int, Field(ge=1, le=720)] = Field(
        24, description="hours for which Prometheus keeps what it saw",
    )
    lag_records: Annotated[int, Field(ge=1)] = Field(
        1000, description="records that a group may be behind before a lag that grows is an alert",
    )
    disk_free_percent: Annotated[int, Field(ge=1, le=90)] = Field(
        10, description="free part of a disk below which it is an alert",
    )
