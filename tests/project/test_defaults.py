"""Every default that the documentation states, wherever it does, against the program's own."""

from __future__ import annotations

import math
import re

import pytest

from docs import tables
from lab.file import load
from lab.mirrors import groups, progress
from lab.mirrors.sizes import MIB, carried
from lab.options.fixed import OFFSET_LAG_MAX
from lab.options.kafka import Kafka
from lab.roles import role
from lab.settings.definitions import definitions
from lab.topology import EXTERNAL_OFFSET, PORTS_PER_DATACENTER, build
from scripts import errors
from scripts.drills import failover, outage
from scripts.hosts import firewall, units
from scripts.workstation.memory import needed_mb
from tests.project.stated import FORMS, Statement, defaults, prose, statements
from tests.project.test_docs import ARGUMENTS, PROJECT, TEXTS

KNOWN = defaults()
PROSE = {page.name: prose(text) for page, text in TEXTS.items() if page.name != "CHANGES.md"}
WORDS = ("no", "one", "two", "three", "four", "five")


def found(text: str) -> list[Statement]:
    return list(statements(text, KNOWN))


def test_what_the_documentation_says_of_defaults_is_so() -> None:
    wrong = [f"{page}: {said}" for page, text in PROSE.items() for one in found(text)
             if (said := one.wrong(KNOWN))]
    assert wrong == []
    assert ("stall_s", "30") in {(one.key, one.value) for one in found(PROSE["mirrors.md"])}


@pytest.mark.parametrize("text", [
    "after `stall_s` ({} s), that", "`stall_s`\n({} s).", "`stall_s` (default {}) is",
    "`stall_s` (the default is {}, mind)", "`stall_s` (by default {} seconds).",
    "`stall_s`, default {}", "`stall_s` defaults to `{}`.", "`stall_s` is {} by default",
    "{} s by default (`stall_s`)", "the default of `stall_s` is {} s", "`stall_s` (`{}`)",
    "`stall_s` is {} unless you say otherwise", "| `stall_s` (`{}`) | seconds |",
])
def test_each_way_to_state_a_default_is_seen_and_a_wrong_one_told(text: str) -> None:
    (right,), (wrong,) = found(text.format(30)), found(text.format(31))
    assert right.wrong(KNOWN) == ""
    assert wrong.wrong(KNOWN).endswith("the default of stall_s in [mirroring] is 30")


def test_every_form_is_tried() -> None:
    """One that no text above has would be a form in which anything may be said."""
    tried = [mark.args[1] for mark in
             test_each_way_to_state_a_default_is_seen_and_a_wrong_one_told.pytestmark]
    texts = [text.format(30) for texts in tried for text in texts]
    assert all(any(form.search(text) for text in texts) for form in FORMS)


@pytest.mark.parametrize(("text", "right"), [
    ("`tick_time_ms` (2 s)", True), ("`tick_time_ms` (2000)", True), ("`tick_time_ms` (2)", False),
    ("`stall_s` (0.5 minutes)", True), ("`stall_s` (30 minutes)", False),
    ("`max_recovery_seconds` (3 min)", True), ("`port_base` (20,000)", True),
    ("`spot` (false)", True), ("`spot` (`true`)", False), ('`image` (`"al2023"`)', True),
    ('`image` (`"debian12"`)', False), ("`backend.key_prefix` (`\"kafkalab\"`)", True),
    ("`heap_mb` (192)", False), ("`heap_mb` (192) of `[connect]`", True),
    ("`heap_mb` (256) of `[connect]`", False), ("`ttl_hours` (8)", False),
])
def test_units_words_and_sections_are_understood(text: str, right: bool) -> None:
    (one,) = found(text + ".")
    assert (one.wrong(KNOWN) == "") is right


@pytest.mark.parametrize("text", [
    "`retention.ms` (3600000)", "`stall_s` and 5 s more", "`kafka = 4` and then `3`",
    "`stall_s` (see below)", "`min_insync_replicas` 2, fewer",
])
def test_what_is_no_default_of_the_lab_file_is_let_be(text: str) -> None:
    assert found(text) == []


