"""`fab client`: what a client of one's own reads to be a user of the lab file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scripts.errors import LabError, UsageError, stranger
from scripts.tasks.cli import lab_task

if TYPE_CHECKING:
    from pathlib import Path

    from lab.topology import Datacenter
    from scripts.session import Session


def _asked(session: Session, user: str, kind: str, datacenter: str) -> tuple[Datacenter, Path]:
    """The datacenter, and the file. Raises UsageError."""
    from scripts.drivers.ready import KINDS
    from scripts.workstation.secret import CLIENTS

    users = [one for one in session.file.lab.users if not one.absent]
    found = next((one for one in users if one.name == user), None)
    if found is None:
        raise stranger("user", user, "the lab file", [one.name for one in users])
    if kind not in KINDS:
        raise UsageError(f"--for {kind}", hint=f"accepted: {', '.join(KINDS)}")
    known = list(found.datacenters) or [one.name for one in session.topology.datacenters]
    place = datacenter or known[0]
    if place not in known:
        raise stranger("datacenter", place, f"{user}'s", known)
    return (session.topology.datacenter(place),
            session.state / CLIENTS / f"{user}.{place}{KINDS[kind][0]}")


def _certified(session: Session, user: str, folder: Path) -> Path:
    """The file with a user's key and certificate. Raises LabError, UsageError."""
    from scripts.workstation.authority import NAME_LENGTH, Authority

    if len(user) > NAME_LENGTH:
        raise UsageError(f"{user}: no certificate says a name of {len(user)} letters",
                         hint=f"accepted where brokers ask for one: {NAME_LENGTH} at most")
    path = folder / f"{user}.pem"
    Authority(session.state, session.topology.lab).prove(
        user, path, days=session.file.lab.security.certificate_days)
    return path


def _plan(
    session: Session, user: str, for_: str = "python", datacenter: str = "",
) -> None:
    """What a dry run does."""
    _, path = _asked(session, user, for_, datacenter)
    print(f"would write {path}")


@lab_task(locks=False, dry=_plan, help={
    "user": "a user of the lab file",
    "for": "what reads it: python (confluent-kafka), java or kcat",
    "datacenter": "the cluster (the first that knows the user)",
})
def client(
    session: Session, user: str, for_: str = "python", datacenter: str = "",
) -> None:
    """Write a client's settings, for a user of the lab file.

    They are in a file that nobody but you may read, with the user's password where brokers ask for
    one, or beside a certificate where they ask for that. Prints where it is, and how a client
    reads it.
    """
    from scripts.drivers.ready import KINDS, proven, text, too_old
    from scripts.workstation.passwords import Passwords
    from scripts.workstation.secret import write_secret

    place, path = _asked(session, user, for_, datacenter)
    endpoint = session.context({}, session.platform.instances()).people(place)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    named = bool(endpoint.key)  # the lab's own, whose name may do everything
    if named:
        endpoint = replace(endpoint, key=str(_certified(session, user, path.parent)))
    password = Passwords(session.topology.lab).read(user) or ""
    if proven(endpoint) and not password:
        raise LabError(f"{user} has no password yet", hint="run `fab users`")
    write_secret(path, text(for_, endpoint, user, password))
    print(path)
    print(KINDS[for_][1].format(path=str(path)))
    if caution := too_old(for_, endpoint, place.config.version):
        print(f"note: {caution}")
    if not (named or proven(endpoint)):
        print(f"note: no listener of {place.name} asks for a name, so nothing of this proves that "
              f"it is {user}: for brokers it is User:ANONYMOUS with the client id {user}")
