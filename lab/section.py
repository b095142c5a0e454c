"""What every part of the lab file is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """What all parts of the file share: immutable, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
