"""The labs of the end-to-end tests. The big one is brought up once and reused by most tests."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scripts.errors import LabError
from scripts.platforms.local import finding
from scripts.platforms.local.engine import Engine
from scripts.workstation.paths import cache_dir
from tests.e2e.lab_under_test import Lab, Run

MakeLab = Callable[..., Lab]
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


def pytest_exception_interact(
    node: pytest.Item, call: pytest.CallInfo[Any], report: pytest.TestReport
) -> None:
    """Say at once why a test fails: a run that is stopped before its end tells nothing of it."""
    reporter = node.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and call.excinfo is not None:
        reporter.write_line(f"\n{node.nodeid}: {call.excinfo.exconly()}")


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The container engine; where none can be had, the tests are skipped, but not in CI."""
    try:
        return finding.find()
    except LabError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"with CI=true there must be a container engine: {error}")
        pytest.skip(f"no container engine: {error}")


@pytest.fixture(scope="session")
def alone(engine: Engine) -> Iterator[None]:
    """One run of these tests at a time on a machine: names, networks and ports are fixed."""
    with (cache_dir() / "e2e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def _make_lab(
    engine: Engine, alone: None, tmp_path_factory: pytest.TempPathFactory
) -> MakeLab:
    def make(name: str, **fields: Any) -> Lab:
        lab = Lab(engine, tmp_path_factory.mktemp(name), f"e2e-{name}", "10.30", **fields)
        lab.fab("down")  # of a test run that was killed
        return lab

    return make


@pytest.fixture
def make_lab(_make_lab: MakeLab) -> Iterator[MakeLab]:
    """A maker of small labs, which are removed with all that belongs to them."""
    yield from _removing(_make_lab)


@pytest.fixture(scope="module")
def make_lasting(_make_lab: MakeLab) -> Iterator[MakeLab]:
    """The same, of labs that all tests of a module share."""
    yield from _removing(_make_lab)


def _removing(make_lab: MakeLab) -> Iterator[MakeLab]:
    made: list[Lab] = []

    def make(name: str, **fields: Any) -> Lab:
        made.append(make_lab(name, **fields))
        return made[-1]

    yield make
    for lab in made:
        remove(lab)


@pytest.fixture(scope="session")
def shared(_make_lab: MakeLab) -> Iterator[tuple[Lab, Run]]:
    """The big lab with the run that brought it up: a whole datacenter and a small one, unlinked."""
    lab = _make_lab("whole", first=0, port_base=30000, datacenters=(
        {"control": 1, "zookeeper": 3, "kafka": 3}, {"control": 0, "zookeeper": 1, "kafka": 1},
    ))
    try:
        yield lab, lab.fab("up")
    finally:
        remove(lab)


@pytest.fixture
def lab(request: pytest.FixtureRequest, shared: tuple[Lab, Run]) -> Iterator[Lab]:
    """The big lab, up and in order. A test that fails leaves it so for the next one, too."""
    lab, _ = shared
    yield lab
    if request.node.stash.get(FAILED, False):
        lab.settings.clear()
        lab.sections.clear()
        lab.topics = ()
        lab.write()
        lab.fab("up")


def remove(lab: Lab) -> None:
    """`fab down`, and nothing of the lab is left."""
    lab.fab("down")
    assert lab.leftovers() == []
