"""What is unpacked on hosts: software that no package of the operating system has.

An artifact is one folder below /usr/local, byte for byte the same on every host. Its recipe
(scripts/software/recipes/NAME) decides how it is laid out. Only a machine that has it knows its
digest.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "/usr/local"
# The Scala line of the jars: Kafka 3.x publishes 2.12 as well, but recommends this one.
SCALA = "2.13"
NOT_FETCHED = "0" * 64  # stands for the digest of an artifact that is not on this machine yet


@dataclass(frozen=True)
class Artifact:
    """One artifact. name: its recipe. folder: the one folder in its archive, below /usr/local.

    `link` is a name below /usr/local under which the version in use is found; "" for none.
    """

    name: str
    version: str
    folder: str
    link: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.name.capitalize()} {self.version}"

    @property
    def home(self) -> str:
        """Where it lies on a host."""
        return f"{PREFIX}/{self.folder}"


def kafka(version: str) -> Artifact:
    """Kafka with ZooKeeper, Connect and MirrorMaker in it."""
    return Artifact("kafka", version, f"kafka_{SCALA}-{version}", link="kafka")
