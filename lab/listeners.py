"""What brokers speak, and the steps in which they come to speak something else.

A protocol has ports of its own, so two are open at once while a cluster moves, and nobody loses a
record. No broker may speak to others what one of them does not have open yet, or no longer. So
there are three steps at most: all open the new one; brokers and the lab's own clients go over; the
old one is closed. What is done already is not done again, whoever did it.

Where people log in with a password, brokers and the lab's own clients do not: they have
certificates, at a listener of their own beside that one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.options.fixed import PLAINTEXT
from lab.topology import EXTERNAL_PORT, INTERNAL_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.options.security import Security

SECURE_INSIDE, SECURE_PORT = INTERNAL_PORT + 100, EXTERNAL_PORT + 100
USERS_INSIDE, USERS_PORT = INTERNAL_PORT + 200, EXTERNAL_PORT + 200
SCRAM = "SCRAM-SHA-512"
KERBEROS, KERBEROS_INSIDE = "kerberos", INTERNAL_PORT + 300
# On a broker's command line, where it is not as it is without any security.
OPTION = "-Dkafkalab.listeners="
_SAID = re.compile(rf"^{re.escape(OPTION)}([a-z,]+):([a-z]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Kind:
    """A protocol as listeners have it.

    name: what ends the names of its listeners. speaks: Kafka's name for it. inside, outside: the
    ports of the listener for hosts of the lab, and of the one for everybody else, 0 where there is
    none. asks: clients
    have to show a certificate, too. mechanism: how people log in there, by SASL's name for it, ""
    where they do not; the lab's own clients never do.
    """

    name: str
    speaks: str
    inside: int
    outside: int
    asks: bool = False
    mechanism: str = ""

    @property
    def internal(self) -> str:
        return f"INTERNAL{self.name}"

    @property
    def external(self) -> str:
        return f"EXTERNAL{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """Those of its listeners."""
        return (self.internal, self.external) if self.outside else (self.internal,)

    @property
    def client(self) -> dict[str, str]:
        """What any client has to say there."""
        login = {"sasl.mechanism": self.mechanism} if self.mechanism else {}
        return {"security.protocol": self.speaks, **login} if self.closed else {}

    @property
    def closed(self) -> bool:
        """Whether it takes a certificate."""
        return self.speaks != "PLAINTEXT"

    @property
    def proves(self) -> bool:
        """Whether clients prove there who they are."""
        return self.asks or bool(self.mechanism)


KINDS: dict[str, Kind] = {
    PLAINTEXT: Kind("", "PLAINTEXT", INTERNAL_PORT, EXTERNAL_PORT),
    "tls": Kind("_TLS", "SSL", SECURE_INSIDE, SECURE_PORT),
    "mtls": Kind("_MTLS", "SSL", SECURE_INSIDE, SECURE_PORT, asks=True),
    "scram": Kind("_SCRAM", "SASL_SSL", USERS_INSIDE, USERS_PORT, mechanism=SCRAM),
    # A ticket is for a host by its name, under which no port of the workstation is known.
    KERBEROS: Kind("_KERBEROS", "SASL_SSL", KERBEROS_INSIDE, 0, mechanism="GSSAPI"),
}
# What is open beside a listener where people log in: first for the brokers and the lab itself, then
# for people on the workstation.
BESIDE = {"scram": ("mtls",), KERBEROS: ("mtls", "scram")}


@dataclass(frozen=True)
class Listening:
    """What brokers have open, what they speak among each other, and what the lab's clients take."""

    open: tuple[str, ...] = (PLAINTEXT,)
    brokers: str = PLAINTEXT
    clients: str = PLAINTEXT

    @property
    def people(self) -> str:
        """What people's clients take."""
        logins = [one for one in self.ordered
                  if KINDS[one].outside and self.clients in BESIDE.get(one, ())]
        return (*logins, self.clients)[0]

    @property
    def plain(self) -> bool:
        """Whether nothing of it takes a certificate."""
        return not any(KINDS[one].closed for one in self.open)

    @property
    def option(self) -> str:
        """It on a broker's command line, for `said`; "" for what a lab without security has."""
        return "" if self.plain else f"{OPTION}{','.join(self.ordered)}:{self.brokers}"

    @property
    def ordered(self) -> tuple[str, ...]:
        """What is open, in an order that says nothing of where one comes from."""
        return tuple(one for one in KINDS if one in self.open)


