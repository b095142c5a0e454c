"""Areas with quotas, parts and their samples, and where the time of a run is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests import budget
from tests.budget import PARTS, Cell, Record, area_of, sampled
from tests.conftest import PROJECT

Run = Callable[..., pytest.RunResult]
MATRIX = """
import pytest

@pytest.mark.full("kills", sample=2)
@pytest.mark.parametrize("point", range(8))
def test_kill(point):
    pass

@pytest.fixture(params=["podman", pytest.param("docker", marks=pytest.mark.full(
    "docker", sample=0))])
def engine(request):
    return request.param

def test_host(engine):
    pass

@pytest.mark.full("kills", sample=1)
@pytest.mark.parametrize("point", range(3))
def test_both(engine, point):
    pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest with the plugin alone, on a folder of its own."""
    monkeypatch.delenv(budget.SEED, raising=False)
    monkeypatch.delenv(budget.FACTOR, raising=False)
    monkeypatch.syspath_prepend(PROJECT)
    return lambda *words: pytester.runpytest_inprocess("-p", "tests.budget", *words)


def record(pytester: pytest.Pytester, name: str = "durations") -> dict[str, Any]:
    path = pytester.path / ".pytest_cache" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize(("folders", "marked", "area"), [
    (("tests", "e2e"), (), "base"), (("tests", "security"), (), "security"),
    (("tests", "e2e", "versions", "deep"), (), "versions"),
    (("tests", "security"), ("learning",), "learning"),
])
def test_a_test_is_of_the_area_of_its_folder_or_its_marker(
    folders: tuple[str, ...], marked: tuple[str, ...], area: str
) -> None:
    assert area_of(folders, marked) == area


@pytest.mark.parametrize(("folders", "marked"), [
    ((), ("baes",)), ((), ("learning", "security")), (("learning", "security"), ()),
])
def test_a_test_of_two_areas_or_of_none_that_is_known_is_refused(
    folders: tuple[str, ...], marked: tuple[str, ...]
) -> None:
    with pytest.raises(pytest.UsageError, match="accepted: one of base, learning"):
        area_of(folders, marked)


def test_all_quotas_together_are_what_the_whole_may_take() -> None:
    assert sum(budget.QUOTAS.values()) <= 40


@given(st.integers(), st.integers(0, 6), st.integers(1, 9))
def test_a_sample_is_as_large_as_it_is_called(seed: int, sample: int, cells: int) -> None:
    group = [Cell(f"t[{n}]", "t", "kills", sample) for n in range(cells)]
    chosen = sampled(group, seed)
    assert len(chosen) == min(sample, cells)
    other = [Cell(f"u[{n}]", "u", "kills", 1) for n in range(3)]
    assert sampled([*other, *reversed(group)], seed) & {one.id for one in group} == chosen


def test_every_cell_is_chosen_by_some_seed() -> None:
    group = [Cell(f"t[{n}]", "t", "kills", 2) for n in range(8)]
    assert set.union(*(sampled(group, seed) for seed in range(60))) == {one.id for one in group}


def test_only_a_sample_runs_and_its_seed_gives_the_same_again(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(MATRIX)
    first = run()
    first.assert_outcomes(passed=2 + 1 + 1, deselected=6 + 1 + 5)
    said = first.stdout.str()
    assert re.search(r"2 of 8 of \S+::test_kill \(kills\): \[\d\], \[\d\]\n", said)
    assert "1 of 3 of" in said
    found = record(pytester)
    assert f"sampled with KAFKALAB_SEED={found['seed']}; all: make test-full" in said
    monkeypatch.setenv(budget.SEED, str(found["seed"]))
    run().assert_outcomes(passed=4, deselected=12)
    assert record(pytester)["tests"].keys() == found["tests"].keys()
    # What else is left out changes nothing of it.
    less = run("-k", "test_kill")
    less.assert_outcomes(passed=2, deselected=14)
    assert "1 of 3 of" not in less.stdout.str()
    kills = {id for id in found["tests"] if "test_kill" in id}
    assert record(pytester)["tests"].keys() == kills


def test_several_tests_may_be_one_matrix(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("""
        import pytest
        pytestmark = pytest.mark.full("drills", sample=1, of="modes")
        def test_one(): pass
        def test_two(): pass
        def test_three(): pass
    """)
    done = run()
    done.assert_outcomes(passed=1, deselected=2)
    done.stdout.fnmatch_lines(["  1 of 3 of modes (drills): test_*"])


def test_processes_side_by_side_choose_the_same_sample(
    pytester: pytest.Pytester, run: Run
) -> None:
    """Or pytest-xdist refuses them; and what they ran is timed as if it were one process."""
    pytester.makepyfile(MATRIX)
    done = run("-n", "2")
    done.assert_outcomes(passed=4)
    done.stdout.fnmatch_lines(["  2 of 8 of *::test_kill (kills): *"])
    found = record(pytester)
    assert f"sampled with KAFKALAB_SEED={found['seed']}" in done.stdout.str()
    assert [one["area"] for one in found["tests"].values()] == ["base"] * 4


def test_a_part_runs_all_its_cells_and_nothing_else(pytester: pytest.Pytester, run: Run) -> None:
    """One of two parts is of the one that is never sampled: it needs what that part needs."""
    pytester.makepyfile(MATRIX)
    run("--part", "kills").assert_outcomes(passed=8 + 3, deselected=2 + 3)
    run("--part", "docker").assert_outcomes(passed=1 + 3, deselected=8 + 1 + 3)
    assert len(record(pytester, "durations-docker")["tests"]) == 4


def test_what_a_part_skips_is_a_failure(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.full("docker", sample=0)
        def test_one():
            pytest.skip("no dockerd")
    """)
    done = run("--part", "docker")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["*skipped, and part docker runs all*"])


