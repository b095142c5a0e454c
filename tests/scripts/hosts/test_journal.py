"""One search in the logs of many hosts."""

from __future__ import annotations

import pytest

from scripts.errors import CommandError, UsageError
from scripts.hosts.fleet import Answer
from scripts.hosts.journal import search, seconds_of
from tests.fakes import FakeFleet, FakeHost

EARLY = "2026-11-27T22:40:01.000001+0900 a kafka[7]: one"
LATE = "2026-11-27T22:40:03.000001+0900 a kafka[7]: three"
BETWEEN = "2026-11-27T22:40:02.000001+0900 b zookeeper[7]: two"


def test_lines_of_all_hosts_are_in_the_order_of_time_and_the_newest_stay() -> None:
    a = FakeHost("a", {"search the logs": f"{EARLY}\n{LATE}\n"})
    b = FakeHost("b", {"search the logs": f"{BETWEEN}\n"})
    units = {"a": ("kafka.service",), "b": ("zookeeper.service",), "c": ()}
    fleet = FakeFleet([a, b])
    assert search(fleet, units, "o", seconds=60, limit=9) == [EARLY, BETWEEN, LATE]
    assert search(fleet, units, "o", seconds=60, limit=2) == [BETWEEN, LATE]


def test_what_a_person_writes_is_a_pattern_and_no_command() -> None:
    a = FakeHost("a", {"search the logs": ""})
    assert search(FakeFleet([a]), {"a": ("x.service",)}, "'; reboot #", seconds=60, limit=1) == []
    ((_, text),) = a.heard
    assert """grep -E -e ''"'"'; reboot #'""" in text and "--since -60s --unit x.service" in text


def test_a_pattern_that_is_none_is_told_once() -> None:
    wrong = Answer("", "grep: Unmatched [\n", 9)
    hosts = [FakeHost(name, {"search the logs": wrong}) for name in ("a", "b")]
    units = dict.fromkeys(("a", "b"), ("x.service",))
    with pytest.raises(UsageError, match=r"'.': grep: Unmatched . .accepted: an ext") as told:
        search(FakeFleet(hosts), units, "[", seconds=60, limit=1)
    assert not hasattr(told.value, "__notes__")
    hosts[1].replies = {"search the logs": Answer("", "no journal", 1)}
    with pytest.raises(CommandError, match="b: "):
        search(FakeFleet(hosts), units, "[", seconds=60, limit=1)


@pytest.mark.parametrize(("text", "seconds"), [
    ("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400),
])
def test_how_far_back(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0m", "2", "h", "1w", "-5m"])
def test_what_is_no_such_time_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"accepted: such as 90s, 10m, 2h or 1d"):
        seconds_of(text)
