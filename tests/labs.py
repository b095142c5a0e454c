"""What tests of services have in common: a digest that stands for Kafka's archive."""

from __future__ import annotations

from pathlib import Path

from lab import artifacts
from scripts.software.obtain import Obtained

KAFKA = artifacts.kafka("3.9.2")
SHA = "ab" * 32
DIGESTS = {KAFKA.folder: SHA}


def obtained(tar: Path, sha256: str = SHA) -> Obtained:
    """Kafka as if it lay in `tar`."""
    return Obtained(KAFKA, tar, sha256, "cache")
