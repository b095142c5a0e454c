"""What brokers let users do, held against the lab file: each user of it comes in, and asks.

Of what lines name, and of a name that none of them means. Entries that somebody else made count for
brokers, too; what follows from them is told apart, and is nobody's mistake.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.listeners import KINDS, Kind
from lab.options.users import User
from lab.rights import ANY, CLUSTER, CLUSTER_NAME, OPERATIONS, Right, may, right
from lab.services.acls import SUPER
from lab.services.users import of_datacenter
from lab.topology import Host
from scripts.clients import allowed, scram, tls
from scripts.clients.accounts import PRINCIPAL, Accounts
from scripts.clients.allowed import Operations
from scripts.drivers.driver import Site
from scripts.errors import LabError, TimeoutExpired
from scripts.workstation.authority import NAME_LENGTH, Authority
from scripts.workstation.passwords import Passwords
from scripts.workstation.paths import state_dir
from scripts.workstation.waiting import wait_until

NAME = "kafka"
KNOWN_SECONDS = 5.0  # until each broker knows what one of them was told
GROUP_SECONDS = 30.0  # until somebody looks after groups, in a cluster that had none before
GROUP, TRANSACTION = "group", "transactional-id"
Come = Callable[[Host, Callable[[socket.socket], None]], None]
Seen = Mapping["Asked", Sequence[Operations]]


@dataclass(frozen=True)
class Asked:
    """What is asked about: of which kind, its name, and how people call it."""

    kind: str
    name: str
    words: str


@dataclass(frozen=True)
class Told:
    """What a user may do to something, and what not. held: whether that is as the lab file says;
    None where it cannot be said, for a reason that `why` tells."""

    user: str
    what: str
    may: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    held: bool | None = None
    why: str = ""


def permitted(site: Site) -> tuple[Told, ...]:
    """What each user of the lab file may do in a datacenter; nothing where brokers ask nobody for
    a name, or for rights. Raises LabError where they cannot be asked."""
    kind = KINDS[site.context.listens(site.datacenter).people]
    if not (site.lab.security.acls and kind.proves):
        return ()
    entries = Accounts(site.kafka).rights()
    users = [one for _, one in of_datacenter(site.lab, site.name)
             if isinstance(one, User) and not one.absent]
    return tuple(told for one in users for told in _of_user(site, kind, one, entries))


def _of_user(
    site: Site, kind: Kind, user: User, entries: Mapping[str, Collection[Right]]
) -> Iterator[Told]:
    mine = [right(line) for line in user.acls]
    others = {*entries.get(user.name, ()), *entries.get(ANY, ())}
    above = f"{PRINCIPAL}{user.name}" in str(site.lab.kafka.config.get(SUPER, "")).split(";")
    asked = tuple(questions(mine))
    try:
        with _coming(site, kind, user.name) as come:
            found: tuple[Told, ...] = ()

            def as_meant() -> bool:
                nonlocal found
                seen = _seen(site, come, asked)
                found = tuple(judged(user.name, one, seen[one], mine, others, above=above)
                              for one in asked)
                return all(one.held is not False for one in found)

            with suppress(TimeoutExpired):
                wait_until(as_meant, timeout=KNOWN_SECONDS, pause=0.5)
    except _Unknown as error:
        found = (Told(user.name, "", held=error.held, why=error.what),)
    yield from found


def questions(rights: Iterable[Right]) -> Iterator[Asked]:
    """What to ask about for somebody who has these rights."""
    token = f"kafkalab-verify-{secrets.token_hex(4)}"
    named = [one for one in rights if one.name != ANY and one.kind != CLUSTER]
    yield from dict.fromkeys(
        Asked(one.kind, one.name + (token if one.prefix else ""),
              f"{one.kind} {one.name}{ANY if one.prefix else ''}")
        for one in sorted(named))
    for kind in OPERATIONS:
        yield (Asked(kind, CLUSTER_NAME, "the cluster") if kind == CLUSTER
               else Asked(kind, token, f"any other {kind}"))


def judged(
    user: str, one: Asked, seen: Collection[Operations], mine: Iterable[Right],
    others: Iterable[Right] = (), *, above: bool = False,
) -> Told:
    """What brokers said of one thing, each of them, against the lab file. mine: the user's lines
    there; others: all entries that brokers have for the user or for everybody; above: whether they
    never refuse the user anything."""
    every = OPERATIONS[one.kind]
    meant, also = (frozenset(every) if above else may(each, one.kind, one.name)
                   for each in (tuple(mine), {*mine, *others}))
    has = frozenset().union(*seen) & frozenset(every)

    def result(held: bool | None, why: str = "") -> Told:
        return Told(user, one.words, tuple(name for name in every if name in has),
                    tuple(name for name in every if name not in has), held, why)

    def is_said(rights: Operations) -> bool:
        told = rights if one.kind == TRANSACTION or "describe" in rights else frozenset()
        return all(each & frozenset(every) == told for each in seen)

    if is_said(meant):
        blind = meant and not has
        return result(None, "brokers tell it only who may describe it") if blind else result(True)
    if is_said(also):
        return result(None, "entries that the lab did not make")
    return result(False, "" if len(set(seen)) == 1 else "not the same at all brokers")


def _seen(site: Site, come: Come, asked: Sequence[Asked]) -> Seen:
    """What brokers say of all that is asked: of topics and the cluster each of them, of the rest
    the one that looks after it."""
    found: dict[Asked, list[Operations]] = {one: [] for one in asked}
    hosts = site.carriers(NAME)

    def metadata(there: socket.socket) -> None:
        topics, cluster = allowed.of_topics(
            there, [one.name for one in asked if one.kind not in (GROUP, TRANSACTION, CLUSTER)])
        for one in asked:
            if one.kind == CLUSTER:
                found[one].append(cluster)
            elif one.kind not in (GROUP, TRANSACTION):
                found[one].append(topics[one.name])

    def transactions(there: socket.socket) -> None:
        for one in asked:
            if one.kind == TRANSACTION:
                found[one].append(allowed.of_transactions(there, one.name))

    for host in hosts:
        come(host, metadata)
    come(hosts[0], transactions)
    for one in asked:
        if one.kind == GROUP:
            found[one].append(_of_group(site.name, hosts, come, one.name))
    return found


def _of_group(where: str, hosts: Sequence[Host], come: Come, name: str) -> Operations:
    """What may be done to a group. Raises LabError where nobody comes to look after it."""
    found: Operations | None = None
    node, error = -1, 0

    def whose(there: socket.socket) -> None:
        nonlocal node, error
        node, error = allowed.coordinator(there, name)

    def ask(there: socket.socket) -> None:
        nonlocal found
        found = allowed.of_group(there, name)

    def told() -> bool:
        nonlocal found
        come(hosts[0], whose)
        if error == allowed.OF_A_GROUP:
            found = frozenset()
        for host in hosts:
            if host.number == node and not error:
                come(host, ask)
        return found is not None

    wait_until(told, timeout=GROUP_SECONDS, where=where, message="nobody looks after groups")
    return found or frozenset()


class _Unknown(LabError):
    """A user who has nothing to come in with. held: None where he never can."""

    def __init__(self, what: str, *, held: bool | None) -> None:
        super().__init__(what)
        self.held = held


@contextmanager
def _coming(site: Site, kind: Kind, user: str) -> Iterator[Come]:
    """Who comes to a broker as a user, by the listener that people take."""
    with _proof(site, kind, user) as (trust, password):
        def come(host: Host, ask: Callable[[socket.socket], None]) -> None:
            def whole(there: socket.socket) -> str:
                if password and (refused := scram.login(there, user, password)):
                    return refused
                ask(there)
                return ""

            address = site.context.reached[host.name, kind.outside]
            if refused := tls.refusal(address, trust, whole):
                raise LabError(f"{kind.external} as {user}: {refused}", where=host.name,
                               hint="see `fab security.check`")

        yield come


@contextmanager
def _proof(site: Site, kind: Kind, user: str) -> Iterator[tuple[ssl.SSLContext, str]]:
    """What a user shows, and says: a certificate that is gone afterwards, or the password."""
    issued, lab = site.context.issued, site.lab.name
    if kind.mechanism:
        password = Passwords(lab).read(user)
        if password is None:
            raise _Unknown("no password yet", held=False)
        yield tls.own(kind, issued), password
        return
    if len(user) > NAME_LENGTH:
        raise _Unknown(f"no certificate says a name of {len(user)} letters", held=None)
    with tempfile.TemporaryDirectory(prefix="kafkalab-") as folder:
        path = Path(folder) / "user.pem"
        Authority(state_dir(lab), lab).prove(user, path, days=1)
        yield tls.trusting(issued.ca_path, str(path)), ""
