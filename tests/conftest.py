"""What all tests share: no test reaches for an outside archive or image registry."""

from __future__ import annotations

import os

os.environ.setdefault("KAFKALAB_KAFKA_SOURCES", "cache,maven")
os.environ.setdefault("KAFKALAB_IMAGE_SOURCES", "mmdebstrap")
