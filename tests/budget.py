"""What tests take: each is timed, each area of them has a quota, and what does not fit is sampled.

    area("learning")              this test is of another area than its folder says
    full("kills", sample=2)       of the cells of this test, `make test` runs two; the part runs all
    full("docker", sample=0)      only the part runs it
    full("drills", sample=1, of="modes")    of all tests that say so, one runs

An area is a folder's name, wherever that folder lies, or the marker's; what has neither is `base`.
Which cells are sampled hangs on a seed that is printed; KAFKALAB_SEED chooses the same ones again.
With --part NAME exactly the tests of that part run, each cell, none skipped, and without quotas.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Minutes on two cores, for good: what does not fit becomes faster, or goes to a part.
QUOTAS = {"base": 16, "learning": 4, "versions": 7, "integrations": 6, "security": 5}
BASE = "base"
# Another program on the machine costs a run this much and more: what is over its quota by less is
# told, and not held to be the tests' own fault.
NOISE = 1.5
PARTS = {
    "kills": "a run is killed at every point that is known to leave something behind",
    "faults": "all that may befall hosts and mirrors is told, and mended",
    "drills": "each kind of failure is rehearsed, and each end of a drill that is cut short",
    "extending": "a service is added, its packages too; each line that registers it is left out",
    "exercises": "every exercise is solved, and done wrong in each way that is known",
    "versions": "a lab of each version of Kafka, with each place for its metadata",
    "integrations": "what runs beside Kafka: each alert, clients in Java, stores killed under load",
    "security": "listeners change under load, with ZooKeeper and with KRaft",
    "docker": "the hosts under Docker, whose daemon is started for these tests",
}
SLOWEST = 20
SEED = "KAFKALAB_SEED"
FACTOR = "KAFKALAB_QUOTA_FACTOR"  # for a machine that is known to be slower than two cores of today
AREA, SAMPLE = "area", "sample"  # what a report tells of its test
PHASES = ("setup", "call", "teardown")
RECORDS = Path(".pytest_cache")


def area_of(folders: Iterable[str], marked: Sequence[str] = ()) -> str:
    """The one area of a test. Raises UsageError for one that is not known, or several."""
    found = set(marked) or set(folders) & QUOTAS.keys() or {BASE}
    if len(found) > 1 or not found <= QUOTAS.keys():
        raise pytest.UsageError(
            f"area {', '.join(sorted(found))} (accepted: one of {', '.join(QUOTAS)})"
        )
    return found.pop()


@dataclass(frozen=True)
class Cell:
    """A test that is of a part: one cell of `group`, of which `sample` run in `make test`."""

    id: str
    group: str
    part: str
    sample: int


def sampled(cells: Iterable[Cell], seed: int) -> set[str]:
    """The ids of those cells that run; the same for a seed, whatever other tests there are."""
    groups: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for cell in cells:
        groups[cell.group, cell.part, cell.sample].append(cell.id)
    return {
        id
        for (group, part, sample), ids in groups.items()
        for id in random.Random(f"{seed} {group} {part}").sample(
            sorted(ids), min(sample, len(ids))
        )
    }


@dataclass
class Record:
    """The seconds of a run: of its steps before the tests, of each test's phases, of the rest."""

    steps: Mapping[str, float] = field(default_factory=dict)
    together: float = 0.0  # what the steps took: less than their sum, where some ran side by side
    areas: dict[str, str] = field(default_factory=dict)  # by the test's id
    phases: dict[str, dict[str, float]] = field(default_factory=dict)
    rest: float = 0.0  # collecting, and what lies between tests
    # Tests of a run before this, as `as_json` has them, whose time is within `together`.
    before: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def add(self, id: str, phase: str, seconds: float) -> None:
        phases = self.phases.setdefault(id, dict.fromkeys(PHASES, 0.0))
        phases[phase] += seconds

    def tests(self) -> float:
        return sum(sum(phases.values()) for phases in self.phases.values())

    def used(self) -> dict[str, float]:
        """Seconds by area; what belongs to no test is of the base."""
        used = dict.fromkeys(QUOTAS, 0.0)
        used[BASE] = self.together + self.rest
        for id, phases in self.phases.items():
            used[self.areas[id]] += sum(phases.values())
        return used

    def over(self, factor: float) -> dict[str, str]:
        """What there is to say of each area that used so much more than its quota that it fails."""
        return {
            area: f"{area} took {seconds / 60:.1f} of {QUOTAS[area] * factor:g} minutes"
            for area, seconds in self.used().items()
            if seconds > QUOTAS[area] * factor * NOISE * 60
        }

    def slowest(self) -> list[tuple[float, float, str]]:
        """(seconds, those of its fixtures, what) of the slowest tests and steps."""
        tests = [
            (sum(phases.values()), phases["setup"] + phases["teardown"], id)
            for id, phases in self.phases.items()
        ]
        tests += [
            (sum(one[name] for name in PHASES), one["setup"] + one["teardown"], id)
            for id, one in self.before.items()
        ]
        steps = [(seconds, 0.0, name) for name, seconds in self.steps.items()]
        return sorted([*tests, *steps], reverse=True)[:SLOWEST]

    def as_json(self, seed: int, factor: float) -> str:
        used = self.used()
        areas = {
            area: {"seconds": round(used[area], 2), "quota": QUOTAS[area] * 60 * factor}
            for area in QUOTAS
        }
        tests = {
            **self.before,
            **{id: {"area": self.areas[id], **{name: round(s, 3) for name, s in phases.items()}}
            for id, phases in self.phases.items()},
        }
        steps = {name: round(seconds, 2) for name, seconds in self.steps.items()}
        return json.dumps({
            "seed": seed, "areas": areas, "steps": steps, "rest": round(self.rest, 2),
            "tests": tests,
        }, indent=1) + "\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("budget", "what tests may take")
    group.addoption("--part", metavar="NAME", help="run all of what `make test` only samples from: "
                    + ", ".join(PARTS))
    group.addoption("--steps", metavar="FILE", type=Path,
                    help="what went before, as JSON (see Record); shows where time went")
    group.addoption("--record", metavar="FILE", type=Path,
                    help="where to write what the tests took; no quota is looked at then")


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        f"area(name): whose quota the test uses: {', '.join(QUOTAS)}",
        "full(part, sample, of=its cells): only `make test-full` runs all of these",
    ):
        config.addinivalue_line("markers", line)
    part = config.getoption("part")
    if part not in (None, *PARTS):
        raise pytest.UsageError(f"--part {part} (accepted: {', '.join(PARTS)})")
    config.pluginmanager.register(Budget(config), "kafkalab-budget")


