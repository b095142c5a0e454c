"""Where hosts come from: containers on this machine (local) or instances in EC2 (aws)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instance:
    """A host as its platform knows it right now.

    `host_key` is "ssh-ed25519 AAAA...", or None while the platform has not told it yet; no
    connection is made to a host without it. `address` is the private one, in the lab's network.
    """

    name: str
    id: str
    running: bool
    ssh_host: str
    ssh_port: int
    user: str
    host_key: str | None
    address: str
