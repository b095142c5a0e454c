"""What it takes to close a lab's listeners while it runs, and what closed listeners cost."""

from __future__ import annotations

import json
import sys

from bench import runlog
from bench.lab import lab_file
from bench.measure import BenchError, Ran, Sample, tail
from bench.report import LISTENER_COSTS
from bench.scenarios import ROLLED, Bench

# The steps from plaintext to people who log in, and how [security] says each: the last one of a
# list is what brokers speak among each other.
STEPS = {"open": ["scram", "plaintext"], "over": ["plaintext", "scram"], "close": ["scram"]}
# On the way back: where plaintext and the others are open side by side, and what brokers speak.
MEASURED = {"over": "mtls", "open": "plaintext"}
UNITS = {what: title.partition(", ")[2] for what, title in LISTENER_COSTS.items()}
USER = """
[[users]]
name = "clerk"
acls = ["write topic *", "read topic *", "read group *"]
"""


def secured(*, rolled: int = 0, listeners: list[str] | None = None) -> str:
    """The default lab with its mirrors, and one user. `rolled`: a broker setting's value."""
    text = lab_file(mirrored=True, settings={ROLLED: str(rolled)} if rolled else None) + USER
    if listeners:
        text += f"\n[security]\nacls = true\nlisteners = {json.dumps(listeners)}\n"
    return text


def security(bench: Bench) -> None:
    """One rolled setting, and each step of the way, against it; and on the way back, where there
    are several side by side, what each listener costs: brokers that have just taken in so much
    would take longer to restart."""
    rolled = 100 + bench.number
    bench.lab.configure(secured())
    with bench.lab.hosts(prebuilt=True):
        bench.lab.fab("up", "verify", quiet=False)
        base = _rolled(bench, "rolling", secured(rolled=rolled))
        for step, listeners in STEPS.items():
            took = _rolled(bench, step, secured(rolled=rolled, listeners=listeners))
            bench.results.add(f"secure.{step}_ratio", Sample(took / base), "")
        bench.lab.fab("verify", quiet=False)
        for step, speaks in MEASURED.items():
            bench.lab.configure(secured(rolled=rolled, listeners=STEPS[step]))
            bench.lab.fab("up", quiet=False)
            _costs(bench, speaks)


def _rolled(bench: Bench, step: str, text: str) -> float:
    """The seconds of a `fab up` in which every broker restarts once."""
    bench.lab.configure(text)
    ran = bench.lab.fab("up", quiet=False)
    brokers = sum(1 for host in bench.lab.topology.hosts if host.role == "kafka")
    restarts = runlog.count(bench.lab.log_of(ran, "up"), "restart kafka")
    if restarts != brokers:
        raise BenchError(f"{step}: {restarts} of {brokers} brokers restarted:\n{tail(ran.output)}")
    bench.results.add(f"secure.{step}", ran.sample)
    return ran.sample.wall


def _costs(bench: Bench, speaks: str) -> None:
    argv = [sys.executable, "-m", "bench.costs", str(bench.number)]
    for name, figures in told(bench.lab.run("costs", argv, quiet=False)).items():
        for what, values in figures.items():
            for value in values:
                bench.results.add(f"cost-{speaks}-{name}.{what}", Sample(value), UNITS[what])


def told(ran: Ran) -> dict[str, dict[str, list[float]]]:
    """The figures of each listener. Raises BenchError."""
    try:
        found: dict[str, dict[str, list[float]]] = json.loads(ran.output.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise BenchError(f"no figures were told:\n{tail(ran.output)}") from error
    return found
