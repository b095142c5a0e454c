"""`fab view` and `fab top` where there is nothing to see, and options that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Fab


@pytest.mark.parametrize(("words", "said"), [
    (("view", "--seconds", "-1"), "--seconds -1 (accepted: 1 to 86400)"),
    (("view", "--port", "70000"), "--port 70000 (accepted: 1024 to 65535)"),
    (("view", "--save", "/nowhere/at/all.html"), "no file can be written there"),
    (("view", "--save", "/"), "no file can be written there"),
    (("view", "--datacenter", "dc9"), "no datacenter 'dc9' in the lab"),
    (("top", "--once", "--datacenter", "dc9"), "no datacenter 'dc9' in the lab"),
])
def test_what_cannot_be_is_a_line(fab: Fab, words: tuple[str, ...], said: str) -> None:
    done = fab(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_nothing_is_left_of_what_could_not_be(fab: Fab, tmp_path: Path) -> None:
    fab("view", "--datacenter", "dc9", "--save", str(tmp_path / "x.html"))
    assert not (tmp_path / "x.html").exists()
