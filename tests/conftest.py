"""What all tests share: no test reaches for an outside archive or image registry."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("KAFKALAB_KAFKA_SOURCES", "cache,maven")
os.environ.setdefault("KAFKALAB_IMAGE_SOURCES", "mmdebstrap")

# A machine that is busy with hosts takes its time, and that is no finding.
settings.register_profile("lab", deadline=None)
settings.load_profile("lab")
