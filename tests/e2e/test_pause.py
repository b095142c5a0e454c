"""A lab that rests for the night: its memory is free, its data is there in the morning."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.clients import Client
from tests.e2e.lab_under_test import Lab, answers

pytestmark = pytest.mark.host

FREED = 0.95
SECONDS = 30  # to start and verify
PARTITIONS = 3
WHOLE = "100000"  # lines: more than a broker says between two starts


def test_a_lab_that_rested_goes_on_with_its_data(lab: Lab) -> None:
    client = Client(lab.bootstrap())
    client.make("overnight", PARTITIONS)
    written = {
        part: client.write("overnight", [f"{part}-{n}" for n in range(50)], part)
        for part in range(PARTITIONS)
    }
    containers = ids(lab)
    awake = memory(containers)
    assert awake > 500e6, "that is not the memory of nine hosts"

    stopped = lab.fab("lab.stop")
    assert "9 hosts" in stopped.out
    assert memory(containers) <= (1 - FREED) * awake
    assert not any(map(answers, lab.ports()))
    assert lab.fab("status", "--json", expect=1).json["healthy"] is False
    assert "nothing" in lab.fab("lab.stop").out

    started = lab.fab("lab.start", "verify")
    assert "9 hosts created or started" in started.out
    assert "verified dc1, dc2" in started.out
    assert started.seconds <= SECONDS
    broker = lab.of("kafka")[0].name
    before = lab.fab("logs", broker, "kafka", "--boot", "-1", "--lines", WHOLE).out
    assert "[KafkaServer id=1] started" in before and "shut down completed" in before
    now = lab.fab("logs", broker, "kafka", "--lines", WHOLE).out
    assert "[KafkaServer id=1] started" in now and "shut down completed" not in now
    assert ids(lab) == containers, "hosts were made anew"
    assert lab.fab("plan").out == "plan: nothing to do\n"
    last = {part: values[-1] for part, values in written.items()}
    assert client.read("overnight", last) == written


def ids(lab: Lab) -> frozenset[str]:
    """The ids of the lab's containers, running or not."""
    label = f"label=kafkalab.lab={lab.name}"
    return frozenset(lab.engine.lines("ps", "--all", "--no-trunc", "--filter", label,
                                      "--format", "{{.ID}}"))


def memory(containers: frozenset[str]) -> int:
    """Bytes that the containers' processes and the engine's helpers for them have in memory.

    A page that several share counts once (proportional set size).
    """
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cgroup").read_text() + (process / "cmdline").read_text()
            if any(one in told for one in containers):
                rollup = (process / "smaps_rollup").read_text()
                total += sum(
                    int(line.split()[1]) * 1024
                    for line in rollup.splitlines() if line.startswith("Pss:")
                )
        except OSError:  # it has ended
            continue
    return total
