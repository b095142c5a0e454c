"""How long `fab exercise.check` takes where nothing has to be waited for."""

from __future__ import annotations

import tomllib

from bench.lab import LAB_FILE
from bench.scenarios import Bench, Scenario
from lab.file import parse
from lab.learning.needs import fits
from scripts.learning import library

CHECKS = 5  # of each solved exercise
ALONE = LAB_FILE.rpartition("[[datacenters]]")[0]  # one datacenter, with nothing beside Kafka


def checks(bench: Bench) -> None:
    """Each exercise that one datacenter of ZooKeeper is enough for: solved, and looked at."""
    bench.lab.configure(ALONE)
    names = possible(ALONE)
    with bench.lab.hosts(prebuilt=True):
        bench.lab.fab("up", "verify", quiet=False)
        for name in names:
            bench.lab.fab("exercise.solve", name, quiet=False)
            for _ in range(CHECKS):  # each has to find it solved: the exit code is 0
                bench.results.add(
                    f"checks.{name}", bench.lab.fab("exercise.check", name, quiet=False).sample)
            bench.lab.fab("exercise.reset", name, quiet=False)


def possible(lab_file: str) -> list[str]:
    """The exercises that can take place in the one datacenter of a lab file."""
    (datacenter,) = parse(tomllib.loads(lab_file)).lab.datacenters
    return [name for name in library.names()
            if fits(library.load(name).exercise, datacenter, mirrored=False)]


SCENARIO = Scenario(checks, usual=False)
