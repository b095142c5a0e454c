"""The contract of a service: all that the rest of the lab asks about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.services.context import Context
from lab.state import HostState
from lab.topology import (
    Host,
    Role,
)


@dataclass(frozen=True)
class Service:
    """One service: which roles have it, what it needs there, its unit and the port it answers on.

    `unit` and `port` are None for what is only files.
    """

    name: str
    roles: tuple[Role, ...]
    desired: Callable[[Host, Context], HostState]
    unit: str | None = None
    port: int | None = None

    def on(self, host: Host) -> bool:
        """Whether a host has the service."""
        return bool(set(host.roles) & set(self.roles))
