"""Passwords: made once, read by nobody else, and refused where they would do harm."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from scripts.errors import LabError
from scripts.workstation.passwords import Passwords, digest
from scripts.workstation.secret import forget_secrets, write_secret


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Passwords:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Passwords("l")


def test_one_is_made_once_for_each_user_and_only_its_owner_reads_it(passwords: Passwords) -> None:
    assert passwords.read("app") is None
    made = passwords.of("app")
    assert passwords.of("app") == passwords.read("app") == made
    assert len(made) >= 32 and passwords.of("bob") != made
    assert stat.S_IMODE(passwords.file("app").stat().st_mode) == 0o600
    assert stat.S_IMODE(passwords.folder.stat().st_mode) == 0o700
    assert sorted(one.name for one in passwords.folder.iterdir()) == ["app", "bob"]


def test_what_a_killed_run_left_is_no_hindrance(passwords: Passwords) -> None:
    passwords.folder.mkdir()
    (passwords.folder / ".app.new").write_text("half")
    assert passwords.of("app") == passwords.file("app").read_text().strip()


@pytest.mark.parametrize(("text", "mode", "words"), [
    ("good-enough", 0o640, "others than you may read"),
    ("", 0o600, "no password that the lab can use"),
    ("short", 0o600, "no password that the lab can use"),
    ('with "quotes" in it', 0o600, "no password that the lab can use"),
])
def test_a_file_that_will_not_do_is_told_without_what_is_in_it(
    passwords: Passwords, text: str, mode: int, words: str
) -> None:
    passwords.folder.mkdir()
    passwords.file("app").write_text(text)
    passwords.file("app").chmod(mode)
    with pytest.raises(LabError, match=words) as caught:
        passwords.of("app")
    assert not text or text not in str(caught.value)


def test_a_digest_is_the_same_for_the_same_and_nothing_else() -> None:
    assert digest("app", "secret-1") == digest("app", "secret-1")
    assert len({digest("app", "secret-1"), digest("bob", "secret-1"),
                digest("app", "secret-2")}) == 3


def test_a_secret_replaces_what_was_there_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("older and longer")
    write_secret(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_lab_had_goes_with_it(passwords: Passwords) -> None:
    passwords.of("app")
    other = passwords.folder.parent / "runs"
    other.mkdir()
    assert forget_secrets("l") == [passwords.folder]
    assert not passwords.folder.exists() and other.exists()
    assert forget_secrets("l") == forget_secrets("never-was") == []
