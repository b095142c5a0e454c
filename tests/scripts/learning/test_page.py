"""An exercise's page: whole, self-contained, legible on a phone, and true to its drawings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given, settings, strategies as st

from lab.learning.batches import CONTROL, MARKERS, TRANSACTIONAL, Batch
from lab.learning.drawn import Drawing
from lab.learning.drawn.crowd import crowd
from lab.learning.drawn.evolution import evolution
from lab.learning.drawn.kept import kept
from lab.learning.drawn.lanes import KINDS, Lane, Lanes
from lab.learning.drawn.placement import Placements, placement
from lab.learning.drawn.segments import Log, log
from lab.learning.facts import File, Group, Member, Partition, Record, Span, Subject, Version
from lab.learning.judge import Judged, Verdict
from lab.learning.progress import Progress
from lab.learning.words import page_words
from scripts.errors import UsageError
from scripts.learning import library
from scripts.learning.drawn import NARROW, WIDE, Panel, panel
from scripts.learning.drawn.paper import Said, bytes_of, cut, room
from scripts.learning.page import Sheet, pointed, render
from tests.lab.learning.test_drawn import BATCHES, batches, folders, partitions
from tests.scripts.drills.test_page import Page

HOSTILE = "<script>alert('x')</script>&\"]]>"
SVG = "{http://www.w3.org/2000/svg}"
HANGUL = re.compile("[가-힣]")
EN, KO = Said(page_words(), "en"), Said(page_words(), "ko")

# One that is committed, one that is aborted, and one that is open.
IN_TRANSACTIONS = tuple(
    Batch(at, at + records - 1, records, 70, 0, 9, 0, -1,
          TRANSACTIONAL | (CONTROL if marker else 0), 0, marker=marker)
    for at, records, marker in ((0, 20, ""), (20, 1, "commit"), (21, 9, ""), (30, 1, "abort"),
                                (31, 6, "")))


def a_log(segments: int = 3, name: str = "archive") -> Log:
    files = [File(f"{base * 1000:020}{kind}", size) for base in range(segments)
             for kind, size in ((".log", 1_000_000), (".index", 400), (".timeindex", 24))]
    return log(name, 0, Span(0, segments * 1000), [*files, File("partition.metadata", 43)])


def every(name: str = "t") -> list[Drawing]:
    """A drawing of each kind; what people name is called so."""
    group = Group("stable", "range", (Member(name, (f"{name}-0",), name), Member("b", ())),
                  {f"{name}-0": 3})
    return [
        a_log(name=name), Lanes((Lane(name, 0, batches([(5, 0), (5, 0x10), (1, 0x30)])),
                                 Lane(name, 1, IN_TRANSACTIONS))),
        crowd(name, group, {name: {0: Span(1, 9), 1: Span(0, 4)}}),
        kept(name, {0: Span(2, 9)}, [Record(0, 4, 0, name, name), Record(0, 8, 0, None, None)],
             {0: 8}),
        Placements(tuple(placement(topic, [Partition(0, 1, (1, 2, 3), (1, 2)),
                                           Partition(1, None, (4,), ())], [1, 2])
                         for topic in (name, "other"))),
        evolution(name, Subject("FORWARD", (Version(1, 7, schema("a")), Version(
            2, 9, schema("a", name)), Version(3, 10, "none")))),
    ]


def schema(*names: str) -> str:
    """A record whose first field has no default, and the others have one."""
    return json.dumps({"type": "record", "name": "R", "fields": [
        {"name": one, "type": "string", **({"default": ""} if number else {})}
        for number, one in enumerate(names)]})


def sheet(**change: Any) -> Sheet:
    verdicts = (Verdict("a", True, "it is so", "ok"),
                Verdict("b", False, HOSTILE, "absent", HOSTILE, (HOSTILE, "second")))
    return Sheet(**{
        "exercise": library.load("ch3-segments").exercise, "language": "en", "lab": "kafkalab",
        "task": "# T\n\nDo `it`.\n\n1. one\n\n## Two\n", "judged": Judged(verdicts, Progress()),
        "drawings": [("dc1", one) for one in every()], "at": 1_700_000_000.0, **change,
    })


def test_what_is_in_no_chapter_says_none() -> None:
    said = [render(sheet(exercise=library.load(one).exercise, language=language))
            for one in ("ch3-segments", "ch-kraft") for language in ("en", "ko")]
    assert ["chapter 3" in one or "3장" in one for one in said] == [True, True, False, False]
    assert not any("None" in one for one in said)


def boxes(svg: str) -> list[Element]:
    return list(fromstring(svg).iter(f"{SVG}rect"))


def of(kind: str, svg: str) -> list[Element]:
    """What is drawn of a kind; the legend has one of each."""
    found = [one for one in boxes(svg) if kind in (one.get("class") or "").split()]
    return found[:-1]


def inside(one: Panel) -> None:
    """All of a drawing is on its paper, and on no other thing's place at its edge."""
    for svg, width in ((one.wide, WIDE), (one.narrow, NARROW)):
        root = fromstring(svg)
        _, _, wide, tall = map(float, (root.get("viewBox") or "").split())
        assert wide == width
        for box in root.iter(f"{SVG}rect"):
            if (box.get("class") or "").startswith("bed"):
                continue
            x, y, w, h = (float(box.get(key) or "") for key in ("x", "y", "width", "height"))
            assert x >= -0.5 and x + w <= width + 1, (box.attrib, one.title)
            assert y >= 0 and y + h <= tall, (box.attrib, one.title)


