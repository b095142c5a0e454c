"""What the lab needs of a distribution, and what each family of distributions calls it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lab.options.aws import Image

Family = Literal["debian", "amazon"]


@dataclass(frozen=True)
class Software:
    """One thing that a host needs: its package by family, and the file that shows it to be there.

    `unit` is the service that comes with it, where the lab looks after that. A family that does not
    package it is missing in `names`; who uses it then does without.
    """

    path: str
    names: Mapping[Family, str]
    unit: Mapping[Family, str] | None = None


# Amazon Linux 2023 has no kcat: verify takes Kafka's own tools there.
SOFTWARE: dict[str, Software] = {
    "java": Software("/usr/bin/java", {
        "debian": "openjdk-17-jre-headless", "amazon": "java-17-amazon-corretto-headless",
    }),
    "chrony": Software(
        "/usr/sbin/chronyd", {"debian": "chrony", "amazon": "chrony"},
        {"debian": "chrony.service", "amazon": "chronyd.service"},
    ),
    "kcat": Software("/usr/bin/kcat", {"debian": "kcat"}),
}
FAMILY: Mapping[Image, Family] = {"al2023": "amazon", "debian12": "debian"}


def names(software: Iterable[str], family: Family) -> list[str]:
    """What `family` calls the packages of `software`, without what it does not package."""
    found = (SOFTWARE[one].names.get(family) for one in software)
    return [name for name in found if name is not None]


def unit(software: str, family: Family) -> str:
    """The service that comes with a package. Raises LookupError for one without."""
    units = SOFTWARE[software].unit
    if units is None:
        raise LookupError(f"{software} has no service")
    return units[family]
