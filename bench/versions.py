"""What comes with another Kafka: a fresh lab with KRaft, metadata that moves there; and what it
takes to give a new broker its share."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.lab import FAB, NAME, lab_file
from bench.measure import BenchError, Ran, Sample, tail
from bench.scenarios import Bench
from lab.versions import KRAFT, VERSIONS, ZOOKEEPER, has_zookeeper
from scripts.workstation import paths
from scripts.workstation.waiting import wait_until

# The newest of each kind, by where it keeps its metadata.
KEPT = {ZOOKEEPER: next(one for one in VERSIONS if has_zookeeper(one)), KRAFT: VERSIONS[0]}
ALONE = {"zookeeper": 3, "kafka": 3, "version": KEPT[ZOOKEEPER]}
RATE = 200  # records/s while metadata moves
LOADED_S, FLUSH_S = 15.0, 60.0  # until a load writes, and until its end
RATE_MB = 50
MOVES = re.compile(r"^dc1: (\d+) replicas? to copy, .*\(at least (\d+) ha(?:s|ve) to move\)",
                   re.MULTILINE)
TOOK = re.compile(r"^dc1: balanced in ([\d.]+) s$", re.MULTILINE)
WRITTEN = re.compile(r"^([\d,]+) records? in .*: ([\d,]+) acknowledged, ([\d,]+) failed",
                     re.MULTILINE)


def fresh(bench: Bench) -> None:
    """The default's 14 hosts without mirrors, of both kinds, and how much longer the newer takes.
    Which comes first changes from run to run."""
    kinds = list(KEPT.items())
    taken: dict[str, float] = {}
    for metadata, version in reversed(kinds) if bench.number % 2 else kinds:
        bench.lab.configure(lab_file(version=version, metadata=metadata))
        bench.lab.step("images", env={"LAB_PREBUILT": "1"}, quiet=False)
        with bench.lab.hosts(prebuilt=True) as made:
            key = f"fresh-{metadata}"
            bench.results.add(f"{key}.create", made.sample)
            taken[metadata] = made.sample.wall + bench.first(key).sample.wall
    bench.results.add("fresh.ratio", Sample(taken[KRAFT] / taken[ZOOKEEPER]), "")


def migration(bench: Bench) -> None:
    """Metadata of three servers and three brokers: on, back, on again and for good, while records
    are written."""
    bench.lab.configure(lab_file(alone=ALONE))
    with bench.lab.hosts(prebuilt=True):
        bench.lab.fab("up", "verify", quiet=False)
        bench.lab.configure(lab_file(alone={**ALONE, "metadata": KRAFT}))
        with _loaded(bench):
            for name, words in (("migrate", ("kraft.migrate",)), ("back", ("kraft.back",)),
                                ("", ("kraft.migrate",)),
                                ("finish", ("kraft.finish", "--yes", NAME))):
                ran = bench.lab.fab(*words, quiet=False)
                if name:
                    bench.results.add(f"migration.{name}", ran.sample)
        bench.lab.fab("verify", quiet=False)


@contextmanager
def _loaded(bench: Bench) -> Iterator[None]:
    """Records are written meanwhile, and counted."""
    log = bench.lab.folder / f"load-{bench.number}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [FAB, "load", "--topic", "orders", "--rate", str(RATE)], stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT, env=bench.lab.environ, cwd=paths.PROJECT,
            start_new_session=True,
        )
        try:
            wait_until(lambda: "acknowledged" in log.read_text(), timeout=LOADED_S, where="load")
            yield
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(FLUSH_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    said = log.read_text(errors="replace")
    if not (found := WRITTEN.search(said)):
        raise BenchError(f"the load told no sum:\n{tail(said)}")
    written, _, failed = (int(one.replace(",", "")) for one in found.groups())
    bench.results.add("migration.written", Sample(written), "records")
    bench.results.add("migration.failed", Sample(failed), "records")


def balance(bench: Bench) -> None:
    """A fourth broker gets its share of what three have, and how even all is then."""
    bench.lab.configure(lab_file(alone=ALONE))
    with bench.lab.hosts(prebuilt=True):
        bench.lab.fab("up", "verify", quiet=False)
        _cluster(bench, "fill")
        bench.lab.configure(lab_file(alone={**ALONE, "kafka": 4}))
        bench.lab.fab("up", quiet=False)
        ran = bench.lab.fab("kafka.balance", "--rate", str(RATE_MB))
        copied, least, took = _told(ran)
        bench.results.add("balance.took", Sample(took, before=ran.sample.before))
        figures = {"copied": copied, "least": least, **apart(_cluster(bench, "loads"))}
        for name, figure in figures.items():
            bench.results.add(f"balance.{name}", Sample(figure), "")


def _cluster(bench: Bench, action: str) -> str:
    """What a step in the cluster printed."""
    argv = [sys.executable, "-m", "bench.cluster", action]
    return bench.lab.run(action, argv, quiet=False).output


def _told(ran: Ran) -> tuple[int, int, float]:
    """Replicas copied, how many of them had to be, and the seconds that it took."""
    moves, took = MOVES.search(ran.output), TOOK.search(ran.output)
    if not moves or not took:
        raise BenchError(f"no balance was told:\n{tail(ran.output)}")
    return int(moves[1]), int(moves[2]), float(took[1])


def apart(loads: str) -> dict[str, float]:
    """By how much brokers differ. loads: a line for each, with its replicas, leaders and bytes; the
    last in percent of their mean."""
    found = {name: [int(one) for one in column] for name, column in zip(
        ("replicas", "leaders", "bytes"), zip(*map(str.split, loads.splitlines()), strict=True),
        strict=True)}
    differences = {name: float(max(some) - min(some)) for name, some in found.items()}
    mean = sum(found["bytes"]) / len(found["bytes"])
    return {**differences, "bytes": 100 * differences["bytes"] / mean}
