"""What the tests of the local platform share."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.platforms import sshd
from scripts.platforms.local import checks, recipe
from scripts.workstation import process
from tests.fake_engine import FakeEngine
from tests.local_bench import Bench


@pytest.fixture
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    name = request.param
    fake = FakeEngine(name, networks={name: ("", "10.88.0.0/16")})
    fake.images[f"{recipe.REPOSITORY}/base:{recipe.digest()}"] = {}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(process, "run", fake)
    monkeypatch.setattr(sshd, "answers", fake.answers)
    monkeypatch.setattr(checks, "ports", lambda wanted: [])
    monkeypatch.setattr(checks, "inotify", lambda hosts: [])
    monkeypatch.setattr(checks, "raise_inotify", lambda hosts: None)
    state = tmp_path / "state"
    state.mkdir()
    return Bench(fake, state, [])
