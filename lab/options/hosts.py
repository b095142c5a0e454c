"""The section [hosts]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.options.section import Section

# What of lab.packages a person may ask for. What all hosts have is in lab.services.base.
Tool = Literal["confluent-kafka", "dig", "git", "python", "tcpdump", "vim", "wget"]


class Hosts(Section):
    """What every host has, whatever runs on it."""

    tools: tuple[Tool, ...] = Field(
        (), description="programs for people, on every host, beside those that all hosts have: "
                        '`"confluent-kafka"` (the Python client), `"dig"`, `"git"`, `"python"` '
                        '(`python3` by that name), `"tcpdump"`, `"vim"`, `"wget"`',
    )
