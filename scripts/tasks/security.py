"""Security: `fab security.status`, `.check`, `.rotate`."""

from __future__ import annotations

import datetime
import json as jsonlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from invoke import Collection

from lab.counted import counted
from lab.listeners import KINDS, wanted, words
from lab.paths import AUTHORITY, CERTIFICATES
from scripts.errors import LabError, UsageError, one_line, told
from scripts.tasks.cli import DATACENTER, lab_task

if TYPE_CHECKING:
    from scripts.drivers.driver import Site
    from scripts.session import Session
    from scripts.workstation.authority import Certificate

OPEN = "open to everybody"


@contextmanager
def _sites(session: Session, datacenter: str | None) -> Iterator[Mapping[str, Site]]:
    from scripts.drivers.driver import sites

    chosen = session.datacenters(session.select(datacenter, None))
    instances = session.running([host.name for one in chosen for host in one.hosts])
    with session.fleet(instances) as fleet:
        yield sites(fleet, session.context({}, instances, fleet), chosen)


def _shown(site: Site) -> dict[str, Certificate | None]:
    """The certificate that each broker shows now, by its host; None of those that show none."""
    from scripts.clients import tls
    from scripts.workstation.authority import read

    found: dict[str, Certificate | None] = {}
    kinds = [KINDS[one] for one in site.context.listens(site.datacenter).open]
    closed = [one for one in kinds if one.closed and one.outside]
    for host in site.carriers("kafka"):
        for kind in closed:
            address = site.context.reached.get((host.name, kind.outside))
            try:
                found[host.name] = read(tls.certificate(address)) if address else None
            except (OSError, ValueError):
                found[host.name] = None
    return found


def _left_open(site: Site) -> Iterator[str]:
    """What asks nobody for anything, whatever brokers do."""
    config = site.datacenter.config
    if config.servers:
        yield f"{site.name}: ZooKeeper is {OPEN} on the lab's network"
    if config.quorum:
        yield f"{site.name}: the controllers' listener is {OPEN} on the lab's network"


def _days(one: Certificate) -> int:
    return (one.ends - datetime.datetime.now(datetime.UTC)).days


@lab_task(locks=False, dry=True, name="security.status", help={
    "datacenter": DATACENTER, "json": "print one JSON object, for programs",
})
def status(session: Session, datacenter: str | None = None, json: bool = False) -> int:
    """Show what brokers have open, who believes whom, and until when.

    Exit status 1 when a certificate has ended or a broker that should have one shows none.
    """
    from scripts.workstation.screen import table

    rows: list[tuple[str, ...]] = []
    told: dict[str, Any] = {}
    problems: list[str] = []
    lines: list[str] = []
    with _sites(session, datacenter) as places:
        for name, site in places.items():
            listening, shown = site.context.listens(site.datacenter), _shown(site)
            for host, one in shown.items():
                ends = "shows none" if one is None else f"{one.ends:%Y-%m-%d}"
                left = "" if one is None else counted(max(_days(one), 0), "day")
                rows.append((name, host, ends, left, ", ".join(one.names) if one else ""))
                if one is None or _days(one) < 0:
                    problems.append(f"{host}: " + ("shows no certificate" if one is None
                                                   else f"its certificate ended on {ends}"))
            lines.append(f"{name}: {', '.join(listening.ordered)} open; brokers speak "
                         f"{listening.brokers}, the lab's clients {listening.clients}, people "
                         f"{listening.people}")
            at = listening
            for number, step in enumerate(site.context.coming.get(name, ()), 1):
                lines.append(f"{name}: `fab up`, step {number}: {words(at, step)}")
                at = step
            lines += _left_open(site)
            told[name] = {
                "open": list(listening.ordered), "brokers": listening.brokers,
                "clients": listening.clients, "people": listening.people,
                "steps": len(site.context.coming.get(name, ())),
                "certificates": {
                    host: None if one is None else {
                        "names": list(one.names), "begins": one.begins.isoformat(),
                        "ends": one.ends.isoformat(),
                    } for host, one in shown.items()
                },
            }
    file = session.state / CERTIFICATES / AUTHORITY
    authority = str(file) if file.exists() else None
    if json:
        print(jsonlib.dumps({
            "healthy": not problems, "problems": problems, "authority": authority,
            "datacenters": told,
        }, indent=2))
        return 1 if problems else 0
    if rows:
        table("certificates", ("datacenter", "host", "good until", "left", "names"), rows)
    for line in lines:
        print(line)
    if authority:
        print(f"clients believe {authority}")
    for text in problems:
        print(f"problem: {text}")
    return 1 if problems else 0


