"""The listeners of a cluster tried one by one: as the lab file means them, with the right
certificate, with a stranger's, and without one; where people log in, with a user's password, with
another one, and with none; and those that are closed, whether they are."""

from __future__ import annotations

import inspect
import json
import secrets
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from lab.counted import counted
from lab.listeners import KERBEROS, KINDS, Issued, Kind
from lab.resources import USER
from lab.services.context import CA, FOLDER, OWN
from lab.services.users import of_datacenter
from lab.topology import Host
from scripts.clients import scram, tls
from scripts.drivers.driver import Site
from scripts.drivers.tickets import tickets_tried
from scripts.drivers.tries import Try
from scripts.errors import LabError, TimeoutExpired
from scripts.workstation.passwords import Passwords
from scripts.workstation.waiting import wait_until

NAME = "kafka"
ASK_SECONDS = 60.0
KNOWN_SECONDS = 5.0  # until each broker knows a password that one of them was told
# Tries listeners from a host: one a line, and for each nothing or why not. What logs in stands
# before it (scripts.clients.scram), and passwords come the same way, on standard input.
INSIDE = """\
python3 - @CA@ <<'PYTHON'
@SCRAM@
import json, ssl, sys
for name, port, closed, key, words in json.loads('''@LIST@'''):
    try:
        there = socket.create_connection((name, port), 5)
        if closed:
            trust = ssl.create_default_context(cafile=sys.argv[1])
            if key:
                trust.load_cert_chain(key)
            there = trust.wrap_socket(there, server_hostname=name)
        print(attempt(there, *words) or "answers")
    except ssl.SSLError as error:
        print("refused by TLS (" + (error.reason or str(error)).lower().replace("_", " ") + ")")
    except OSError as error:
        print(error.strerror or error)
PYTHON
"""


def tried(site: Site) -> tuple[Try, ...]:
    """All attempts at a datacenter's listeners. Raises LabError where a host cannot be asked."""
    tickets = tickets_tried(site) if KERBEROS in site.context.listens(site.datacenter).open else ()
    return (*_from_here(site), *_from_inside(site), *tickets)


@dataclass(frozen=True)
class Login:
    """A user, with the password and with another one; with no name where there is no user."""

    user: str = ""
    password: str = field(default="", repr=False)
    wrong: str = field(default_factory=partial(secrets.token_urlsafe, 12), repr=False)

    def ways(self) -> Iterator[tuple[str, bool, tuple[str, ...]]]:
        """How somebody may try to log in: with what, whether that is enough, and what is said."""
        if self.user:
            yield f"{self.user}'s password", True, (self.user, self.password)
        yield "another password", False, (self.user or "nobody", self.wrong)
        yield "no password", False, ()


def login(site: Site) -> Login:
    """The first user of a datacenter that has a password. Raises LabError where it is unreadable.
    """
    passwords = Passwords(site.lab.name)
    for key, one in of_datacenter(site.lab, site.name):
        if key.kind == USER and not one.absent and (found := passwords.read(key.name)):
            return Login(key.name, found)
    return Login()


def _from_here(site: Site) -> Iterator[Try]:
    meant = site.context.listens(site.datacenter).open
    known = login(site)
    for host in site.carriers(NAME):
        for name, kind in KINDS.items():
            address = site.context.reached.get((host.name, kind.outside))
            if address is None:
                continue
            if not any(KINDS[one].outside == kind.outside for one in meant) or name in meant:
                yield from _at(host, kind, address, site.context.issued, known,
                               there=name in meant)


def _at(
    host: Host, kind: Kind, address: tuple[str, int], issued: Issued, known: Login, *, there: bool
) -> Iterator[Try]:
    """Attempts at one listener; at those of two that share a port, where one is open, at that."""
    def one(what: str, refusal: str, *, meant: bool) -> Try:
        return Try(host.name, kind.external, what, meant, refusal)

    if not there:
        yield one("nothing", tls.refusal(address), meant=False)
    elif kind.closed:
        trust = tls.own(kind, issued)
        if kind.mechanism:
            for what, meant, words in known.ways():
                yield one(what, _logging_in(address, trust, words, meant=meant), meant=meant)
        else:
            yield one("the lab's certificate", tls.refusal(address, trust), meant=True)
        if kind.asks and issued.client_path:
            anonymous = tls.trusting(issued.ca_path)
            yield one("no certificate of its own", tls.refusal(address, anonymous), meant=False)
        yield one("trust in others", tls.refusal(address, tls.strangers()), meant=False)
        yield one("no TLS", tls.refusal(address), meant=False)
    else:
        yield one("nothing", tls.refusal(address), meant=True)


def _logging_in(
    address: tuple[str, int], trust: ssl.SSLContext, words: tuple[str, ...], *, meant: bool
) -> str:
    """How a broker refuses who says these words; whom it should know, when it had time to hear of
    them."""
    found = ""

    def known() -> bool:
        nonlocal found
        found = tls.refusal(address, trust, lambda there: scram.attempt(there, *words))
        return not (found and meant)

    with suppress(TimeoutExpired):
        wait_until(known, timeout=KNOWN_SECONDS, pause=0.5)
    return found


def _from_inside(site: Site) -> Iterator[Try]:
    meant, known = site.context.listens(site.datacenter).open, login(site)
    chosen = [
        (host, kind, way) for host in site.carriers(NAME) for name, kind in KINDS.items()
        if name in meant or not any(KINDS[one].inside == kind.inside for one in meant)
        for way in _ways(kind, known, there=name in meant)
    ]
    wanted = json.dumps([
        (host.fqdn, kind.inside, kind.closed and one.speaks_tls,
         f"{FOLDER}/{OWN}" if kind.asks and one.meant else "", one.words)
        for host, kind, one in chosen
    ])
    script = (INSIDE.replace("@CA@", CA).replace("@SCRAM@", inspect.getsource(scram))
              .replace("@LIST@", wanted))
    seed = site.datacenter.seed
    said = site.fleet[seed.name].script(script, label="try listeners", timeout=ASK_SECONDS)
    answers = said.stdout.splitlines()
    if len(answers) != len(chosen):
        raise LabError("did not try all listeners", where=seed.name, hint="run it again")
    for (host, kind, one), answer in zip(chosen, answers, strict=True):
        yield Try(host.name, kind.internal, one.what, one.meant,
                  "" if answer == "answers" else answer.lower())


@dataclass(frozen=True)
class Way:
    """How a listener is tried from a host: with what, whether that is enough, and what is said."""

    what: str
    meant: bool
    words: tuple[str, ...] = ()
    speaks_tls: bool = True


def _ways(kind: Kind, known: Login, *, there: bool) -> Iterator[Way]:
    if kind == KINDS[KERBEROS] and there:
        yield Way("no ticket", False)  # with one: scripts.drivers.tickets
    elif kind.mechanism and there:
        yield from (Way(*way) for way in known.ways())
    else:
        yield Way("the lab's certificate" if kind.closed else "nothing", there)
    if kind.asks and there:
        yield Way("no certificate of its own", False)
    if kind.closed and there:
        yield Way("no TLS", False, speaks_tls=False)


def summary(found: Iterable[Try]) -> str:
    """For verification. Raises LabError with what is not as it should be."""
    found = tuple(found)
    if wrong := [str(one) for one in found if not one.held]:
        raise LabError("; ".join(wrong), hint="see `fab security.status`")
    refused = sum(1 for one in found if one.refusal)
    return (f"{counted(len(found) - refused, 'attempt')} answered, "
            f"{refused} refused, each as it should be")
