"""The users and client ids of the lab file in a cluster, as the lab acts on them.

No broker tells a password, so how is one known to be the lab's still? The record has a digest of
the one that the lab gave, and how many rounds of hashing it gave it with follows from that digest,
by which one that somebody else has set since is told from it: brokers do tell the rounds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lab.counted import counted
from lab.options.users import Quotas, number
from lab.resources import (
    CLIENT,
    GRANTED,
    PASSWORD,
    USER,
    Absent,
    Change,
    ClusterState,
    Found,
    User,
    compare,
    lines,
)
from lab.rights import right
from lab.services.registry import resources
from lab.services.users import of_datacenter
from lab.state import Key
from scripts.clients.accounts import Accounts
from scripts.drivers.driver import Differences, Driver, Part, Report, Site, Tell
from scripts.drivers.record import Noted, Record
from scripts.errors import LabError, TimeoutExpired
from scripts.workstation.passwords import Passwords, digest
from scripts.workstation.waiting import wait_until

# Brokers take 4096 to 16384 (org.apache.kafka.common.security.scram.internals.ScramMechanism); who
# does not ask for a number gets the lowest.
LOWEST, SPAN = 4097, 8192
KNOWN_SECONDS = 30.0
NEW, ANOTHER = "made anew", "somebody's"  # instead of a digest
QUOTAS = frozenset(Quotas.model_fields)


def rounds(digested: str) -> int:
    """The rounds that a password with this digest is hashed with."""
    return LOWEST + int(digested[:8], 16) % SPAN


class Users:
    """What [[users]] and [[clients]] say about one cluster, made so."""

    def __init__(self, site: Site) -> None:
        self.site, self.record = site, Record(site)
        self.accounts, self.passwords = Accounts(site.kafka), Passwords(site.lab.name)
        self.asked = site.lab.security.acls  # whether brokers ask what somebody may do

    def differences(self, wanted: ClusterState, *, there: bool) -> Differences:
        """What `reconcile` would do, and what would be refused of it."""
        wanted, seen = self._whole(wanted), False
        try:
            if not there:
                raise LabError("not made yet", where=self.site.name)
            plan, seen = compare(self.found(wanted), wanted), True
        except LabError:  # no broker answers yet: all of them are to be made
            plan = compare({}, wanted)
        where = f"{self.site.name}: "
        return Differences(tuple(lines(plan, self.site.name)),
                           tuple(where + str(refusal) for refusal in plan.refusals), at_rest=seen)

    def reconcile(self, wanted: ClusterState, tell: Tell) -> int:
        """Make, change and remove users; how many. Raises LabError for what is refused."""
        wanted = self._whole(wanted)
        tell("users")
        self.site.kafka.wait_healthy()
        there = self.found(wanted)
        plan = compare(there, wanted)
        refused = [str(refusal) for refusal in plan.refusals]
        for change in plan.changes:
            tell(str(change.key))
            try:
                self._apply(change)
            except LabError as error:
                refused.append(f"{change.key}: {error.what}")
        self._forget([key for key, want in wanted.items()
                      if isinstance(want, Absent) and key not in there])
        if refused:
            raise LabError("; ".join(refused), where=self.site.name)
        if plan.changes:
            self._known(self._whole(wanted))
        return len(plan.changes)

    def found(self, wanted: ClusterState) -> dict[Key, Found]:
        """Those of the wanted users and ids that are there, with what the lab has to do with them.
        """
        record = self.record.read()
        kinds = {key.kind for key in wanted}
        quotas = {kind: self.accounts.quotas(kind) for kind in sorted(kinds)}
        given = self.accounts.passwords() if USER in kinds else {}
        may = self.accounts.rights() if USER in kinds and self.asked else {}
        found = {}
        for key, want in wanted.items():
            noted, has = record.get(str(key)), quotas[key.kind].get(key.name, {})
            there = given.get(key.name) if key.kind == USER else None
            rights = may.get(key.name, set()) if key.kind == USER else set()
            asked = {*(want.config if isinstance(want, User) else ()),
                     *(noted.config if noted else ())}
            config = {name: number(value) for name, value in has.items() if name in asked}
            config |= {str(one): GRANTED for one in rights if str(one) in asked}
            if there is not None:
                config[PASSWORD] = _known_as(noted, there)
            # Of one that is to be gone, what somebody else has set for its name may stay.
            if not (config or (isinstance(want, User) and (has or rights))):
                continue
            found[key] = Found(User(config), ours=noted is not None)
        return found

    def _forget(self, gone: Sequence[Key]) -> None:
        """Take those out of the record that a run removed which then could not write so: whoever
        makes one of that name later makes their own."""
        record = self.record.read() if gone else {}
        for key in gone:
            if str(key) in record:
                self.record.note(str(key), None)

    def _known(self, wanted: ClusterState) -> None:
        """Wait until brokers tell what they were told. Raises LabError."""
        def same() -> bool:
            return not compare(self.found(wanted), wanted).changes

        try:
            wait_until(same, timeout=KNOWN_SECONDS, pause=0.1)
        except TimeoutExpired:
            raise TimeoutExpired(
                f"brokers do not know the users after {KNOWN_SECONDS:g} s", where=self.site.name,
                hint="see `fab status`, then run it again",
            ) from None

    def _whole(self, wanted: ClusterState) -> dict[Key, User | Absent]:
        """What is wanted of users and ids, with digests of the passwords that this machine has."""
        found: dict[Key, User | Absent] = {}
        for key, want in wanted.items():
            if key.kind == USER and isinstance(want, User):
                has = self.passwords.read(key.name)
                said = NEW if has is None else digest(key.name, has)
                found[key] = User({**want.config, PASSWORD: said})
            elif key.kind in (USER, CLIENT) and isinstance(want, User | Absent):
                found[key] = want
        return found

    def _apply(self, change: Change) -> None:
        """Make one change. The record comes first: after a cut-off the user is still the lab's."""
        key, name = str(change.key), change.key.name
        before, after = (dict(one.config) if isinstance(one, User) else {}
                         for one in (change.before, change.after))
        if change.after is None:
            if PASSWORD in before:
                self.accounts.drop_password(name)
            self._rights(name, before, {})
            self._quotas(change.key, before, {})
            self.record.note(key, None)
            return
        said = ""
        if change.key.kind == USER:
            said = digest(name, self.passwords.of(name))
        kept = self._kept(key)
        self.record.note(key, {*before, *after, *kept}, said)
        if said and before.get(PASSWORD) != said:
            self.accounts.set_password(name, self.passwords.of(name), rounds(said))
        self._rights(name, before, after)
        self._quotas(change.key, before, after)
        if before.keys() - after.keys():
            self.record.note(key, {*after, *kept}, said)

    def _kept(self, key: str) -> set[str]:
        """What the lab granted while brokers asked for it. Now nobody can look whether it is still
        there, and the lab has to know that it was its own when somebody can again."""
        noted = self.record.read().get(key) if not self.asked else None
        return {*noted.config} - QUOTAS - {PASSWORD} if noted else set()

    def _rights(self, user: str, before: dict[str, str], after: dict[str, str]) -> None:
        """First what is granted anew: of two lines that grant the same, one may be taken out."""
        old, new = ({name for name, value in one.items() if value == GRANTED}
                    for one in (before, after))
        self.accounts.grant(user, [right(line) for line in sorted(new - old)])
        self.accounts.revoke(user, [right(line) for line in sorted(old - new)])

    def _quotas(self, key: Key, before: dict[str, str], after: dict[str, str]) -> None:
        steps = {name: float(after[name]) if name in after else None
                 for name in sorted(QUOTAS & {*before, *after})
                 if before.get(name) != after.get(name)}
        if steps:
            self.accounts.set_quotas(key.kind, key.name, steps)


