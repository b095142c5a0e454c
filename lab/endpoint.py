"""How a client reaches a cluster or a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Endpoint:
    """Where to connect and what to say there.

    servers: "host:port,host:port". settings: what a Kafka client has to be told beside that, under
    the names that librdkafka and Java's clients share ("security.protocol", "sasl.mechanism", …).
    """

    servers: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def client(self, prefix: str = "") -> dict[str, str]:
        """The settings of a client, each name with `prefix` in front ("source.cluster.")."""
        return {
            f"{prefix}bootstrap.servers": self.servers,
            **{f"{prefix}{name}": value for name, value in self.settings.items()},
        }
