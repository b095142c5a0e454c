"""Whether somebody who ends a lab is asked."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.errors import UsageError
from scripts.tasks import whole

LEFT = [f"container ann-dc1-kafka0{number}" for number in range(1, 7)]


@dataclass
class FakePlatform:
    left: list[str] = field(default_factory=lambda: list(LEFT))
    removed: list[str] = field(default_factory=list)
    place: str = "on this machine"
    again: str = "run `fab down` again"

    def leftovers(self) -> list[str]:
        return list(self.left)

    def destroy(self) -> list[str]:
        self.removed, self.left = self.left, []
        return self.removed

    def unproven(self) -> list[str]:
        return []

    def kept(self) -> list[Any]:
        return []

    def stays(self) -> list[str]:
        return []


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[FakePlatform, list[str]]]:
    """End a lab, with what the person types; None: no person is there."""

    def run(
        types: str | None, *, yes: bool = False, **found: Any
    ) -> tuple[FakePlatform, list[str]]:
        said: list[str] = []
        platform = FakePlatform(**found)

        def ask(question: str) -> str:
            said.append(question)
            return str(types)

        session = SimpleNamespace(
            topology=SimpleNamespace(lab="ours"), platform=platform, platform_name="aws",
            ends=False, say=said.append,
        )
        stdin = io.StringIO()
        monkeypatch.setattr(stdin, "isatty", lambda: types is not None)
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr("builtins.input", ask)
        monkeypatch.setattr(whole.leading, "remember", lambda lab, name: None)
        monkeypatch.setattr("scripts.workstation.secret.forget_secrets", lambda lab: [])
        try:
            whole.down.body.__wrapped__(cast("Any", session), yes=yes)
        except UsageError as error:
            said.append(str(error))
        return platform, said

    return run


def test_a_person_is_asked_and_told_what_there_is(end: Any) -> None:
    platform, said = end("yes")
    assert platform.removed == LEFT
    assert "ours is to be removed, with all data in it" in said[0] and "and 3 more" in said[0]


@pytest.mark.parametrize("types", ["", "no", "y"])
def test_who_does_not_agree_keeps_all(end: Any, types: str) -> None:
    platform, said = end(types)
    assert platform.left == LEFT and "nothing was removed" in said[-1]


def test_programs_and_who_says_so_beforehand_are_not_asked(end: Any) -> None:
    for platform, said in (end(None), end("no", yes=True)):
        assert platform.removed == LEFT and said[0] == f"removed {LEFT[0]}"


def test_where_nothing_is_there_is_nothing_to_ask(end: Any) -> None:
    _, said = end("no", left=[])
    assert said == ["nothing of ours is left on this machine"]
