"""Somebody who logs in while the lab tries its own listeners: with a name of the lab's, a password
by chance, and rights to topics of that trial alone.

The name is always the same, so what a run that was killed left of it the next one takes away.
"""

from __future__ import annotations

import base64
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.listeners import KERBEROS, KINDS, SCRAM
from lab.rights import right
from lab.services.kdc import ETC, OWNER
from lab.services.secured import realm
from scripts.clients import allowed, scram, tls
from scripts.clients.accounts import Accounts
from scripts.drivers.driver import Site
from scripts.drivers.ready import LOGIN
from scripts.drivers.users import LOWEST
from scripts.errors import TimeoutExpired
from scripts.workstation.keytabs import keytab
from scripts.workstation.waiting import wait_until

NAME = "kafkalab-verify"
KNOWN_SECONDS = 30.0  # until each broker knows what one of them was told
NEEDED = frozenset({"read", "write"})
# Of its own topics; and the groups that readers make up for themselves.
RIGHTS = ("read topic {}*", "write topic {}*", "read group kafkalab-reader",
          "read group console-consumer-*")
FOLDER = "@FOLDER@"  # in settings: where the host has what the visitor logs in with
KEYS, GSSAPI, JAAS = "keytab", KINDS[KERBEROS].mechanism, "sasl.jaas.config"
SERVICE = {"sasl.kerberos.service.name": "kafka"}
TICKET = ("com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true "
          'keyTab="{keys}" principal="{who}";')
# On the control host, as its keeper: the visitor is in the realm for as long as the script runs.
# Passwords go in on standard input; what kadmin.local prints has them, too, and is kept nowhere.
IN_REALM = """\
realm() {
  runuser -u @OWNER@ -- env KRB5_KDC_PROFILE=@ETC@/kdc.conf kadmin.local >/dev/null 2>&1
}
leave() {
  echo 'delprinc -force @NAME@' | realm || :
  rm -rf "$folder"
}
trap leave EXIT
echo 'delprinc -force @NAME@' | realm || :  # of a run that was killed
echo 'addprinc -pw @PASSWORD@ @NAME@' | realm
export KRB5CCNAME=FILE:$folder/tickets
base64 -d >"$folder/keytab" <<'KEYS'
@KEYS@
KEYS
"""


@dataclass(frozen=True)
class Visitor:
    """What the visitor logs in with. realm: the datacenter's, in Kerberos' words."""

    password: str = field(repr=False)
    realm: str

    def librdkafka(self, kind: str) -> dict[str, str]:
        """What librdkafka has to be told beside the rest, at a listener of this kind."""
        return {
            "": {},
            SCRAM: {"sasl.username": NAME, "sasl.password": self.password},
            GSSAPI: {**SERVICE, "sasl.kerberos.keytab": f"{FOLDER}/{KEYS}",
                     "sasl.kerberos.principal": f"{NAME}@{self.realm}"},
        }[KINDS[kind].mechanism]

    def java(self, kind: str) -> dict[str, str]:
        """The same for a client in Java."""
        ticket = TICKET.format(keys=f"{FOLDER}/{KEYS}", who=f"{NAME}@{self.realm}")
        return {
            "": {},
            SCRAM: {JAAS: f'{LOGIN} required username="{NAME}" password="{self.password}";'},
            GSSAPI: {**SERVICE, JAAS: ticket},
        }[KINDS[kind].mechanism]

    def before(self, kind: str) -> str:
        """What a script on a host does first that speaks to a listener of this kind."""
        if KINDS[kind].mechanism != GSSAPI:
            return ""
        keys = base64.b64encode(keytab(f"{NAME}@{self.realm}", self.password)).decode()
        return (IN_REALM.replace("@OWNER@", OWNER).replace("@ETC@", ETC).replace("@NAME@", NAME)
                .replace("@PASSWORD@", self.password).replace("@KEYS@", keys))


@contextmanager
def visiting(site: Site, topics: str) -> Iterator[Visitor]:
    """The visitor, whom all brokers know, and who may read and write the topics whose names begin
    so. Raises LabError."""
    accounts = Accounts(site.kafka)
    visitor = Visitor(secrets.token_urlsafe(24), realm(site.datacenter))
    granted = [right(line.format(topics)) for line in RIGHTS] if site.lab.security.acls else []
    accounts.set_password(NAME, visitor.password, LOWEST)
    try:
        accounts.grant(NAME, granted)
        _known(site, visitor, topics)
        yield visitor
    finally:
        accounts.revoke(NAME, granted)
        accounts.drop_password(NAME)


def _known(site: Site, visitor: Visitor, topic: str) -> None:
    """Wait until each broker lets the visitor in. Raises LabError."""
    kind = next(one for one in KINDS.values() if one.mechanism == SCRAM)
    trust = tls.own(kind, site.context.issued)
    for host in site.carriers("kafka"):
        address = site.context.reached.get((host.name, kind.outside))
        if address is None:
            continue
        said = ""

        def known(there: socket.socket) -> str:
            if refused := scram.login(there, NAME, visitor.password):
                return refused
            topics, _ = allowed.of_topics(there, [topic])
            return "" if topics[topic] >= NEEDED else "not granted yet"

        def let_in(address: tuple[str, int] = address) -> bool:
            nonlocal said
            said = tls.refusal(address, trust, known)
            return not said

        try:
            wait_until(let_in, timeout=KNOWN_SECONDS)
        except TimeoutExpired as error:
            raise TimeoutExpired(f"{kind.external} does not take {NAME}: {said}",
                                 where=host.name) from error