def test_options_of_tasks_have_the_defaults_that_their_tables_tell() -> None:
    """A row tells one in parentheses; it is that of the task in the nearest command above."""
    seen = 0
    for page, text in TEXTS.items():
        for row in re.finditer(r"^\| `--([a-z-]+)(?: (\w+))?` \| (.*) \|$", text, re.MULTILINE):
            said = re.search(r"\((\d[\d,]*|default)\)$", row[3])
            if not said:
                continue
            task = re.findall(r"^\$ fab (\S+)", text[:row.start()], re.MULTILINE)[-1]
            (real,) = [one.default for one in ARGUMENTS[task] if row[1] in one.names]
            told = row[2] if said[1] == "default" else said[1].replace(",", "")
            assert str(real) == told, f"{page.name}: --{row[1]} of fab {task}"
            seen += 1
    assert seen >= 4


# What pages say in numbers that stand in the program, not in the lab file: the page, the words, and
# the number.
FIGURES = (
    ("mirrors.md", "`refresh_s` and {:g} s more", progress.HANDOVER_S),
    ("mirrors.md", "`sync_s`, and {:g} s, but", groups.MARGIN_S),
    ("mirrors.md", "but {:g} s at most", groups.LONGEST_S),
    ("mirrors.md", "more than {} records (`offset.lag.max`", OFFSET_LAG_MAX),
    ("mirrors.md", "{} MiB with the default `heap_mb` of `[connect]`",
     carried(int(KNOWN["heap_mb"]["connect"])) // MIB),
    ("failover.md", "for {} s nothing can be written", outage.DISK_S),
    ("failover.md", "less than {:g} s behind", failover.BEHIND_S),
    ("failover.md", "more than {} records were read again", OFFSET_LAG_MAX),
    ("how-it-works.md", "again after {} seconds", firewall.UNDO_SECONDS),
    ("troubleshooting.md", "at the latest after {} s", firewall.UNDO_SECONDS),
    ("troubleshooting.md", "stayed for {} s for each restart", units.STAY_SECONDS),
    ("troubleshooting.md", "cut to {} characters", errors.FOREIGN),
    ("lab-file.md", "plus {} (control)", role("control").first_offset + 1),
    ("lab-file.md", ", {}, 22 … (ZooKeeper)", role("zookeeper").first_offset + 1),
    ("lab-file.md", "or {}, 32 … (Kafka)", role("kafka").first_offset + 1),
    ("lab-file.md", "a broker's EXTERNAL port is {} more", EXTERNAL_OFFSET),
    ("lab-file.md", "`port_base` plus {} for each datacenter", PORTS_PER_DATACENTER),
)


@pytest.mark.parametrize(("page", "words", "number"), FIGURES)
def test_figures_in_prose_are_the_programs(page: str, words: str, number: float) -> None:
    assert words.format(number) in " ".join(PROSE[page].split())


def test_figures_in_words_are_the_programs() -> None:
    text = " ".join(PROSE["troubleshooting.md"].split())
    assert units.STAY_AT_MOST == 60 and "at most a minute" in text
    assert f"when it ends {WORDS[units.TRIES]} times" in text


OF_KAFKA = {
    "refresh_s": ("sources", "refresh.topics.interval.seconds"),
    "configs_s": ("sources", "sync.topic.configs.interval.seconds"),
    "checkpoint_s": ("checkpoints", "emit.checkpoints.interval.seconds"),
    "sync_s": ("checkpoints", "sync.group.offsets.interval.seconds"),
    "heartbeat_s": ("heartbeats", "emit.heartbeats.interval.seconds"),
    "offsets_partitions": ("brokers", "offsets.topic.num.partitions"),
}


def test_what_is_called_kafkas_own_default_is_that_of_its_definitions() -> None:
    """Of the options that tell it: the lab's differ on purpose, and the tables say from what."""
    told: dict[str, str] = {}
    for name, section in tables.sections().items():
        for one in tables.options(section):
            own = re.search(r"Kafka's own default(?: is (\d+)|\))", one.meaning)
            if own:
                told[one.key] = own[1] or KNOWN[one.key][name]  # "the same as"
    assert told == {
        key: definitions(kind, Kafka().version)[setting].default
        for key, (kind, setting) in OF_KAFKA.items()
    }


@pytest.mark.parametrize(("file", "words"), [
    ("lab.toml", "The default lab wants about {} GB of memory"),
    ("labs/minimal.toml", "`LAB=labs/minimal.toml make lab` wants {} GB"),
])
def test_the_memory_that_readme_tells_is_what_is_asked_for(file: str, words: str) -> None:
    topology = build(load(PROJECT / file).lab)
    gigabytes = math.ceil(needed_mb(topology.hosts, topology) / 100) / 10
    assert words.format(gigabytes) in " ".join(PROSE["README.md"].split())
