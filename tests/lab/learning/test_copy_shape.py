"""A copy that a client made before the mirror did: what helps then, and that the task warns."""

from __future__ import annotations

from typing import Any

import pytest

from lab.learning.facts import recorded
from lab.learning.judge import Bench
from scripts.learning import library
from tests import recordings
from tests.recordings import SOLVED

NAME = "ch12-mirror"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_copy_with_more_partitions_than_its_topic_leads_to_a_reset(language: str) -> None:
    found, exercise = recordings.snapshot(NAME, SOLVED), library.load(NAME).exercise
    answers: Any = {name: dict(one) for name, one in found.answers.items()}
    target, asked = found.values["target"], f"topic name={found.values['copy']}"
    partitions = answers[target][asked]
    answers[target][asked] = [*partitions, {**partitions[0], "number": len(partitions)}]
    judged = Bench(exercise, found.values, recorded(answers, found.datacenter), found.progress,
                   language).judge(now=1.0)
    first = judged.helped
    assert first is not None and (first.claim, first.state) == ("shape", "more")
    assert f"fab exercise.reset {NAME}" in first.hint


@pytest.mark.parametrize(("language", "words"), [
    ("en", "before the mirror has made it"), ("ko", "미러가 만들기 전에")])
def test_the_task_warns_of_asking_for_the_copy_too_early(language: str, words: str) -> None:
    task = library.load(NAME).task(language)
    assert words in " ".join(task.split())
