"""How a client reaches a cluster or a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Endpoint:
    """Where to connect and what to say there.

    servers: "host:port,host:port". settings: what a Kafka client has to be told beside that, under
    the names that librdkafka and Java's clients share ("security.protocol", "sasl.mechanism", …).
    ca: the file, where the client is, with the certificate that brokers' are signed with; "" where
    they have none. key: the file with a client's own private key and certificate, where brokers ask
    for that.
    """

    servers: str
    settings: Mapping[str, str] = field(default_factory=dict)
    ca: str = ""
    key: str = ""

    @property
    def java(self) -> dict[str, str]:
        """What a client in Java has to be told beside its servers."""
        trust = {"ssl.truststore.type": "PEM", "ssl.truststore.location": self.ca}
        own = {"ssl.keystore.type": "PEM", "ssl.keystore.location": self.key}
        return {**self.settings, **(trust if self.ca else {}), **(own if self.key else {})}

    @property
    def librdkafka(self) -> dict[str, str]:
        """The same for librdkafka, in Python or in kcat."""
        own = {"ssl.certificate.location": self.key, "ssl.key.location": self.key}
        trust = {"ssl.ca.location": self.ca}
        return {**self.settings, **(trust if self.ca else {}), **(own if self.key else {})}

    def client(self, prefix: str = "") -> dict[str, str]:
        """All settings of a client in Java, each name with `prefix` in front ("source.cluster.").
        """
        return {
            f"{prefix}bootstrap.servers": self.servers,
            **{f"{prefix}{name}": value for name, value in self.java.items()},
        }
