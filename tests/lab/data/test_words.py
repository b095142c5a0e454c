"""What others wrote: whatever it is, it can be read, and it does nothing to a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, strategies as st

from lab.data.words import as_json, given as typed, legible, moment, shown, size, text_of


@given(st.binary(max_size=200))
@example(b"\x1b]0;title\x07\x9b31m")
@example("\x9b31m\u202e".encode())
@example(b"\r\x7f\x08")
def test_nothing_that_cannot_be_seen_is_shown(content: bytes) -> None:
    assert shown(content).isprintable()
    assert shown(content, 5).isprintable()
    raw = json.dumps(as_json(content))
    assert raw.isascii()
    assert raw.isprintable()


@given(st.text())
def test_a_text_stays_legible(text: str) -> None:
    assert legible(text).isprintable()
    if text.isprintable():
        assert legible(text) == text


@given(st.binary())
def test_programs_get_all_of_it(content: bytes) -> None:
    told = as_json(content)
    assert told
    (kind, text), = told.items()
    assert (text.encode() if kind == "text" else bytes.fromhex(text)) == content


@given(st.binary())
def test_what_is_shown_as_hex_can_be_asked_for(content: bytes) -> None:
    if text_of(content) is None:
        assert typed(shown(content, 10**6)) == content


@pytest.mark.parametrize(("content", "text"), [
    (b"plain", "plain"), (b"", '""'), ("grün".encode(), "grün"), (b"\xff\x00", "0xff00"),
    (b"\x00\x00\x00\x05", "0x00000005"), (b"a\nb", "a\\nb"), (b"\x1b[31mred", "\\x1b[31mred"),
])
def test_text_is_text_and_the_rest_is_hex(content: bytes, text: str) -> None:
    assert shown(content) == text


def test_what_is_long_is_cut_and_says_how_long_it_is() -> None:
    assert shown(b"x" * 1001) == "x" * 400 + "… (1,001 bytes)"
    assert shown(b"\xff" * 600, 10) == "0xffffffff… (600 bytes)"


def test_what_is_typed_is_text_unless_it_is_hex() -> None:
    assert (typed("0xff00"), typed("0xzz"), typed("ä")) == (b"\xff\x00", b"0xzz", "ä".encode())


@given(st.one_of(st.none(), st.integers(-2**63, 2**63 - 1)))
@example(253402300800000)
@example(-62135596800001)
def test_every_timestamp_can_be_told(ms: int | None) -> None:
    assert " " not in moment(ms)


def test_timestamps_are_in_utc_to_the_millisecond() -> None:
    assert moment(1764236170005) == "2025-11-27T09:36:10.005Z"
    assert moment(2**62) == str(2**62)
    assert moment(None) == "-"


@pytest.mark.parametrize(("count", "text"), [
    (None, "-"), (0, "0B"), (999, "999B"), (1000, "1.0kB"), (12_345, "12kB"),
    (999_600, "1.0MB"), (5 * 10**15, "5000TB"),
])
def test_sizes_are_as_people_read_them(count: int | None, text: str) -> None:
    assert size(count) == text
