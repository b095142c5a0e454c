"""What a session says of the lab before it does anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scripts.errors import LabError
from scripts.session import Session


def session(**running: bool) -> Any:
    """Of a lab with these hosts."""
    there = {name: SimpleNamespace(running=up, host_key="key") for name, up in running.items()}
    steps = SimpleNamespace(absent="run `fab up`", stopped="run `fab up`")
    return SimpleNamespace(platform=SimpleNamespace(instances=lambda: there, steps=steps))


def test_every_host_that_is_stopped_is_named() -> None:
    lab = session(zk=True, kafka1=False, kafka2=True, kafka3=False)
    assert Session.running(lab, ["zk", "kafka2"])
    with pytest.raises(LabError, match=r"^kafka1: is stopped \(run `fab up`\)$"):
        Session.running(lab, ["zk", "kafka1"])
    with pytest.raises(LabError, match=r"^kafka1, kafka3: are stopped \(run `fab up`\)$"):
        Session.running(lab, ["zk", "kafka1", "kafka2", "kafka3"])
    with pytest.raises(LabError, match=r"^kafka4: does not exist \(run `fab up`\)$"):
        Session.running(lab, ["kafka1", "kafka4"])