def test_the_page_needs_nothing_but_itself() -> None:
    html = render(sheet())
    page = Page(html)
    for one in page.all:
        assert not {"src", "href", "srcset", "data", "action"} & one.keys(), one
    assert not re.search(r"@import|url\((?!#)", html)
    assert {"script", "link", "img", "iframe"} & {one["tag"] for one in page.all} == set()
    (policy,) = page.find("meta", http_equiv="Content-Security-Policy") or [
        one for one in page.all if one.get("http-equiv")]
    assert "default-src 'none'" in policy["content"]
    ids = [one["id"] for one in page.all if "id" in one]
    assert len(ids) == len(set(ids))
    for one in page.all:
        for reference in re.findall(r"url\(#([^)]+)\)", " ".join(map(str, one.values()))):
            assert reference in ids
        assert set((one.get("aria-labelledby") or "").split()) <= set(ids)


def test_each_drawing_has_words_and_a_table() -> None:
    page = Page(render(sheet()))
    drawings = page.find("svg", class_="drawing")
    assert len(drawings) == 2 * len(every()) and all(one["role"] == "img" for one in drawings)
    tables = page.find("table", class_="numbers")
    assert len(tables) == len(every())
    assert len(page.find("caption")) == len(tables)
    assert all(one["text"] for one in page.find("caption"))
    regions = page.find("div", class_="scroll")
    assert all(one.get("aria-label") and one.get("tabindex") == "0" for one in regions)
    heads = [one for one in page.find("th") if one.get("scope")]
    assert len(heads) == len(page.find("th"))


def test_what_holds_is_told_by_sign_and_word() -> None:
    page = Page(render(sheet()))
    (table,) = page.find("table", class_="claims")
    assert "✓ holds" in table["text"] and "✗ does not hold" in table["text"]
    assert "Hint: " in table["text"] and "second" not in table["text"]
    assert "✗ 1 of 2 hold" in page.find("p", class_="verdict")[0]["text"]
    assert [one["text"] for one in page.find("h3")] == [], "the task's own title is the page's"
    assert "Two" in [one["text"] for one in page.find("h4")]


