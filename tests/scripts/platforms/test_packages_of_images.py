"""What a distribution on EC2 has not of what services run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.file import parse
from lab.topology import build
from scripts.platforms.aws.preflight import _packages


@pytest.mark.parametrize(("image", "monitored", "told"), [
    ("debian12", True, []), ("al2023", False, []),
    ("al2023", True, ["al2023 has no alertmanager, node-exporter, prometheus; "
                      'say image = "debian12" in [aws]']),
])
def test_it_is_told_before_anything_is_made(image: str, monitored: bool, told: list[str]) -> None:
    topology = build(parse({
        "owner": "ann", "aws": {"image": image, "region": "eu-central-1"},
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
        "monitoring": {"enabled": monitored},
    }).lab)
    aws = cast(Any, SimpleNamespace(topology=topology))
    found = list(_packages(aws, "eu-central-1"))
    assert [one.seen for one in found] == told
    assert not any(one.held for one in found)