@dataclass(frozen=True)
class Issued:
    """What the lab's certificate authority has issued, as PEM.

    ca: its own certificate, and ca_path where this machine has that. client, client_path: the same
    of a private key and a certificate of the lab's own clients. hosts: those of brokers, by host.
    principals: passwords of names in Kerberos' realms, by datacenter and name. keytabs: the files
    with the keys of these, by name@REALM.
    """

    ca: str = ""
    ca_path: str = ""
    client: str = field(default="", repr=False)
    client_path: str = ""
    hosts: Mapping[str, str] = field(default_factory=dict, repr=False)
    principals: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    keytabs: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def wanted(security: Security) -> Listening:
    """What the lab file means."""
    last = opened(security.listeners[-1:])[0]
    return Listening(opened(security.listeners), last, last)


def opened(listeners: Iterable[str]) -> tuple[str, ...]:
    """What brokers have open where the lab file says these."""
    return _union((*BESIDE.get(one, ()), one) for one in listeners)


def said(command_line: str) -> Listening:
    """What a running broker has open and speaks, by its command line, an argument a line."""
    found = _SAID.search(command_line)
    if found is None:
        return Listening()
    return Listening(tuple(found[1].split(",")), found[2], found[2])


def now(brokers: Iterable[Listening], goal: Listening) -> Listening:
    """A cluster as its running brokers have it: what one of them has open counts for it, and its
    clients take what they all have, by choice what they are meant to."""
    brokers = tuple(brokers)
    everywhere = [one for one in brokers[0].open
                  if one not in BESIDE and all(one in each.open for each in brokers)]
    speak = {one.brokers for one in brokers}
    former = sorted(speak - {goal.brokers}) or [goal.brokers]
    chosen = goal.clients if goal.clients in everywhere else (everywhere or former)[0]
    return Listening(_union(each.open for each in brokers), former[0], chosen)


def steps(brokers: Collection[Listening], goal: Listening) -> tuple[Listening, ...]:
    """How running brokers come to the goal, in order; the last one is the goal. Nothing where all
    of them are there."""
    if not brokers or all((set(one.open), one.brokers) == (set(goal.open), goal.brokers)
                          for one in brokers):
        return ()
    at = now(brokers, goal)
    both = _union((at.open, goal.open))
    found = []
    if any(goal.brokers not in one.open for one in brokers):
        found.append(Listening(both, at.brokers, at.clients))
    if any(one.brokers != goal.brokers for one in brokers):
        found.append(Listening(both, goal.brokers, goal.clients))
    if not found or set(found[-1].open) != set(goal.open):
        found.append(goal)
    return (*found[:-1], goal)


def _union(lists: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for each in lists for one in each))


def words(before: Listening, after: Listening) -> str:
    """A step for people: "brokers open tls beside plaintext"."""
    opened = [one for one in after.open if one not in before.open]
    shut = [one for one in before.open if one not in after.open]
    parts = []
    if opened:
        beside = [one for one in before.open if one not in shut]
        parts.append(" beside ".join(
            [f"open {', '.join(opened)}", *([", ".join(beside)] if beside else [])]))
    if after.brokers != before.brokers:
        parts.append(f"go over to {after.brokers}")
    if shut:
        parts.append(f"close {', '.join(shut)}")
    whose = "brokers and the lab's own clients" if after.clients != before.clients else "brokers"
    return f"{whose} {' and '.join(parts) or 'restart'}"