class Budget:
    """One run of pytest: chooses, times, and holds each area to its quota."""

    def __init__(self, config: pytest.Config) -> None:
        self.part: str | None = config.getoption("part")
        steps: Path | None = config.getoption("steps")
        self.records: Path | None = config.getoption("record")
        self.shows = bool(steps or self.part) and not config.option.collectonly
        # With pytest-xdist others run the tests, with the seed of the one that hears of them.
        told: Mapping[str, int] = getattr(config, "workerinput", {})
        self.works_for_another = bool(told)
        self.seed = told.get(SEED) or int(_number(SEED, random.SystemRandom().randrange(10**6)))
        self.factor = _number(FACTOR, 1.0)
        self.record = Record(**json.loads(steps.read_text()) if steps else {})
        self.path = self.records or config.rootpath / RECORDS / (
            f"durations-{self.part}.json" if self.part else "durations.json"
        )
        self.samples: dict[tuple[str, str, int], list[str]] = defaultdict(list)
        self.skipped: list[str] = []
        self._began = time.monotonic()

    def pytest_report_header(self) -> str:
        if self.part:
            return f"part: {self.part} ({PARTS[self.part]})"
        return f"sample: {SEED}={self.seed}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[SEED] = self.seed

    @pytest.hookimpl(tryfirst=True)  # before -k and -m: they must not change what is sampled
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        cells = {item.nodeid: cell for item in items if (cell := _cell(item))}
        all_of = Counter((cell.part, cell.group) for cell in cells.values())
        for item in items:
            folders = item.nodeid.partition("::")[0].split("/")[:-1]
            marked = [str(mark.args[0]) for mark in item.iter_markers("area")]
            # What a report says of its test, also where another process has run it.
            item.user_properties.append((AREA, area_of(folders, marked)))
            if cell := cells.get(item.nodeid):
                key = cell.part, cell.group
                item.user_properties.append((SAMPLE, [*key, all_of[key]]))
        keep = self._in_part(cells) if self.part else self._in_sample(cells, items)
        dropped = [item for item in items if item.nodeid not in keep]
        if dropped:
            config.hook.pytest_deselected(items=dropped)
            items[:] = [item for item in items if item.nodeid in keep]

    def _in_part(self, cells: Mapping[str, Cell]) -> set[str]:
        return {id for id, cell in cells.items() if cell.part == self.part}

    def _in_sample(self, cells: Mapping[str, Cell], items: Sequence[pytest.Item]) -> set[str]:
        return {item.nodeid for item in items} - cells.keys() | sampled(cells.values(), self.seed)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told: dict[str, Any] = dict(report.user_properties)
        if AREA in told and report.when:
            self.record.areas[report.nodeid] = told[AREA]
            self.record.add(report.nodeid, report.when, report.duration)
            if SAMPLE in told and report.when == "setup":
                self.samples[tuple(told[SAMPLE])].append(report.nodeid)
            if report.skipped and not hasattr(report, "wasxfail"):
                self.skipped.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.config.option.collectonly or self.works_for_another:
            return
        self.record.rest = max(0.0, time.monotonic() - self._began - self.record.tests())
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(self.record.as_json(self.seed, self.factor))
        if self.part:
            failures = dict.fromkeys(self.skipped, f"skipped, and part {self.part} runs all")
        elif self.records:
            failures = {}
        else:
            failures = {f"quota of {area}": text
                        for area, text in self.record.over(self.factor).items()}
        for id, text in failures.items():
            # An error like that of a test: in the summary, the closing line and the exit status.
            session.config.hook.pytest_runtest_logreport(report=pytest.TestReport(
                nodeid=id, location=(id, None, id), keywords={}, outcome="failed", longrepr=text,
                when="teardown",
            ))
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.shows:
            terminalreporter.write_sep("=", f"slowest {SLOWEST}, with their fixtures")
            for seconds, fixtures, what in self.record.slowest():
                terminalreporter.write_line(f"{seconds:7.1f} s {_of(fixtures)} {what}")
            terminalreporter.write_sep("=", "minutes by area")
            for line in self._by_area():
                terminalreporter.write_line(line)
        if self.samples and not self.part:
            terminalreporter.write_line(f"sampled with {SEED}={self.seed}; all: make test-full")
            for (part, group, count), ran in self.samples.items():
                names = ", ".join(id.removeprefix(group).rpartition("::")[2] for id in ran)
                terminalreporter.write_line(
                    f"  {len(ran)} of {count} of {group} ({part}): {names}"
                )

    def _by_area(self) -> Iterable[str]:
        used = self.record.used()
        for area, minutes in QUOTAS.items():
            quota = "" if self.part else f" of {minutes * self.factor:g}"
            if used[area] or not self.part:
                over = used[area] > minutes * self.factor * 60 and not self.part
                note = f" (too much; fails at {minutes * self.factor * NOISE:g})" if over else ""
                yield f"{used[area] / 60:7.1f}{quota}  {area}{note}"
        yield f"{sum(used.values()) / 60:7.1f}  together"


def _cell(item: pytest.Item) -> Cell | None:
    """What the markers of a part say of a test; of several, the one that samples least decides."""
    found = []
    for mark in item.iter_markers("full"):
        part, sample = str(mark.args[0]), mark.kwargs["sample"]
        if part not in PARTS:
            raise pytest.UsageError(f"{item.nodeid}: part {part} (accepted: {', '.join(PARTS)})")
        group = str(mark.kwargs.get("of", item.nodeid.partition("[")[0]))
        found.append(Cell(item.nodeid, group, part, sample))
    return min(found, key=lambda cell: cell.sample, default=None)


def _number(name: str, default: float) -> float:
    """A number from the environment. Raises UsageError for something else."""
    text = os.environ.get(name)
    try:
        return float(text) if text else default
    except ValueError:
        raise pytest.UsageError(f"{name}={text} (accepted: a number)") from None


def _of(fixtures: float) -> str:
    return f"({fixtures:5.1f} s)" if fixtures >= 0.1 else " " * 9
