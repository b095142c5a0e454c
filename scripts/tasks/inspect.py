"""Looking at the lab: status, verify, ssh, logs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from typing import TYPE_CHECKING

from scripts.errors import LabError, UsageError
from scripts.tasks.cli import NARROW, lab_task
from scripts.workstation.screen import duration

if TYPE_CHECKING:
    from scripts.session import Session

# Runs as root with HOST SERVICE KNOWN START and journalctl's arguments: journalctl itself says
# nothing of a unit that does not exist. START is 0 for this start, 1 for the one before. A
# local host has a journal for each (host/files/…/keep-journal), a machine one for all.
JOURNAL = """\
kept=/var/lib/kafkalab/journal start=$3
systemctl cat -- "$1" >/dev/null 2>&1 || {
  echo "error: $0: no service $1 (such as $2)" >&2; exit 2
}
unit=$(systemctl show -p Id --value -- "$1")  # the journal knows a unit by its real name only
shift 3
set -- -u "${unit:-$1}" "$@"
if [ "$start" = 0 ]; then exec journalctl "$@"; fi
if [ ! -d "$kept" ]; then exec journalctl -b "-$start" "$@"; fi
[ -d "$kept/$start" ] || {
  echo "error: $0: no log of the start -$start (a host keeps those of its last three starts)" >&2
  exit 1
}
exec journalctl -D "$kept/$start" "$@"
"""


@lab_task(
    locks=False, dry=True, help={**NARROW, "json": "print one JSON object, for programs"}
)
def status(
    session: Session, datacenter: str | None = None, host: str | None = None, json: bool = False
) -> int:
    """Show hosts, services and clusters.

    Exit status 1 when something is wrong.
    """
    from scripts.operations import surplus
    from scripts.operations.status import collect, rows
    from scripts.workstation.screen import table

    hosts = session.select(datacenter, host)
    instances = session.platform.instances()
    left = surplus.narrowed(
        surplus.surplus(session.topology, instances), {one.datacenter for one in hosts},
        everything=not (datacenter or host),
    )
    with session.fleet(instances) as fleet:
        context = session.context({}, instances, fleet)
        found = collect(
            fleet, session.topology, hosts, instances, context, left=left,
            platform=session.platform,
        )
    engine = session.engine_name
    found = {
        "lab": session.topology.lab, "platform": session.platform_name, "engine": engine, **found,
    }
    if json:
        _print_json(found)
        return 0 if found["healthy"] else 1
    columns = ("datacenter", "host", "address", "ssh", "state", "services", "detail")
    place = f"{found['platform']}, {engine}" if engine else found["platform"]
    table(f"{found['lab']} ({place})", columns, rows(found))
    for one in found["datacenters"]:
        for line in one["lines"]:
            print(line)
        for text in one["problems"]:
            print(f"problem: {one['name']}: {text}")
    for line in surplus.lines(left):
        print(line)
    return 0 if found["healthy"] else 1


@lab_task(locks=True, help=NARROW)
def verify(session: Session, datacenter: str | None = None, host: str | None = None) -> int:
    """Prove that records go in and come out.

    In each datacenter: a quorum with one leader, every broker registered, a topic made, records
    written and read back from the workstation and from the control host, the topic removed. Of
    each mirror between them: connectors running, records across, a group's offset translated.
    """
    from scripts.drivers.driver import sites
    from scripts.operations import surplus
    from scripts.operations.verify import verify as prove
    from scripts.workstation.screen import Progress, table

    began = time.monotonic()
    datacenters = session.datacenters(session.select(datacenter, host))
    names = [d.name for d in datacenters]
    needed = [h.name for d in datacenters for h in d.hosts]
    instances = session.running(needed)
    with session.fleet(instances) as fleet, Progress("verify", names) as progress:
        context = session.context({}, instances, fleet)
        left = surplus.narrowed(
            surplus.surplus(session.topology, instances), names,
            everything=not (datacenter or host),
        )
        reports = prove(sites(fleet, context, datacenters), progress, left)
    table("verify", ("where", "service", "check", "result", "seen"), [
        (report.where, line.service, line.what, "ok" if line.held else "failed", line.seen)
        for report in reports for line in report.lines
    ])
    for report in reports:
        for line in report.lines:
            if not line.held:
                print(f"failed: {report.where}: {line.what}: {line.seen}", file=sys.stderr)
    for text in surplus.lines(left):
        session.say(text)
    if not all(report.ok for report in reports):
        return 1
    proven = ", ".join(report.where for report in reports)
    session.say(f"verified {proven} in {duration(began)}")
    return 0


@lab_task(locks=False, dry=True, help={"datacenter": "the one that it is to be in (the first)"})
def container(session: Session, datacenter: str | None = None) -> None:
    """Print options for a container of your own in the lab.

    `podman run $(fab container) IMAGE`: it then reaches the brokers as hosts do, at port 9092.
    """
    from scripts.platforms.local import Local

    # What was asked for is looked at first: it is wrong on a machine without an engine, too.
    chosen = session.datacenters(session.select(datacenter, None))[0]
    if not isinstance(session.platform, Local):
        raise LabError("only a lab on this machine takes containers of it")
    print(shlex.join(session.platform.guest_options(chosen)))
    inside = session.context({}, session.platform.instances()).people(chosen, inside=True)
    print(f"{chosen.name}: bootstrap from there {inside.servers}", file=sys.stderr)


@lab_task(locks=False, help={"host": "the host's name"})
def ssh(session: Session, host: str) -> None:
    """Open a shell on HOST, whose key is known."""
    argv = session.ssh_command(host)
    sys.stdout.flush()
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - the shell takes this process's place
    except FileNotFoundError as error:
        raise LabError("no `ssh` program here", hint="install an OpenSSH client") from error


@lab_task(locks=False, dry=True, help={
    "host": "the host's name", "service": "zookeeper, kafka, ssh, …",
    "follow": "go on printing what comes", "lines": "how many lines back",
    "boot": "of which start of the host: 0 this one, -1 the one before, -2",
})
def logs(
    session: Session, host: str, service: str, *, follow: bool = False, lines: int = 100,
    boot: int = 0,
) -> None:
    """Print the log of SERVICE on HOST."""
    from lab.services.registry import running_on

    if not service.replace("-", "").replace("@", "").replace(".", "").isalnum():
        raise UsageError(f"no service {service!r}", hint="such as zookeeper or kafka")
    if boot > 0 or (boot and follow):
        raise UsageError(
            f"--boot {boot}" + (" --follow: nothing more comes there" if boot < 0 else ""),
            hint="accepted: 0, this start of the host, or -1, the one before, and so on",
        )
    argv = session.ssh_command(host, batch=True)
    there = [one.name for one in running_on(session.select(None, host)[0], session.topology)]
    journal = ["sudo", "-n", "sh", "-c", JOURNAL, host, service, ", ".join((*there, "ssh")),
               str(-boot),
               "--no-pager", "-o", "short-iso", "-n", str(lines),
               *(["-f"] if follow else [])]
    sys.stdout.flush()
    try:
        os.execvp(argv[0], [*argv, shlex.join(journal)])  # noqa: S606
    except FileNotFoundError as error:
        raise LabError("no `ssh` program here", hint="install an OpenSSH client") from error


@lab_task(locks=False, dry=True, help={
    **NARROW, "pattern": "an extended regular expression, as grep -E takes it",
    "service": "only this one's log (several: kafka,connect)",
    "since": "how far back: 90s, 10m, 2h, 1d", "limit": "the newest lines, at most so many",
})
def grep(
    session: Session, pattern: str, *, service: str = "", since: str = "1h", limit: int = 200,
    datacenter: str | None = None, host: str | None = None,
) -> int:
    """Search the logs of all services on all hosts.

    Exit status 1 where nothing fits.
    """
    from lab.services.registry import SERVICES, running_on
    from scripts.hosts.journal import search, seconds_of

    wanted = [one.strip() for one in service.split(",") if one.strip()]
    known = [name for name, one in SERVICES.items() if one.unit]
    for name in wanted:
        if name not in known:
            raise UsageError(f"no service {name!r}", hint=f"known: {', '.join(known)}")
    if limit < 1:
        raise UsageError(f"--limit {limit}", hint="accepted: 1 and more")
    seconds = seconds_of(since)
    hosts = session.select(datacenter, host)
    units = {
        one.name: tuple(str(each.unit) for each in running_on(one, session.topology)
                        if each.unit and (not wanted or each.name in wanted))
        for one in hosts
    }
    instances = session.running([name for name, mine in units.items() if mine])
    with session.fleet(instances) as fleet:
        found = search(fleet, units, pattern, seconds=seconds, limit=limit)
    for line in found:
        print(line)
    return 0 if found else 1


def _print_json(found: object) -> None:
    print(json.dumps(found, indent=2))
