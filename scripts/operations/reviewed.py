"""A plan as one object for programs, and whether a later one does only what it showed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.counted import counted
from lab.services.registry import roles
from lab.state import Change, File
from lab.topology import Host
from scripts.errors import LabError, UsageError, one_line
from scripts.hosts.converge import HostPlan
from scripts.operations.described import INDENT, describe_change
from scripts.operations.plan import Plan, gather, told
from scripts.platforms import Instance
from scripts.session import Session

FORMAT = 1
AGAIN = "plan again, and have that reviewed"
TOLD = 5  # of what differs, so many are told


def document(session: Session, hosts: Sequence[Host], *, narrowed: bool = False) -> dict[str, Any]:
    """The plan for `hosts`, for programs; docs/status.md has the fields. What secret files hold is
    in none of them. Raises LabError for hosts that nothing lets in."""
    instances = session.platform.instances()
    plan = gather(session, hosts, instances, narrowed=narrowed)
    return {
        "format": FORMAT, "lab": session.topology.lab, "platform": session.platform_name,
        "changes": plan.count, "summary": plan.summary(),
        "hosts": [_host(session, one, plan) for one in hosts],
        "clusters": list(plan.things),
        "restarts": list(plan.restarts),
        "passages": [one.summary for one in plan.passages if one.summary],
        "leaving": plan.going.names,
        "groundwork": list(plan.groundwork),
        "notes": list(plan.notes),
        "refused": list(plan.refused),
        "warnings": [str(one) for one in session.file.warnings],
        "lines": list(told(session, plan, instances)),
    }


def _host(session: Session, host: Host, plan: Plan) -> dict[str, Any]:
    state = "running"
    if host in plan.absent:
        state = "stopped" if host in plan.stopped else "absent"
    elif host.name in plan.unreached:
        state = "unreached"
    own = plan.hosts.get(host.name, HostPlan(host, ()))
    return {
        "name": host.name, "datacenter": host.datacenter, "address": str(host.address),
        "roles": list(roles(host, session.topology)), "state": state,
        "changes": [described(one) for one in own.changes],
    }


def described(change: Change) -> dict[str, Any]:
    """A change of a host, for programs."""
    return {
        "kind": change.key.kind, "name": change.key.name,
        "secret": any(isinstance(one, File) and one.secret
                      for one in (change.before, change.after)),
        "restarts": change.restarts,
        "lines": [line.removeprefix(INDENT) for line in describe_change(change)],
    }


def read(path: Path, lab: str) -> dict[str, Any]:
    """A plan that `fab plan --json` has printed. Raises UsageError for anything else."""
    hint = "accepted: a file with what `fab plan --json` has printed"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        fits = found["format"] == FORMAT and isinstance(found["hosts"], list)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--reviewed {path}: {one_line(error)}", hint=hint) from error
    if not fits:
        raise UsageError(f"--reviewed {path}: another format", hint=hint)
    if found["lab"] != lab:
        raise UsageError(f"--reviewed {path}: a plan of {found['lab']}, not of {lab}", hint=hint)
    return dict(found)


def hold(session: Session, hosts: Sequence[Host], path: Path, *, narrowed: bool) -> None:
    """Raises LabError, before anything is touched, unless all that would be done for `hosts` was
    shown in the plan at `path`; what was done since, or need not be done any more, is fine."""
    shown = read(path, session.topology.lab)
    _meet(session, hosts)
    now = document(session, hosts, narrowed=narrowed)
    if strange := list(unshown(shown, now)):
        rest = f", and {len(strange) - TOLD} more" if len(strange) > TOLD else ""
        raise LabError(
            f"{counted(len(strange), 'change was', 'changes were')} not in the plan that was "
            f"reviewed, and nothing was done: {'; '.join(strange[:TOLD])}{rest}", hint=AGAIN,
        )


def _meet(session: Session, hosts: Sequence[Host]) -> None:
    """Learn the keys of hosts that others have made, which a plan only looks up."""
    names = {host.name for host in hosts}
    there: Mapping[str, Instance] = session.platform.instances()
    new = {name for name, one in there.items() if one.running and not one.host_key} & names
    if new and session.platform_name != "local":
        session.platform.create({}, new)


def unshown(shown: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What of a plan is not in another, in a few words each.

    Of a host that was not there yet nothing could be shown, so that all of it was; when it is there
    by now, that it was to be made or started is no change any more. The order of restarts follows
    from who leads at the moment.
    """
    before = {one["name"]: one for one in shown["hosts"]}
    for host in now["hosts"]:
        name, old = host["name"], before.get(host["name"])
        if old is None:
            yield f"{name} was not in it"
        elif host["state"] == "running":
            if old["state"] == "running":
                seen = {_part(one) for one in old["changes"]}
                yield from (f"{name}: {words(one)}" for one in host["changes"]
                            if _part(one) not in seen)
        elif old["state"] != host["state"]:
            yield f"{name} is {host['state']}"
    for what in ("clusters", "passages", "leaving", "groundwork"):
        yield from (text for text in now[what] if text not in shown[what])


def _part(change: Mapping[str, Any]) -> tuple[str, ...]:
    return (change["kind"], change["name"], *change["lines"])


def words(change: Mapping[str, Any]) -> str:
    """A change of a host in a few words: what is done where it is a line, else what it is of."""
    lines = change["lines"]
    return lines[0] if len(lines) == 1 else f"{change['kind']} {change['name']}"