def test_a_part_that_is_not_there_is_a_usage_error(pytester: pytest.Pytester, run: Run) -> None:
    assert run("--part", "dokcer").ret == pytest.ExitCode.USAGE_ERROR
    pytester.makepyfile("""
        import pytest
        @pytest.mark.full("klils", sample=1)
        def test_one():
            pass
    """)
    done = run()
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    accepted = ", ".join(PARTS)
    done.stderr.fnmatch_lines([f"*part klils (accepted: {accepted})*"])


def test_an_area_over_its_quota_fails_the_run(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what its fixtures take, and no other area with it; the closing line says so."""
    monkeypatch.setitem(budget.QUOTAS, "learning", 0.2 / 60)
    pytester.mkpydir("learning")
    Path("learning/test_it.py").write_text(
        "import pytest, time\n"
        "@pytest.fixture(scope='module')\n"
        "def slow():\n"
        "    time.sleep(0.15); yield; time.sleep(0.15)\n"
        "@pytest.mark.area('security')\n"
        "def test_one(): pass\n"
        "def test_two(slow): pass\n"
    )
    done = run("-ra")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines([
        "ERROR quota of learning - learning took 0.0 of *", "=*2 passed, 1 error in *",
    ])
    assert "quota of security" not in done.stdout.str()
    monkeypatch.setenv(budget.FACTOR, "10")
    assert run().ret == pytest.ExitCode.OK


def test_steps_before_the_tests_are_of_the_base_and_shown(
    pytester: pytest.Pytester, run: Run, tmp_path: Path
) -> None:
    pytester.makepyfile("def test_one(): pass")
    steps = tmp_path / "steps.json"
    steps.write_text('{"together": 957.5, "steps": {"make lint": 800.0, "make x": 159.5}}')
    done = run("--steps", str(steps))
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines([
        "=* slowest 20, with their fixtures =*", "  800.0 s * make lint",
        "  159.5 s * make x", "*test_one",
        "=* minutes by area =*", "   16.0 of 16  base", "    0.0 of 4  learning",
        "   16.0  together",
    ])
    steps.write_text('{"together": 961.0, "steps": {}}')
    done = run("--steps", str(steps))
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["   16.0 of 16  base (too much; fails at 24)"])
    steps.write_text('{"together": 1441.0, "steps": {}}')
    assert run("--steps", str(steps)).ret == pytest.ExitCode.TESTS_FAILED


def test_the_record_tells_seconds_by_test_and_area() -> None:
    areas = {"a": "base", "b": "security"}
    made = Record(steps={"make lint": 8.0, "make x": 1.0}, together=8.0, areas=areas, rest=2.0)
    made.before = {"c": {"area": "base", "setup": 1.0, "call": 8.5, "teardown": 0.5}}
    for id, phase, seconds in (
        ("a", "setup", 1.0), ("a", "call", 2.0), ("b", "call", 451.0), ("b", "teardown", 4.0),
    ):
        made.add(id, phase, seconds)
    assert made.used() == {
        "base": 13.0, "learning": 0, "versions": 0, "integrations": 0, "security": 455.0,
    }
    assert made.over(1.0) == {"security": "security took 7.6 of 5 minutes"}
    assert made.over(1.1) == {}
    assert made.slowest()[:3] == [
        (455.0, 4.0, "b"), (10.0, 1.5, "c"), (8.0, 0.0, "make lint"),
    ]
    kept = json.loads(made.as_json(7, 1.0))
    assert (kept["seed"], kept["areas"]["security"]) == (7, {"seconds": 455.0, "quota": 300.0})
    assert kept["tests"]["a"] == {"area": "base", "setup": 1.0, "call": 2.0, "teardown": 0.0}
    assert kept["tests"]["c"] == made.before["c"]


def test_a_run_that_only_records_holds_nobody_to_a_quota(
    pytester: pytest.Pytester, run: Run, tmp_path: Path
) -> None:
    pytester.makepyfile("def test_one(): pass")
    steps, path = tmp_path / "steps.json", tmp_path / "record.json"
    steps.write_text('{"together": 5000.0}')
    assert run("--steps", str(steps), "--record", str(path)).ret == pytest.ExitCode.OK
    (one,) = json.loads(path.read_text())["tests"].values()
    assert one["area"] == "base"
