"""Korean particles by the last sound, also of names and numbers that only the lab knows."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from lab.learning.particles import FORMS, agreed, ending, particle
from lab.learning.words import sentence, told


@pytest.mark.parametrize(("word", "said"), [
    ("dc1", "dc1은 dc1이 dc1을 dc1과 dc1로 dc1이라고"),  # 일: ㄹ
    ("dc2", "dc2는 dc2가 dc2를 dc2와 dc2로 dc2라고"),  # 이
    ("dc3", "dc3은 dc3이 dc3을 dc3과 dc3으로 dc3이라고"),  # 삼
    ("100", "100은 100이 100을 100과 100으로 100이라고"),  # 백
    ("newc", "newc는 newc가 newc를 newc와 newc로 newc라고"),
    ("carts-ann", "carts-ann은 carts-ann이 carts-ann을 carts-ann과 carts-ann으로 carts-ann이라고"),
    ("Berlin", "Berlin은 Berlin이 Berlin을 Berlin과 Berlin으로 Berlin이라고"),
    ("seoul", "seoul은 seoul이 seoul을 seoul과 seoul로 seoul이라고"),
    ("king", "king은 king이 king을 king과 king으로 king이라고"),
    ("서울", "서울은 서울이 서울을 서울과 서울로 서울이라고"),
    ("부산", "부산은 부산이 부산을 부산과 부산으로 부산이라고"),
    ("토픽(`a`)", "토픽(`a`)는 토픽(`a`)가 토픽(`a`)를 토픽(`a`)와 토픽(`a`)로 토픽(`a`)라고"),
    ("", "는 가 를 와 로 라고"),
])
def test_a_particle_goes_with_the_last_sound(word: str, said: str) -> None:
    forms = [closed for closed, _ in FORMS]
    assert " ".join(f"{word}{particle(word, one)}" for one in forms) == said


@pytest.mark.parametrize(("text", "said"), [
    ("{target}으로 복사", "dc2로 복사"), ("{topic}은 {n}개를", "stock-newc는 3개를"),
    ("`{topic}`을", "`stock-newc`를"), ("**{n}**을", "**3**을"), ("{target}(으)로.", "dc2로."),
    ("{said}(이)라고 답함", "2라고 답함"), ("{n:,}이", "3이"), ("{topic}은행", "stock-newc은행"),
    ("{topic}에서는", "stock-newc에서는"), ("{{topic}}은", "{topic}은"),
])
def test_a_text_has_the_particle_of_what_is_filled_in(text: str, said: str) -> None:
    values: dict[str, int | str] = {"target": "dc2", "topic": "stock-newc", "n": 3, "said": "2"}
    assert told(text, values) == said


def test_what_a_probe_saw_is_told_so_too() -> None:
    for said, words in (("3", "3이라고"), ("dc1.stock-newc", "dc1.stock-newc라고")):
        assert sentence("question", "open", {"said": said}, "ko").startswith(words)
        assert "(" not in sentence("question", "right", {"said": said}, "ko")


@given(st.text(), st.sampled_from([one for pair in FORMS for one in pair]))
def test_any_word_has_one_of_the_two_forms_whichever_was_written(word: str, wanted: str) -> None:
    (pair,) = (one for one in FORMS if wanted in one)
    assert particle(word, wanted) in pair
    assert {particle(word, one) for one in pair} == {particle(word, wanted)}
    assert ending(f"{word}...") == ending(word)


@given(st.text(alphabet="가{}a은이를 "))
def test_a_text_without_words_to_fill_in_stays(text: str) -> None:
    assert agreed(text) == text
