"""Rights: what a user was refused, and what it may do."""

from __future__ import annotations

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe

LAST = 2  # refusals that are told


@probe
def denied(facts: Facts, *, user: str, kind: str, name: str) -> Finding:
    """That brokers have refused a user something of a kind and a name; which kind is the answer."""
    found = facts.refusals(user)
    if any((one.kind, one.name) == (kind, name) for one in found):
        return ok(answer=kind)
    last = [f"{one.kind} {one.name}" for one in found[-LAST:]]
    return Finding("others", {"found": ", ".join(last)}) if last else Finding("none")


@probe
def granted(facts: Facts, *, user: str, topic: str, group: str) -> Finding:
    """That a user may read a topic with a group, and nothing else."""
    wanted = {f"read topic {topic}", f"read group {group}"}
    # Who may read something may describe it.
    implied = {f"describe topic {topic}", f"describe group {group}"}
    found = set(facts.rights(user))
    if not found:
        return Finding("none")
    if beyond := sorted(found - wanted - implied):
        return Finding("more", {"found": ", ".join(beyond)})
    if lacking := sorted(wanted - found):
        return Finding("fewer", {"lacking": ", ".join(lacking)})
    return ok()
