"""The enterprise chapter's lab: how long it takes from no hosts, what it takes when it stands, and
what watching it costs."""

from __future__ import annotations

import re
import sys

from bench import runlog
from bench.lab import NAME, lab_file
from bench.measure import BenchError, Ran, Sample, tail
from bench.scenarios import Bench, without_version
from scripts.workstation.paths import PROJECT

FILE = PROJECT / "labs" / "enterprise.toml"
LAB_NAME = re.compile(r'^name = "enterprise"$', re.MULTILINE)
TURNS, LOOKS = 3, 4  # of Prometheus, every 15 s
MEMORY = re.compile(r"^(counted|resident): (\d+) MB$", re.MULTILINE)
SHARE = re.compile(r"^(\S+): (-?[\d.]+) % of a core$", re.MULTILINE)


def text() -> str:
    """The lab file as it is, but for its name: what a benchmark makes it also takes away."""
    return LAB_NAME.sub(f'name = "{NAME}"', FILE.read_text(encoding="utf-8"))


def enterprise(bench: Bench) -> None:
    """The whole of it from no hosts, with the image there; again; and then the default's mirrored
    lab, of which a second run is compared."""
    lab = bench.lab
    lab.configure(text())
    lab.step("images", env={"LAB_PREBUILT": "1"}, quiet=False)
    try:
        ran = lab.fab("up")
        for phase, seconds in runlog.phases(lab.log_of(ran, "up")).items():
            bench.results.add(f"enterprise.{without_version(phase)}", Sample(seconds))
        bench.results.add("enterprise.up", ran.sample)
        bench.results.add("enterprise.verify", lab.fab("verify", quiet=False).sample)
        second = again(bench)
        bench.results.add("enterprise.second", second)
        for name, figure in memory(lab.run("memory", module("processes"), quiet=False)).items():
            bench.results.add(f"enterprise.{name}", Sample(figure / 1000), "GB")
        shares = scraping(lab.run("scraping", module("scraping", TURNS, LOOKS), timeout=3600))
        for name, figure in shares.items():
            bench.results.add(f"scraping.{name}", Sample(figure), "% of a core")
    finally:
        lab.down()
    lab.configure(lab_file(mirrored=True))
    with lab.hosts(prebuilt=True):
        lab.fab("up", "verify", quiet=False)
        default = again(bench)
    bench.results.add("enterprise.default", default)
    bench.results.add("enterprise.ratio", Sample(second.wall / default.wall), "")


def again(bench: Bench) -> Sample:
    """`fab up` where nothing is to be done. Raises BenchError where it does something."""
    ran = bench.lab.fab("up")
    if runlog.count(bench.lab.log_of(ran, "up"), "change"):
        raise BenchError(f"the second run changed something:\n{ran.output}")
    return ran.sample


def module(name: str, *words: object) -> list[str]:
    return [sys.executable, "-m", f"bench.{name}", *map(str, words)]


def memory(ran: Ran) -> dict[str, float]:
    """MB that `fab up` counts, and that are resident. Raises BenchError."""
    found = {name: float(figure) for name, figure in MEMORY.findall(ran.output)}
    if found.keys() != {"counted", "resident"}:
        raise BenchError(f"no memory was told:\n{tail(ran.output)}")
    return found


def scraping(ran: Ran) -> dict[str, float]:
    """Per cent of a core, by what takes it. Raises BenchError."""
    found = {name: float(figure) for name, figure in SHARE.findall(ran.output)}
    if "whole" not in found:
        raise BenchError(f"no shares were told:\n{tail(ran.output)}")
    return found
