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
# Rows named by their records' places, which is the same work as the documents' above; and by their
# keys, which is what a sink into HBase does unasked.
ROWS = """
[[sinks]]
kind = "hbase"
name = "places"
id = "place"
at = "dc2"
topics = ["dc1.orders"]

[[sinks]]
kind = "hbase"
name = "keys"
at = "dc2"
topics = ["dc1.orders"]
config = { "topic.table.map" = "dc1.orders:keys" }
"""
RATE = re.compile(r"^(\S+) (loader|sink): ([\d.]+) records/s$", re.MULTILINE)
CALLED = {"elasticsearch": "sinks", "places": "sinks-places", "keys": "sinks-keys"}


def lab_file(sinks: str = SINK) -> str:
    """The default's 14 hosts, mirrored both ways, with a store in the second datacenter:
    Elasticsearch, where nothing else is said."""
    return LAB_FILE + MIRRORS + sinks


def sinks(bench: Bench) -> None:
    """Drills of the sink at each rate, and then the sink against a plain loader; and the same of
    HBase, on hosts that have no Elasticsearch any more.

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
        carrying(bench)
        bench.lab.configure(lab_file(ROWS))
        bench.lab.fab("up", "verify", quiet=False)
        carrying(bench)


def carrying(bench: Bench) -> None:
    """The sinks of the lab as it is, each against a loader."""
    argv = [sys.executable, "-m", "bench.carrying", str(bench.number)]
    for name, rates in told(bench.lab.run("carrying", argv)).items():
        for way, figure in rates.items():
            bench.results.add(f"{CALLED[name]}.{way}", Sample(figure), "records/s")
        bench.results.add(f"{CALLED[name]}.ratio", Sample(rates["sink"] / rates["loader"]), "")


def told(ran: Ran) -> dict[str, dict[str, float]]:
    """Records a second of both, by the name of the sink. Raises BenchError."""
    found: dict[str, dict[str, float]] = {}
    for name, way, figure in RATE.findall(ran.output):
        found.setdefault(name, {})[way] = float(figure)
    if not found or any(one.keys() != {"loader", "sink"} for one in found.values()):
        raise BenchError(f"no rates were told:\n{tail(ran.output)}")
    return found
