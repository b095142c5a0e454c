"""What nobody chooses in the lab file, and services know of its sections all the same.

It stands apart from them so that a list of the tasks needs no pydantic, which takes 0.1 s.
"""

from __future__ import annotations

from typing import Literal

# MirrorMaker's offset.lag.max, in records of a partition: how far it means to be off, at most, when
# it translates an offset.
OFFSET_LAG_MAX = 100
USER = "student"  # who logs in to every host; sudo asks for no password
PLAINTEXT: Literal["plaintext"] = "plaintext"  # what brokers speak where nothing else is said
