"""What all tests share: no test reaches for an outside archive or image registry."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from scripts.drivers.internals import Internals
from tests import forked

pytest_plugins = ["tests.budget", "pytester"]

os.environ.setdefault("KAFKALAB_KAFKA_SOURCES", "cache,maven")
os.environ.setdefault("KAFKALAB_IMAGE_SOURCES", "mmdebstrap")

# A shell lets what it runs in the background ignore an interrupt, and tests hand that on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Much is made here that lives to the end, and the usual rounds look through all of it.
gc.set_threshold(100_000, 20, 50)

# A machine that is busy with hosts takes its time, and that is no finding.
settings.register_profile("lab", deadline=None)
settings.load_profile("lab")

EMULATED = Path(__file__).parent / "aws"
PROJECT = Path(__file__).parents[1]
Fab = Callable[..., subprocess.CompletedProcess[str]]
# Tests side by side hold their labs against each other: each process has one of its own.
NAME = f"no-host-{os.getpid()}"
LAB = f"""\
name = "{NAME}"
owner = "ann"
[[datacenters]]
name = "dc1"
cidr = "10.31.0.0/24"
[[datacenters]]
name = "dc2"
cidr = "10.31.1.0/24"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What talks to the emulator is named by its folder, so that `make quick` can leave it out."""
    for item in items:
        if EMULATED in item.path.parents:
            item.add_marker("aws")


@pytest.fixture(autouse=True)
def _no_cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test without hosts asks no cluster: a lab of this machine may be where its lab would be."""
    if any(map(request.node.get_closest_marker, ("host", "own_port"))):
        return

    def refuse(*words: object, **_: object) -> None:
        raise AssertionError(f"a test without hosts reaches for {words}")

    for client in ("Producer", "Consumer", "admin.AdminClient"):
        monkeypatch.setattr(f"confluent_kafka.{client}", refuse)
    monkeypatch.setattr("scripts.clients.brokers.python_admin", refuse)


@pytest.fixture
def silent_internals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clusters say nothing of their internal topics, as where they do not answer."""
    monkeypatch.setattr(Internals, "_there", lambda *_: None)


@pytest.fixture
def fab(tmp_path: Path) -> Fab:
    """Runs `fab` on the lab file in `text`, in a state folder of its own."""
    def run(
        *words: str, text: str | None = LAB, state: str = ""
    ) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "lab.toml"
        if text is not None:
            path.write_text(text)
        done = forked.fab(*words, timeout=60, environment={
            **os.environ, "LAB": str(path), "XDG_STATE_HOME": state or str(tmp_path / "state"),
        })
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    return run
