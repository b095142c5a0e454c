"""The tables of the lab file's keys: written from the options, complete, and true."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest
from pydantic import Field

from docs import tables
from lab.file import parse
from lab.options.section import Section, shown
from lab.services.topics import replication
from lab.topology import build

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {page.name: page.read_text() for page in sorted(DOCS.glob("*.md"))}
OPTIONS = [
    (name, option) for name, section in tables.sections().items()
    for option in tables.options(section)
]


def test_pages_are_as_the_options_write_them() -> None:
    stale = [name for name, text in PAGES.items() if tables.filled(text) != text]
    assert stale == [], "say `make docs`"


def test_every_section_has_its_table_once() -> None:
    found = Counter(name for text in PAGES.values() for name in tables.documented(text))
    assert found == Counter(tables.sections().keys())


def test_what_begins_a_table_ends_it() -> None:
    """A marker that is not recognized would leave a table to grow old."""
    for name, text in PAGES.items():
        lines = text.splitlines()
        begun = sum(line.startswith("<!-- options:") for line in lines)
        assert begun == lines.count("<!-- end -->") == len(tables.documented(text)), name


def test_every_key_has_a_meaning_that_fits_into_a_row() -> None:
    wrong = [
        f"{name}.{option.key}: {option.meaning!r}" for name, option in OPTIONS
        if not option.meaning or option.meaning.endswith(".")
        or any(character in option.meaning + option.default for character in "|\n")
    ]
    assert wrong == [], "a description of one line, without a full stop"


def test_defaults_are_what_the_file_would_have_to_say() -> None:
    """Each default that the table shows as TOML gives, when it is written out, the same lab."""
    lab = {"owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}]}
    usual = parse(lab).lab
    one = {"lab", "datacenters", "topics", "mirrors", "links", "connectors", "sinks",
           "users", "clients"}
    text, seen = "", 0
    for name in tables.sections():
        rows = [option for section, option in OPTIONS if section == name]
        known = [f"{option.key} = {option.default.strip('`')}\n" for option in rows
                 if option.default.startswith("`")]
        seen += len(known)
        if name not in one:
            text += f"[{name}]\n" + "".join(known)
        elif name == "lab":
            text = "".join(known) + text
    assert seen > 50
    assert parse({**lab, **tomllib.loads(text)}).lab == usual


def test_defaults_in_words_are_true() -> None:
    """[kafka] says: 3, or the number of brokers if less; and one less than that, at least 1."""
    for brokers, expected in ((1, (1, 1)), (2, (2, 1)), (3, (3, 2)), (5, (3, 2))):
        datacenter = {"name": "dc1", "cidr": "10.1.0.0/24", "kafka": brokers}
        topology = build(parse({"owner": "ann", "datacenters": [datacenter]}).lab)
        assert replication(topology.config, topology.datacenters[0]) == expected


class Inner(Section):
    one: int = Field(1, description="a number")


class Sample(Section):
    words: tuple[str, ...] = Field(("a", '"'), description="words")
    first: bool = Field(True, description="the same")
    second: float = Field(5.0, description="the same")
    nothing: str | None = Field(None, description="nothing")
    usual: int | None = Field(None, description="usual", json_schema_extra=shown("that of `x`"))
    inner: Inner = Inner()
    must: int = Field(alias="from", description="a must")


def test_a_table_has_every_kind_of_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "sections", lambda: {"sample": Sample})
    assert tables.filled("a\n<!-- options: sample -->\nold\n<!-- end -->\nb\n") == (
        "a\n<!-- options: sample -->\n"
        "| key | default | meaning |\n"
        "|---|---|---|\n"
        "| `from` | needed | a must |\n"
        '| `words` | `["a", "\\""]` | words |\n'
        "| `first`, `second` | `true`, `5` | the same |\n"
        "| `nothing` | none | nothing |\n"
        "| `usual` | that of `x` | usual |\n"
        "| `inner.one` | `1` | a number |\n"
        "<!-- end -->\nb\n"
    )


def test_a_section_that_is_none_is_an_error() -> None:
    with pytest.raises(KeyError, match="kafak"):
        tables.filled("<!-- options: kafak -->\n<!-- end -->\n")
