"""What a probe is, and what it finds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.learning.exercise import ExerciseError
from lab.learning.facts import Facts

OK = "ok"


@dataclass(frozen=True)
class Finding:
    """What a probe found: a state, "ok" where what is claimed is so, and what was seen."""

    state: str
    seen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.state == OK

    @property
    def answer(self) -> str | None:
        """What came, where a question asked for it; None while it has not come."""
        return str(self.seen["answer"]) if self.ok and "answer" in self.seen else None


Probe = Callable[..., Finding]
PROBES: dict[str, Probe] = {}


def probe(function: Probe) -> Probe:
    """Register a probe under its function's name, "_" as "-"."""
    PROBES[function.__name__.rstrip("_").replace("_", "-")] = function
    return function


def ok(**seen: Any) -> Finding:
    return Finding(OK, seen)


def look(name: str, facts: Facts, arguments: Mapping[str, Any]) -> Finding:
    """Ask a probe. `at` among the arguments names the datacenter. Raises ExerciseError for a probe
    that there is not, or arguments that it does not take."""
    given = check(name, arguments)
    found = PROBES[name](facts.at(str(arguments.get("at", ""))), **given)
    # What was not given is no word for a sentence: it would hide a parameter of the same name.
    known = {key: value for key, value in given.items() if value is not None}
    return Finding(found.state, {**known, **found.seen})


def check(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A probe's arguments with its defaults. Raises ExerciseError for a probe that there is not, or
    arguments that it does not take."""
    if name not in PROBES:
        raise ExerciseError(f"no probe {name!r} (known: {', '.join(sorted(PROBES))})")
    rest = {key: value for key, value in arguments.items() if key != "at"}
    try:
        bound = inspect.signature(PROBES[name]).bind(None, **rest)
    except TypeError as error:
        raise ExerciseError(f"probe {name}: {error}") from None
    bound.apply_defaults()
    return dict(bound.kwargs)
