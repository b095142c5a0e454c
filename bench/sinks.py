"""How soon a record is found in a store by way of mirror and sink, and how fast the sink is."""

from __future__ import annotations

import json
import re
import sys

from bench.drills import score
from bench.lab import LAB_FILE, MIRRORS
from bench.measure import BenchError, Ran, Sample, tail
from bench.scenarios import Bench

RATES, DURATION = (500, 1000), 20  # records/s, and seconds of load before the store is killed
INDICES = json.dumps(
    {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "1s"}
)
SINK = f"""
[[sinks]]
kind = "elasticsearch"
at = "dc2"
topics = ["dc1.orders"]
config = {{ "index.settings" = {json.dumps(INDICES)} }}
"""
RATE = re.compile(r"^(loader|sink): ([\d.]+) documents/s$", re.MULTILINE)


def lab_file() -> str:
    """The default's 14 hosts, mirrored both ways, with Elasticsearch in the second datacenter."""
    return LAB_FILE + MIRRORS + SINK


def sinks(bench: Bench) -> None:
    """Drills of the sink at each rate, and then the sink against a plain loader.

    A drill that loses a record, or has one too many, ends the benchmark.
    """
    bench.lab.configure(lab_file())
    with bench.lab.hosts(prebuilt=True):
        bench.lab.fab("up", "verify", quiet=False)
        for rate in RATES:
            ran = bench.lab.fab("drill.sink", "--rate", str(rate), "--duration", str(DURATION))
            found = score(bench, ran)
            for name in ("median", "p99"):
                bench.results.add(f"sinks-{rate}.{name}", Sample(
                    found["searchable"][name], before=ran.sample.before))
            bench.results.add(f"sinks-{rate}.catch_up", Sample(found["catch_up_seconds"]))
        argv = [sys.executable, "-m", "bench.carrying", str(bench.number)]
        rates = told(bench.lab.run("carrying", argv))
        for name, figure in rates.items():
            bench.results.add(f"sinks.{name}", Sample(figure), "documents/s")
        bench.results.add("sinks.ratio", Sample(rates["sink"] / rates["loader"]), "")


def told(ran: Ran) -> dict[str, float]:
    """Documents a second of both. Raises BenchError."""
    found = {name: float(figure) for name, figure in RATE.findall(ran.output)}
    if found.keys() != {"loader", "sink"}:
        raise BenchError(f"no rates were told:\n{tail(ran.output)}")
    return found
