"""The listeners of a cluster tried one by one: as the lab file means them, with the right
certificate, with a stranger's, and without one; and those that are closed, whether they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.counted import counted
from lab.listeners import KINDS, Issued, Kind
from lab.services.context import CA, FOLDER, OWN
from lab.topology import Host
from scripts.clients import tls
from scripts.drivers.driver import Site
from scripts.errors import LabError

NAME = "kafka"
ASK_SECONDS = 60.0
# Tries listeners from a host: one a line, and for each nothing or why not.
INSIDE = """\
python3 - @CA@ <<'PYTHON'
import json, socket, ssl, struct, sys
ask = struct.pack(">ihhih", 10, 18, 0, 1, -1)
for name, port, closed, key in json.loads('''@LIST@'''):
    try:
        there = socket.create_connection((name, port), 5)
        if closed:
            trust = ssl.create_default_context(cafile=sys.argv[1])
            if key:
                trust.load_cert_chain(key)
            there = trust.wrap_socket(there, server_hostname=name)
        there.sendall(ask)
        print("answers" if len(there.recv(8)) == 8 else "the connection was closed")
    except OSError as error:
        print(error.strerror or error)
PYTHON
"""


@dataclass(frozen=True)
class Try:
    """One attempt: at whose listener, with what, whether it should come about, and what came."""

    host: str
    listener: str
    with_what: str
    meant: bool
    refusal: str

    @property
    def held(self) -> bool:
        return self.meant is not bool(self.refusal)

    def __str__(self) -> str:
        seen = self.refusal or "answers"
        return f"{self.host} {self.listener} with {self.with_what}: {seen}"


def tried(site: Site) -> tuple[Try, ...]:
    """All attempts at a datacenter's listeners. Raises LabError where a host cannot be asked."""
    return (*_from_here(site), *_from_inside(site))


def _from_here(site: Site) -> Iterator[Try]:
    meant = site.context.listens(site.datacenter).open
    for host in site.carriers(NAME):
        for name, kind in KINDS.items():
            address = site.context.reached.get((host.name, kind.outside))
            if address is None:
                continue
            if not any(KINDS[one].outside == kind.outside for one in meant) or name in meant:
                yield from _at(host, kind, address, site.context.issued, there=name in meant)


def _at(
    host: Host, kind: Kind, address: tuple[str, int], issued: Issued, *, there: bool
) -> Iterator[Try]:
    """Attempts at one listener; at those of two that share a port, where one is open, at that."""
    def one(what: str, refusal: str, *, meant: bool) -> Try:
        return Try(host.name, kind.external, what, meant, refusal)

    if not there:
        yield one("nothing", tls.refusal(address), meant=False)
    elif kind.closed:
        key = issued.client_path if kind.asks else ""
        trust = tls.trusting(issued.ca_path, key)
        yield one("the lab's certificate", tls.refusal(address, trust), meant=True)
        if key:
            anonymous = tls.trusting(issued.ca_path)
            yield one("no certificate of its own", tls.refusal(address, anonymous), meant=False)
        yield one("trust in others", tls.refusal(address, tls.strangers()), meant=False)
        yield one("no TLS", tls.refusal(address), meant=False)
    else:
        yield one("nothing", tls.refusal(address), meant=True)


def _from_inside(site: Site) -> Iterator[Try]:
    meant = site.context.listens(site.datacenter).open
    chosen = [
        (host, name, kind) for host in site.carriers(NAME) for name, kind in KINDS.items()
        if name in meant or not any(KINDS[one].inside == kind.inside for one in meant)
    ]
    wanted = json.dumps([
        (host.fqdn, kind.inside, kind.closed,
         f"{FOLDER}/{OWN}" if kind.asks and name in meant else "")
        for host, name, kind in chosen
    ])
    script = INSIDE.replace("@CA@", CA).replace("@LIST@", wanted)
    seed = site.datacenter.seed
    said = site.fleet[seed.name].script(script, label="try listeners", timeout=ASK_SECONDS)
    answers = said.stdout.splitlines()
    if len(answers) != len(chosen):
        raise LabError("did not try all listeners", where=seed.name, hint="run it again")
    for (host, name, kind), answer in zip(chosen, answers, strict=True):
        yield Try(host.name, kind.internal, "the lab's certificate" if kind.closed else "nothing",
                  name in meant, "" if answer == "answers" else answer.lower())


def summary(found: Iterable[Try]) -> str:
    """For verification. Raises LabError with what is not as it should be."""
    found = tuple(found)
    if wrong := [str(one) for one in found if not one.held]:
        raise LabError("; ".join(wrong), hint="see `fab security.status`")
    refused = sum(1 for one in found if one.refusal)
    return (f"{counted(len(found) - refused, 'attempt')} answered, "
            f"{refused} refused, each as it should be")
