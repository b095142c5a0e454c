"""`fab exercise` where there is no lab: the list, and what cannot be, in a line."""

from __future__ import annotations

import json

import pytest

from docs.schemas import List
from scripts.learning import library
from tests.conftest import Fab


def test_the_list_for_programs_holds_to_its_schema(fab: Fab) -> None:
    for language in ("en", "ko"):
        done = fab("exercise.list", "--json", "--language", language)
        assert done.returncode == 0, done.stderr
        found = List.model_validate(json.loads(done.stdout)).exercises
        assert [one.id for one in found] == library.names()
        assert {one.state for one in found} <= {"new", "not here"}


@pytest.mark.parametrize(("words", "said"), [
    (("exercise.check", "ch3-partition"), "did you mean ch3-partitions?"),
    (("exercise.list", "--language", "de"), "--language de (accepted: en, ko)"),
    (("exercise.show", "ch3-segments", "--offset", "many"), "--offset many (accepted: 0 and more)"),
    (("exercise.show", "ch3-segments", "--offset=-1"), "--offset -1 (accepted: 0 and more)"),
    (("exercise.solve", "ch3-segments", "--wrong", "way"), "--wrong way (known: rolled-late"),
    (("exercise.start",),
     "error: exercise.start: ID is missing: an exercise, as `fab exercise` lists it, such as "
     "ch3-partitions (fab exercise.start ID)"),
    (("exercise.answer", "ch3-groups"),
     "error: exercise.answer: QUESTION is missing: the question's name; SAID is missing: what you "
     "say (fab exercise.answer ID QUESTION SAID)"),
    (("ssh",), "error: ssh: HOST is missing"),
])
def test_what_cannot_be_is_a_line(fab: Fab, words: tuple[str, ...], said: str) -> None:
    done = fab(*words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
