"""Every exercise's folder: what it claims can be asked for, and is told in both languages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from lab.learning.exercise import Derived, ExerciseError, filled, parse
from lab.learning.judge import mistakes
from lab.learning.probes import PROBES
from lab.learning.words import sentences, told
from scripts.learning import library

BUILT_IN = {
    "owner": "ann", "datacenter": "dc1", "brokers": 3, "replicas": 3, "bootstrap": "a:1,b:2",
    "outside": "127.0.0.1:1", "client": "", "closed": "", "authority": "/a",
    "tools_host": "ann-dc1-ctl01", "target": "dc2", "copy_prefix": "dc1.",
    "target_bootstrap": "c:3", "mirror": "dc1-to-dc2", "target_tools_host": "ann-dc2-ctl01",
    "again": "", "connect_host": "ann-dc1-ctl01", "connect_url": "http://ann-dc1-ctl01.lab:8083",
    "registry": "http://r:8081/apis/ccompat/v7",
    "registry_here": "http://127.0.0.1:2/apis/ccompat/v7", "store": "http://s:9200",
    "store_here": "http://127.0.0.1:3", "index_class": "kafkalab.search.SearchSinkConnector",
    **{f"broker_{n}": f"ann-dc1-kafka0{n}" for n in (1, 2, 3)},
}
ALL = library.names()
HANGUL = re.compile("[가-힣]")


def test_there_are_exercises() -> None:
    assert ALL


@pytest.mark.parametrize("name", ALL)
def test_an_exercise_asks_only_what_there_is(name: str) -> None:
    book = library.load(name)
    values = book.exercise.values(BUILT_IN)
    assert list(mistakes(book.exercise, values)) == []
    for language in ("en", "ko"):
        assert book.task(language) and told(book.task(language), values)
    chapter = name.partition("-")[0].removeprefix("ch")
    assert book.exercise.chapter == (int(chapter) if chapter else None)


@pytest.mark.parametrize("name", ALL)
def test_it_is_told_in_korean_too(name: str) -> None:
    book = library.load(name)
    one = book.exercise
    texts = [one.title, *(q.ask for q in one.questions), *(q.why for q in one.questions)]
    for claim in one.claims:
        texts += [claim.say, *(one for some in claim.hints.values() for one in some)]
    for text in texts:
        assert HANGUL.search(text.ko) or text.ko == text.en, text
        assert not HANGUL.search(text.en), text
    assert (book.folder / "task.ko.md").is_file()


@pytest.mark.parametrize("name", ALL)
def test_there_is_a_solution_and_a_script_for_what_goes_wrong(name: str) -> None:
    book = library.load(name)
    assert book.solution.is_file()
    assert book.wrong, "what does it do when it is done wrong?"
    assert all(book.wrong.values()), f"named after no claim: {book.wrong}"


@pytest.mark.parametrize("name", ALL)
def test_two_owners_have_other_parameters(name: str) -> None:
    exercise = library.load(name).exercise
    found = [exercise.values({**BUILT_IN, "owner": owner}) for owner in ("ann", "bob")]
    assert [found[0][key] for key in exercise.parameters] != [
        found[1][key] for key in exercise.parameters]


def test_each_state_of_a_probe_has_a_sentence_and_no_other_has() -> None:
    assert sentences().keys() - {"question"} == PROBES.keys()
    for states in sentences().values():
        for said in states.values():
            assert said.keys() == {"en", "ko"} and HANGUL.search(said["ko"] + "가")


@given(st.text(min_size=1), st.integers(-5, 5), st.integers(0, 20))
def test_a_derived_number_lies_between_and_stays(seed: str, first: int, more: int) -> None:
    one = Derived(between=(first, first + more))
    value = one.value(seed)
    assert isinstance(value, int) and first <= value <= first + more
    assert one.value(seed) == value


@given(st.lists(st.text(), min_size=1), st.text())
def test_a_derived_word_is_one_of_those(words: list[str], seed: str) -> None:
    assert Derived(choose=tuple(words)).value(seed) in words


def test_a_parameter_alone_keeps_its_type_and_one_in_a_text_does_not() -> None:
    assert filled({"a": "{n}", "b": ["{n}x"]}, {"n": 3}) == {"a": 3, "b": ["3x"]}
    with pytest.raises(ExerciseError, match="no parameter m"):
        filled("{m}", {"n": 3})


@pytest.mark.parametrize(("change", "said"), [
    ({"chapter": 0}, "chapter"), ({"claims": []}, "claims"), ({"spell": 1}, "spell"),
    ({"parameters": {"a": {"between": [3, 1]}}}, "ascending"),
])
def test_a_wrong_file_is_told_by_field(change: dict[str, object], said: str) -> None:
    data = {"chapter": 3, "minutes": 5, "title": {"en": "T"},
            "claims": [{"id": "a", "say": {"en": "A"}, "probe": "topic"}]}
    assert parse(data, id="x").id == "x"
    with pytest.raises(ExerciseError, match=said):
        parse({**data, **change}, id="x")
