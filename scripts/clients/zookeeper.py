"""A ZooKeeper ensemble, asked with its four-letter words through the SSH connections."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lab.topology import ZOOKEEPER_CLIENT_PORT, Host
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet
from scripts.workstation.waiting import wait_until


@dataclass(frozen=True)
class Modes:
    """Who leads and who follows, by host name; `silent` are those that serve nobody."""

    leader: str | None
    followers: tuple[str, ...]
    silent: tuple[str, ...]

    @property
    def serving(self) -> int:
        return len(self.followers) + bool(self.leader)

    @property
    def problem(self) -> str:
        """What is wrong, in words; "" when there is one leader and all others follow."""
        if self.silent:
            return f"{', '.join(self.silent)} not serving"
        return "" if self.leader else "no leader"


def mode(answer: str) -> str:
    """"leader", "follower" or "standalone" from an answer to `srvr`; "" when it does not serve."""
    for line in answer.splitlines():
        if line.startswith("Mode: "):
            return line.removeprefix("Mode: ").strip()
    return ""


def modes(found: Mapping[str, str]) -> Modes:
    """The ensemble from each server's own word. Two leaders are no leader."""
    leaders = [name for name, word in found.items() if word in ("leader", "standalone")]
    return Modes(
        leader=leaders[0] if len(leaders) == 1 else None,
        followers=tuple(name for name, word in found.items() if word == "follower"),
        silent=tuple(name for name, word in found.items() if not word),
    )


class Ensemble:
    """The servers of one datacenter, whose name is `where`."""

    def __init__(self, fleet: Fleet, hosts: Sequence[Host], where: str) -> None:
        self.fleet, self.hosts, self.where = fleet, tuple(hosts), where

    def ask(self, among: Collection[str] | None = None) -> Modes:
        """The mode of each server, all asked at once; `among` leaves it at these."""
        def one(name: str) -> str:
            try:
                return mode(self.fleet[name].ask(ZOOKEEPER_CLIENT_PORT, b"srvr"))
            except (LabError, OSError):
                return ""

        names = [host.name for host in self.hosts if among is None or host.name in among]
        return modes(self.fleet.each(one, names))

    def wait_quorum(
        self, timeout: float = 90, *, among: Collection[str] | None = None, needed: int = 0
    ) -> Modes:
        """Wait until every server (of `among`) serves and exactly one leads. Raises LabError.

        Fewer than `needed` with a leader are enough, too: servers whose list is longer take no
        leader that so few of that list follow, and wait until more of them have it. So is a server
        beside `among` that leads `needed` of all, itself counted: one that is new and has caught up
        may win, and who has not restarted yet does not know it.
        """
        last = Modes(None, (), ())

        def formed() -> Modes | None:
            nonlocal last
            last = self.ask(among)
            few = last.leader is not None and last.serving < needed
            if few or not last.problem:
                return last
            if needed and last.leader is None and among is not None:
                every = self.ask()
                return every if every.leader and every.serving >= needed else None
            return None

        try:
            found: Modes = wait_until(formed, timeout=timeout)
        except LabError as error:
            raise LabError(
                f"the ensemble is not whole after {timeout:g} s: {last.problem}", where=self.where,
                hint="see `fab status` and `fab logs HOST zookeeper`",
            ) from error
        return found
