"""How long `fab exercise.check` takes where nothing has to be waited for."""

from __future__ import annotations

from bench.lab import LAB_FILE
from bench.scenarios import Bench, Scenario
from scripts.learning import library

CHECKS = 5  # of each solved exercise


def checks(bench: Bench) -> None:
    """Each exercise that one datacenter of ZooKeeper is enough for: solved, and looked at."""
    bench.lab.configure(LAB_FILE.rpartition("[[datacenters]]")[0])
    names = [name for name in library.names() if alone(name)]
    with bench.lab.hosts(prebuilt=True):
        bench.lab.fab("up", "verify", quiet=False)
        for name in names:
            bench.lab.fab("exercise.solve", name, quiet=False)
            for _ in range(CHECKS):  # each has to find it solved: the exit code is 0
                bench.results.add(
                    f"checks.{name}", bench.lab.fab("exercise.check", name, quiet=False).sample)
            bench.lab.fab("exercise.reset", name, quiet=False)


def alone(name: str) -> bool:
    """Whether an exercise needs neither a mirror nor Kafka of today, nor one that is upgraded."""
    exercise = library.load(name).exercise
    return not (exercise.mirror or exercise.begins) and exercise.metadata != "kraft"


SCENARIO = Scenario(checks, usual=False)
