"""The memory check."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.file import load
from lab.topology import build
from scripts.errors import LabError
from scripts.workstation.memory import available_mb, check_added, check_memory, needed_mb

PROJECT = Path(__file__).parents[3]
DEFAULT = build(load(PROJECT / "lab.toml").lab)
ENTERPRISE = build(load(PROJECT / "labs" / "enterprise.toml").lab)
SMALLEST = build(load(PROJECT / "labs" / "minimal.toml").lab)


def meminfo(folder: Path, free_mb: int) -> Path:
    path = folder / "meminfo"
    path.write_text(
        f"MemTotal:       24684000 kB\nMemFree:          100000 kB\n"
        f"MemAvailable:   {free_mb * 1024} kB\nBuffers:           5000 kB\n"
    )
    return path


def test_what_can_be_had_is_read_from_the_kernel(tmp_path: Path) -> None:
    assert available_mb(meminfo(tmp_path, 1234)) == 1234
    assert available_mb(tmp_path / "absent") is None


def test_a_lab_that_does_not_fit_names_the_smallest_one(tmp_path: Path) -> None:
    with pytest.raises(LabError) as caught:
        check_memory(DEFAULT.hosts, DEFAULT, meminfo(tmp_path, 1000))
    need = needed_mb(DEFAULT.hosts, DEFAULT)
    assert f"the lab needs about {need} MB of memory, 1000 MB" in str(caught.value)
    assert "LAB=labs/minimal.toml" in str(caught.value)
    check_memory(SMALLEST.hosts, SMALLEST, meminfo(tmp_path, 1000))


def test_hosts_that_are_there_already_need_nothing_more(tmp_path: Path) -> None:
    check_memory((), DEFAULT, meminfo(tmp_path, 0))


def test_a_kernel_that_does_not_tell_stops_nobody(tmp_path: Path) -> None:
    check_memory(DEFAULT.hosts, DEFAULT, tmp_path / "absent")


def test_the_need_is_what_the_documentation_says() -> None:
    """README: about 4.5 GB for the default lab, 0.7 GB for the smallest."""
    assert 3500 <= needed_mb(DEFAULT.hosts, DEFAULT) <= 4500
    assert 400 <= needed_mb(SMALLEST.hosts, SMALLEST) <= 800
    assert 5300 <= needed_mb(ENTERPRISE.hosts, ENTERPRISE) <= 5450, "the lab file: about 5.4 GB"


def test_what_comes_to_hosts_that_are_there_has_to_fit_too(tmp_path: Path) -> None:
    check_added(3, "controller", DEFAULT, meminfo(tmp_path, 700))
    with pytest.raises(LabError, match=r"3 more of controller need about 618 MB .*, 600 MB are "):
        check_added(3, "controller", DEFAULT, meminfo(tmp_path, 600))
