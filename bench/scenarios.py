"""What is measured: each scenario makes fresh hosts, times its runs on them and removes them.

A run counts only when its end was verified: records written and read back in every datacenter.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from bench import runlog, steps
from bench.lab import FAB, REPOSITORY, BenchLab, lab_file
from bench.measure import BenchError, Ran, Sample
from bench.peers import Peers, changed
from scripts.workstation.paths import PROJECT

IMPORTS_PER_RUN = 5
# A setting that concerns nothing the benchmark does, so that only the restarts are measured.
ROLLED = "log.retention.hours"


@dataclass
class Results:
    """Every sample by `scenario.measure`, and what each first run of ours consisted of."""

    measures: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    breakdown: dict[str, list[list[dict[str, object]]]] = field(default_factory=dict)

    def add(self, key: str, sample: Sample, unit: str = "s") -> None:
        self.measures.setdefault(key, []).append(asdict(sample))
        cpu = f", {sample.cpu:.1f} CPU s" if sample.cpu is not None else ""
        noisy = " (the machine was not quiet)" if sample.before and not sample.before.quiet else ""
        counted = unit != "s" and sample.wall == int(sample.wall)
        amount = f"{sample.wall:.0f}" if counted else f"{sample.wall:.2f}"
        print(f"  {key}: {amount} {unit}{cpu}{noisy}", flush=True)


@dataclass
class Bench:
    """What a scenario works with. `number` is the run, from 0."""

    lab: BenchLab
    results: Results
    peers: Peers | None = None
    number: int = 0

    def first(self, key: str) -> Ran:
        """`fab up verify` on hosts that have nothing yet, split where the second task begins."""
        ran = self.lab.fab("up", "verify")
        up, verify = self.lab.log_of(ran, "up"), self.lab.log_of(ran, "verify")
        began = verify[0].at
        self.results.add(f"{key}.first", ran.sample)
        self.results.add(f"{key}.converge", Sample(began))
        self.results.add(f"{key}.verify", Sample(ran.sample.wall - began))
        parts = [
            {"task": task, **step}
            for task, entries in (("up", up), ("verify", verify))
            for step in runlog.breakdown(entries)
        ]
        self.results.breakdown.setdefault(key, []).append(parts)
        return ran

    def second(self, key: str) -> None:
        """`fab up`, then `fab up verify`, where nothing is to be done."""
        for name, tasks in (("second_up", ("up",)), ("second", ("up", "verify"))):
            ran = self.lab.fab(*tasks)
            if runlog.count(self.lab.log_of(ran, "up"), "change"):
                raise BenchError(f"{key}: the second run changed something:\n{ran.output}")
            self.results.add(f"{key}.{name}", ran.sample)

    def rolling(self, key: str) -> None:
        """One changed broker setting, rolled through every broker; verified afterwards."""
        self.lab.configure(lab_file(settings={ROLLED: str(100 + self.number)}))
        ran = self.lab.fab("up")
        brokers = sum(1 for host in self.lab.topology.hosts if host.role == "kafka")
        restarts = runlog.count(self.lab.log_of(ran, "up"), "restart kafka")
        if restarts != brokers:
            raise BenchError(f"{key}: {restarts} of {brokers} brokers restarted:\n{ran.output}")
        self.lab.fab("verify", quiet=False)
        self.results.add(f"{key}.rolling", ran.sample)

    def theirs(self, key: str, run: Callable[[str], Ran], *, prebuilt: bool = False) -> None:
        """A baseline on fresh hosts, twice; the second run has to change nothing."""
        self.lab.configure(lab_file())
        with self.lab.hosts(prebuilt=prebuilt):
            self.lab.step("admit-root", quiet=False)
            self.results.add(f"{key}.first", run(f"{key}-first").sample)
            again = run(f"{key}-second")
            if changed(again):
                raise BenchError(f"{key}: the second run changed something:\n{again.output}")
            self.results.add(f"{key}.second", again.sample)


def ours(bench: Bench) -> None:
    bench.lab.configure(lab_file())
    with bench.lab.hosts(prebuilt=True) as made:
        bench.results.add("ours.create", made.sample)
        bench.first("ours")
        bench.second("ours")
        bench.rolling("ours")


def network(bench: Bench) -> None:
    _without_distribution(bench, "network", kafkas_jvm=False)


def network_jvm(bench: Bench) -> None:
    _without_distribution(bench, "network-jvm", kafkas_jvm=True)


def _without_distribution(bench: Bench, key: str, *, kafkas_jvm: bool) -> None:
    bench.lab.configure(lab_file(kafkas_jvm=kafkas_jvm))
    with bench.lab.hosts(prebuilt=False) as made:
        bench.results.add(f"{key}.create", made.sample)
        bench.first(key)
        bench.second(key)


def raw(bench: Bench) -> None:
    bench.theirs("raw", lambda what: _peers(bench).raw(what, optimised=False))


def raw_opt(bench: Bench) -> None:
    bench.theirs("raw-opt", lambda what: _peers(bench).raw(what, optimised=True))


def raw_prebuilt(bench: Bench) -> None:
    run: Callable[[str], Ran] = lambda what: _peers(bench).raw(what, optimised=True)  # noqa: E731
    bench.theirs("raw-prebuilt", run, prebuilt=True)


def ansible(bench: Bench) -> None:
    bench.theirs("ansible", lambda what: _peers(bench).ansible("tuned.cfg", what))


def ansible_default(bench: Bench) -> None:
    bench.theirs("ansible-default", lambda what: _peers(bench).ansible("default.cfg", what))


def _peers(bench: Bench) -> Peers:
    if bench.peers is None:
        raise BenchError("needs the folder of the baselines: --peer FOLDER")
    return bench.peers


def imports(bench: Bench) -> None:
    """What every command pays before it begins."""
    python = sys.executable
    commands = {
        "python": [python, "-c", "pass"],
        "tasks": [python, "-c", "import scripts.tasks"],
        "fab_list": [FAB, "--list"],
    }
    for name, argv in commands.items():
        for number in range(IMPORTS_PER_RUN):
            ran = bench.lab.run(f"import-{name}", argv, quiet=not number)
            bench.results.add(f"import.{name}", ran.sample)


def without_version(phase: str) -> str:
    """The name of a phase whatever version of something it is about."""
    return re.sub(r" \d[\d.]*", "", phase)


def cold(bench: Bench) -> None:
    """From nothing to verified mirrors, as `make lab`: a Python environment, a private cache and
    images of its own; only Maven's repository and the engine's packages are kept."""
    lab = bench.lab
    lab.configure(lab_file(mirrored=True))
    cache, venv = lab.folder / "cache", lab.folder / "venv"
    env = {"XDG_CACHE_HOME": str(cache)}
    lock = str(PROJECT / "requirements-lab.lock")
    try:
        made = lab.run("venv", [str(PROJECT / "scripts" / "venv.sh"), str(venv), lock])
        bench.results.add("cold.environment", made.sample)
        ran = lab.step("up", "--repository", REPOSITORY, env=env, quiet=False)
        for phase, seconds in runlog.phases(lab.log_of(ran, "up")).items():
            bench.results.add(f"cold.{without_version(phase)}", Sample(seconds))
        bench.results.add("cold.up", ran.sample)
        bench.results.add("cold.verify", lab.fab("verify", env=env, quiet=False).sample)
    finally:
        lab.down()
        steps.remove_images(REPOSITORY)
        for folder in (cache, venv):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Scenario:
    """`peer`: needs the folder of the baselines. `usual`: runs without being asked for."""

    run: Callable[[Bench], None]
    peer: bool = False
    usual: bool = True


SCENARIOS = {
    "ours": Scenario(ours),
    "network": Scenario(network),
    "network-jvm": Scenario(network_jvm),
    "raw": Scenario(raw, peer=True),
    "raw-opt": Scenario(raw_opt, peer=True),
    "raw-prebuilt": Scenario(raw_prebuilt, peer=True, usual=False),
    "ansible": Scenario(ansible, peer=True),
    "ansible-default": Scenario(ansible_default, peer=True, usual=False),
    "import": Scenario(imports),
    "cold": Scenario(cold, usual=False),
}