def test_names_do_nothing_to_the_page() -> None:
    html = render(sheet(task=f"# T\n\n{HOSTILE}", lab=HOSTILE,
                        drawings=[("dc1", one) for one in every(HOSTILE)]))
    page = Page(html)
    assert page.find("script") == []
    assert any(HOSTILE in one["text"] for one in page.find("caption"))


def test_without_anything_to_draw_it_says_so_and_in_korean_in_korean() -> None:
    page = Page(render(sheet(drawings=[])))
    assert "nothing to draw" in "".join(one["text"] for one in page.find("p"))
    korean = Page(render(sheet(language="ko")))
    assert korean.find("html")[0]["lang"] == "ko"
    assert all(HANGUL.search(one["text"]) for one in korean.find("h2"))


def test_datacenters_are_named_where_there_are_several() -> None:
    one, *_ = every()
    assert Page(render(sheet(drawings=[("dc1", one)]))).find("span", class_="where") == []
    page = Page(render(sheet(drawings=[("dc1", one), ("dc2", one)])))
    assert [one["text"] for one in page.find("span", class_="where")] == ["dc1", "dc2"]


def test_every_word_is_there_in_both_languages_and_is_used() -> None:
    code = "".join(path.read_text() for path in Path(library.FOLDER.parent).glob(
        "scripts/learning/**/*") if path.suffix in (".py", ".j2"))
    for name, text in page_words().items():
        assert text.keys() == {"en", "ko"} and all(text.values()), name
        assert not HANGUL.search(text["en"])
        values = [sorted(re.findall(r"\{\w+\}", text[one])) for one in ("en", "ko")]
        assert values[0] == values[1], name
        assert f'"{name}"' in code or f"'{name}'" in code or name in (
            "leader", "follower", "out", *(f"batch_{kind}" for kind in KINDS),
            *(f"marker_{how}" for how in MARKERS)), name


@given(folders(), st.none() | st.integers(0, 6000))
@settings(max_examples=25)
def test_each_segment_has_its_boxes(
    folder: tuple[list[File], Span], offset: int | None
) -> None:
    files, span = folder
    drawn = log("t", 0, span, files)
    one = panel(drawn, said=EN, ident="a", offset=offset)
    inside(one)
    for svg in (one.wide, one.narrow):
        titles = [title.text for title in fromstring(svg).iter(f"{SVG}title")]
        assert [text for text in titles if text and text.endswith(".log")] == [
            part.log.name for part in drawn.segments]
        assert len(of("index", svg)) == sum(part.index is not None for part in drawn.segments)
        found = drawn.holder(offset) if offset is not None else None
        marked = [box for box in boxes(svg) if "found" in (box.get("class") or "").split()]
        assert [box[0].text for box in marked] == ([found.log.name] if found else [])
    assert sorted(row[0] for row in one.rows) == sorted(file.name for file in files)


def test_of_many_segments_the_middle_is_left_out_but_not_what_was_asked_for() -> None:
    drawn = a_log(500)
    for offset in (None, 250_500):
        one = panel(drawn, said=EN, ident="a", offset=offset)
        inside(one)
        assert ("400 more" in one.wide or "460 more" in one.wide) is (offset is None)
        assert (f"{250_000:020}.log" in one.wide) is (offset is not None)
        assert len(one.rows) == 1501, "the table has all"


@given(partitions(), st.sets(st.integers(1, 6)), st.sampled_from([EN, KO]))
@settings(max_examples=25)
def test_each_replica_has_its_box(some: list[Partition], brokers: set[int], said: Said) -> None:
    one = panel(Placements((placement("t", some, brokers),)), said=said, ident="a")
    inside(one)
    for svg in (one.wide, one.narrow):
        assert len(of("leader", svg)) == sum(part.leader is not None for part in some)
        out = sum(len({*part.replicas} - {*part.isr}) for part in some)
        assert len(of("out", svg)) == out
        assert all((box.get("fill") or "").startswith("url(#") for box in of("out", svg))
        assert len(of("follower", svg)) == sum(len(part.isr) for part in some) - sum(
            part.leader is not None for part in some)


