"""An attempt at a listener, and whether it came out as it should."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Try:
    """One attempt: at whose listener, with what, whether it should come about, and what came."""

    host: str
    listener: str
    with_what: str
    meant: bool
    refusal: str

    @property
    def held(self) -> bool:
        return self.meant is not bool(self.refusal)

    def __str__(self) -> str:
        seen = self.refusal or "answers"
        return f"{self.host} {self.listener} with {self.with_what}: {seen}"
