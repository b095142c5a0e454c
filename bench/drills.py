"""What mirrors take, and failovers: one drill of each mode, in turn, scored from its records."""

from __future__ import annotations

import json
from typing import Any

from bench.lab import lab_file
from bench.measure import BenchError, Ran, Sample
from bench.report import COUNTED
from bench.scenarios import Bench

RATE, DURATION = 1000, 20  # records/s, and seconds of each part
DRILLS = {
    "hosts": ("--from", "dc1", "--to", "dc2", "--failback"),
    "services": ("--from", "dc2", "--to", "dc1", "--failback"),
    "link": ("--from", "dc1", "--to", "dc2", "--failback"),
}
# Figures of a score by the name under which they are kept.
COSTS = {"rto": "rto_seconds", "rpo": "rpo_seconds", "records": "rpo_records",
         "again": "duplicates", "write": "write_gap_seconds"}
RETURNS = {"home": "home_rto_seconds", "catch_up": "catch_up_seconds"}


def mirrors(bench: Bench) -> None:
    """A lab that mirrors both ways, from hosts to verified mirrors."""
    bench.lab.configure(lab_file(mirrored=True))
    with bench.lab.hosts(prebuilt=True) as made:
        bench.results.add("mirrors.create", made.sample)
        bench.first("mirrors")
        bench.second("mirrors")


def failovers(bench: Bench) -> None:
    """A failover and a return of each kind in such a lab.

    A drill that loses or skips a record ends the benchmark: its exit status is not 0.
    """
    bench.lab.configure(lab_file(mirrored=True))
    with bench.lab.hosts(prebuilt=True):
        bench.lab.fab("up", "verify", quiet=False)
        for mode, words in DRILLS.items():
            ran = bench.lab.fab(
                "drill.failover", *words, "--mode", mode,
                "--rate", str(RATE), "--duration", str(DURATION),
            )
            _keep(bench, f"failover-{mode}", ran)


def _keep(bench: Bench, key: str, ran: Ran) -> None:
    found = score(bench, ran)
    for name, figure in COSTS.items():
        unit = "records" if name in COUNTED else "s"
        bench.results.add(f"{key}.{name}", Sample(found[figure]), unit)
    for name, figure in RETURNS.items():
        bench.results.add(f"{key}.{name}", Sample(found["failback"][figure]))
    # How long mirrors take does not hang on what fails afterwards: all drills are one sample each.
    before = ran.sample.before
    bench.results.add("latency.median", Sample(found["mirror_latency"]["median"], before=before))
    bench.results.add("latency.p99", Sample(found["mirror_latency"]["p99"]))


def score(bench: Bench, ran: Ran) -> dict[str, Any]:
    """What a drill counted, from the file that it left. Raises BenchError."""
    found = list((bench.lab.state / "drills").glob(f"*-{ran.pid}.json"))
    if len(found) != 1:
        raise BenchError(f"{len(found)} scores of process {ran.pid}")
    counted: dict[str, Any] = json.loads(found[0].read_text(encoding="utf-8"))["score"]
    return counted
