"""`python -m bench`: run scenarios, keep every sample as JSON, write the tables."""

from __future__ import annotations

import argparse
import fcntl
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bench import machine, report
from bench.checks import SCENARIO as CHECKS
from bench.drills import failovers, mirrors
from bench.enterprise import enterprise
from bench.lab import bench_lab
from bench.many import SCENARIO as MANY
from bench.measure import BenchError
from bench.peers import ANSIBLE, Peers
from bench.picture import page, picture
from bench.scenarios import SCENARIOS as PLAIN, Bench, Results, Scenario
from bench.security import security
from bench.sinks import sinks
from bench.versions import balance, fresh, migration
from lab.artifacts import kafka
from scripts.errors import LabError
from scripts.software.obtain import obtain
from scripts.workstation.paths import PROJECT, cache_dir

SCENARIOS = {
    **PLAIN, "many": MANY, "mirrors": Scenario(mirrors), "failovers": Scenario(failovers),
    "page": Scenario(page), "picture": Scenario(picture), "checks": CHECKS,
    "fresh": Scenario(fresh), "migration": Scenario(migration), "balance": Scenario(balance),
    "sinks": Scenario(sinks), "security": Scenario(security), "enterprise": Scenario(enterprise),
}
RESULTS = Path(__file__).parent / "results"
PAGE = PROJECT / "docs" / "performance.md"


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    signal.signal(signal.SIGTERM, _stop)
    try:
        if arguments.render:
            result = report.merge([json.loads(path.read_text()) for path in arguments.render])
        else:
            result = _measure(arguments)
        text = report.render(result)
        print(f"\n{text}")
        if arguments.page or not arguments.only:
            report.write(PAGE, text)
            print(f"\nwritten to {PAGE}")
    except (BenchError, LabError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _stop(number: int, frame: object) -> None:
    """End as after an error, so that hosts and what runs on them are taken away."""
    raise SystemExit(128 + number)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--peer", type=Path, help="folder with the baselines, ansible/ and raw/")
    parser.add_argument("--runs", type=int, default=3, help="of each scenario (default 3)")
    parser.add_argument("--only", help=f"some of {', '.join(SCENARIOS)}; leaves the page alone")
    parser.add_argument("--all", action="store_true", help="also what takes minutes more")
    parser.add_argument("--quiet", type=float, default=60, metavar="S",
                        help="wait at most so long for a quiet machine (default 60)")
    parser.add_argument("--output", type=Path, help="the JSON file (default in bench/results)")
    parser.add_argument("--render", type=Path, nargs="+", metavar="JSON",
                        help="measure nothing, write the page from these results")
    parser.add_argument("--page", action="store_true", help="write the page also after --only")
    arguments = parser.parse_args(argv)
    if arguments.runs < 1:
        parser.error("--runs has to be at least 1")
    arguments.names = _chosen(arguments, parser)
    return arguments


def _chosen(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> list[str]:
    """The scenarios to run, in the order of the table."""
    if arguments.only:
        names = [name.strip() for name in arguments.only.split(",") if name.strip()]
        if unknown := sorted(set(names) - set(SCENARIOS)):
            parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
        needing = [name for name in names if SCENARIOS[name].peer]
        if needing and not arguments.peer:
            parser.error(f"{', '.join(needing)}: needs --peer FOLDER")
        return [name for name in SCENARIOS if name in names]
    return [
        name for name, one in SCENARIOS.items()
        if (one.usual or arguments.all) and (arguments.peer or not one.peer)
    ]


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All runs, the scenarios taking turns; the JSON file is whole after every scenario."""
    results = Results()
    facts = machine.facts()
    if any(name.startswith("ansible") for name in arguments.names):
        facts["ansible"] = ANSIBLE
    began = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    output = arguments.output or RESULTS / f"{began}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "machine": facts, "runs": arguments.runs, "scenarios": arguments.names, "failed": None,
        "measures": results.measures, "breakdown": results.breakdown,
    }
    try:
        with _alone(), bench_lab(arguments.quiet) as lab:
            bench = Bench(lab, results)
            if arguments.peer:
                software = obtain(kafka(lab.topology.config.kafka.version))
                bench.peers = Peers(arguments.peer, lab, software)
            for bench.number in range(arguments.runs):
                for name in arguments.names:
                    print(f"run {bench.number + 1} of {arguments.runs}: {name}", flush=True)
                    SCENARIOS[name].run(bench)
                    _keep(output, result)
    except BaseException as error:
        result["failed"] = f"{type(error).__name__}: {error}"
        _keep(output, result)
        raise
    print(f"\nevery sample: {output}")
    return result


def _keep(path: Path, result: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(path)


def _alone() -> Any:
    """Only one benchmark at a time on this machine. The lock goes with the returned file."""
    folder = cache_dir() / "bench"
    folder.mkdir(exist_ok=True)
    file = (folder / ".lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise BenchError("another benchmark is running") from error
    return file


if __name__ == "__main__":
    sys.exit(main())
