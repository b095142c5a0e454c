"""What all tests share: no test reaches for an outside archive or image registry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("KAFKALAB_KAFKA_SOURCES", "cache,maven")
os.environ.setdefault("KAFKALAB_IMAGE_SOURCES", "mmdebstrap")

# A machine that is busy with hosts takes its time, and that is no finding.
settings.register_profile("lab", deadline=None)
settings.load_profile("lab")

EMULATED = Path(__file__).parent / "aws"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What talks to the emulator is named by its folder, so that `make quick` can leave it out."""
    for item in items:
        if EMULATED in item.path.parents:
            item.add_marker("aws")