@given(st.lists(st.lists(st.text("abc_", min_size=1, max_size=40), max_size=8), max_size=4))
@settings(max_examples=25)
def test_each_field_of_a_version_has_its_box(versions: list[list[str]]) -> None:
    one = panel(evolution("s", Subject("FULL", tuple(
        Version(number, number, schema(*names)) for number, names in enumerate(versions, 1)))),
        said=KO, ident="a")
    inside(one)
    for svg in (one.wide, one.narrow):
        assert len(of("required", svg)) == sum(bool(names) for names in versions)
        assert len(of("optional", svg)) == sum(len(names[1:]) for names in versions)
    assert len(one.rows) == len(versions)


@given(st.lists(BATCHES, min_size=1, max_size=4))
@settings(max_examples=25)
def test_a_block_is_as_wide_as_its_records(shapes: list[list[tuple[int, int]]]) -> None:
    lanes = Lanes(tuple(Lane("t", number, batches(some)) for number, some in enumerate(shapes)))
    one = panel(lanes, said=EN, ident="a")
    inside(one)
    scale = (WIDE - 2) / max(1, lanes.records)
    drawn = [box for box in boxes(one.wide) if list(box)]  # what a pointer tells of: no legend
    for box in drawn:
        records = int(re.findall(r": ([\d,]+) records", box[0].text or "")[0].replace(",", ""))
        assert float(box.get("width") or "") == pytest.approx(
            max(0.75, records * scale - 1), rel=1e-3)


def test_how_transactions_ended_is_told_by_shape_filling_and_number() -> None:
    one = panel(Lanes((Lane("t", 0, IN_TRANSACTIONS),)), said=EN, ident="a")
    inside(one)
    for svg in (one.wide, one.narrow):
        for kind in ("committed", "commit", "aborted", "abort", "unended"):
            assert len(of(f"batch-{kind}", svg)) == 1, kind
        commit, abort, block = (of(f"batch-{kind}", svg)[0] for kind in (
            "commit", "abort", "committed"))
        assert float(commit.get("height") or "") > float(block.get("height") or "")
        assert commit.get("fill") is None and "batch-abort" in (abort.get("fill") or "")
    assert "1 commit, 1 abort" in one.rows[0]


@pytest.mark.parametrize("said", [EN, KO], ids=["en", "ko"])
@pytest.mark.parametrize("drawing", [*every(), *every("a-very-long-name-of-a-topic-" * 6)],
                         ids=lambda one: type(one).__name__)
def test_a_drawing_stays_on_its_paper(drawing: Drawing, said: Said) -> None:
    one = panel(drawing, said=said, ident="a")
    inside(one)
    assert all(len(row) == len(one.heads) for row in one.rows) and one.rows


def test_the_file_of_an_offset_is_told_in_words() -> None:
    drawings = [("dc1", a_log())]
    assert pointed(sheet(drawings=drawings)) == []
    for offset, said in (
        (1999, "archive-0: offset 1,999 is in 00000000000000001000.log"),
        (3000, "archive-0: there is no offset 3,000 in it: it has 0 to 2,999"),
    ):
        assert pointed(sheet(drawings=drawings, offset=offset)) == [said]
    with pytest.raises(UsageError, match="no files to look for it"):
        pointed(sheet(drawings=[], offset=1))


@given(st.text(), st.floats(0, 500))
def test_a_text_that_is_cut_fits(text: str, width: float) -> None:
    found = cut(text, width)
    assert room(found) <= width or found == ""
    assert found in (text, "") or found.endswith("…")


@pytest.mark.parametrize(("size", "said"), [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_048_576, "1.0 MiB"),
    (10_485_760, "10.0 MiB"), (5 << 30, "5.0 GiB"), (2000 << 30, "2000 GiB"),
])
def test_bytes_are_told_as_kafka_counts_them(size: int, said: str) -> None:
    assert bytes_of(size) == said