@lab_task(locks=True, dry=True, name="security.check", help={"datacenter": DATACENTER})
def check(session: Session, datacenter: str | None = None) -> int:
    """Try every listener and what users may do there, and listen in.

    With the lab's certificate, with none, with trust in others; with a user's password, with
    another one and none; also those that are not open. Then each user comes in, and is told what he
    may do and what not. Then a record is written and read over each listener, while all that its
    broker sends and receives is searched for it (not in a dry run: that makes topics, and where
    people log in somebody who does, and removes them). Exit status 1 when one answers that should
    not, does not answer that should, lets somebody do what the lab file does not, shows a record
    that it should hide, or when that could not be found out; not where nobody may listen in.
    """
    from scripts.drivers.listeners import tried
    from scripts.workstation.screen import table

    with _sites(session, datacenter) as places:
        found = [(name, one) for name, site in places.items() for one in tried(site)]
        left = [line for site in places.values() for line in _left_open(site)]
        table("attempts", ("datacenter", "host", "listener", "with", "what came", ""), [
            (name, one.host, one.listener, one.with_what, one.refusal or "answers",
             "as it should be" if one.held else "WRONG")
            for name, one in found
        ])
        rights = sum(_allowed(site) for site in places.values())
        heard = 0 if session.dry else sum(_listened_in(session, site) for site in places.values())
    for line in left:
        print(line)
    wrong = sum(1 for _, one in found if not one.held)
    print(f"{counted(len(found), 'attempt')}, {wrong} of them not as it should be")
    return 1 if wrong or rights or heard else 0


def _allowed(site: Site) -> int:
    """Show what each user may do in a datacenter; how much is not as it should be."""
    from scripts.drivers.permitted import permitted
    from scripts.workstation.screen import table

    found = permitted(site)
    if not found:
        return 0
    words = {True: "as it should be", False: "WRONG", None: "not proven"}
    table("rights", ("datacenter", "user", "to", "may", "is refused", ""), [
        (site.name, one.user, one.what, ", ".join(one.may) or "nothing",
         (", ".join(one.refused) or "nothing") if one.may else "everything",
         ": ".join(filter(None, (words[one.held], one.why)))) for one in found
    ], names=3)
    wrong = sum(1 for one in found if one.held is False)
    unproven = sum(1 for one in found if one.held is None)
    print(f"{site.name}: {counted(len(found), 'answer')} to users, {wrong} of them not as the lab "
          f"file says" + (f", {unproven} not proven" if unproven else ""))
    return wrong


def _listened_in(session: Session, site: Site) -> int:
    """Show what somebody who listens in sees in a datacenter; how much is not as it should be, or
    not proven though it could be."""
    from scripts.drivers.eavesdropper import Forbidden
    from scripts.drivers.wire import overheard
    from scripts.workstation.screen import table

    try:
        found = overheard(site, session.platform.begin)
    except Forbidden as error:
        print(f"{site.name}: nobody listened in: {error}")
        return 0
    except (LabError, OSError) as error:
        print(f"{site.name}: what the wire shows is not proven: {told(error) or one_line(error)}")
        return 1
    words = {True: "as it should be", False: "WRONG", None: "not proven"}
    table("on the wire", ("datacenter", "host", "listener", "a record is", ""), [
        (site.name, one.host, one.listener, one.seen, words[one.held]) for one in found
    ])
    wrong = sum(1 for one in found if one.held is False)
    unproven = sum(1 for one in found if one.held is None)
    print(f"{site.name}: listened in on {counted(len(found), 'listener')}, {wrong} of them not as "
          f"it should be" + (f", {unproven} not proven" if unproven else ""))
    return wrong + unproven


@lab_task(locks=True, name="security.rotate")
def rotate(session: Session) -> None:
    """Make new certificates for all brokers, and restart these in turn.

    Clients go on: the authority that they believe stays the same.
    """
    from scripts.drivers.listening import names
    from scripts.operations.up import deploy
    from scripts.workstation.authority import Authority

    security = session.file.lab.security
    if wanted(security).plain:
        raise UsageError("this lab's brokers have no certificates",
                         hint='with [security] listeners = "tls" in the lab file they have')
    hosts = session.topology.hosts
    instances = session.running([host.name for host in hosts])
    context = session.context({}, instances)
    made = Authority(session.state, session.topology.lab).issue(
        names(context), days=security.certificate_days, anew=True)
    session.say(f"{counted(len(made), 'certificate')} made, good for "
                f"{counted(security.certificate_days, 'day')}")
    deploy(session, hosts)


SECURITY = Collection("security")
SECURITY.add_task(status, name="status")
SECURITY.add_task(check, name="check")
SECURITY.add_task(rotate, name="rotate")