def _known_as(noted: Noted | None, there: int) -> str:
    """The digest of a password by how many rounds it was hashed with, if the lab gave it."""
    if noted is None or not noted.digest or rounds(noted.digest) != there:
        return ANOTHER
    return noted.digest


class UsersDriver(Driver):
    """No process: users are looked at and made through the brokers."""

    resource_kinds = frozenset({"user or client id"})

    def settled(self, site: Site) -> None:
        return None

    def status(self, site: Site, up: Collection[str]) -> Part:
        return Part([{"kind": key.kind, "name": key.name}
                     for key, one in of_datacenter(site.lab, site.name) if not one.absent])

    def verify(self, site: Site, report: Report) -> bool:
        return report.check(self.name, "as the file says", lambda: stated(site))

    def differences(self, site: Site, wanted: ClusterState, *, there: bool) -> Differences:
        return Users(site).differences(wanted, there=there)

    def reconcile(self, site: Site, wanted: ClusterState, tell: Tell) -> int:
        return Users(site).reconcile(wanted, tell)


def stated(site: Site) -> str:
    """That brokers know the users as the lab file has them; how many. Raises LabError."""
    wanted = resources(site.datacenter, site.context)
    found = Users(site).differences(wanted, there=True)
    if wrong := (*found.refused, *found.lines):
        raise LabError("; ".join(wrong), where=site.name, hint="run `fab users`")
    kinds = [key.kind for key, one in of_datacenter(site.lab, site.name) if not one.absent]
    return (f"{counted(kinds.count(USER), 'user')}, {counted(kinds.count(CLIENT), 'client id')} "
            "as the lab file has them")
