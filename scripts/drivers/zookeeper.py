"""ZooKeeper as the lab acts on it: an ensemble that keeps its majority."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lab.counted import counted
from lab.topology import Host
from scripts.clients.zookeeper import Modes
from scripts.drivers.driver import Driver, Part, Report, Site, Turn

VERIFY_SECONDS = 120


class ZooKeeper(Driver):
    """Followers restart first, the leader last; the ensemble is whole before and after each."""

    def look(self, site: Site) -> Modes:
        return site.zookeeper.ask()

    def settled(self, site: Site) -> Modes:
        among = [one.name for one in site.zookeeper.hosts if one.name not in site.joining]
        # While an ensemble grows, those that know of the new one may have to wait for each other.
        needed = len(site.zookeeper.hosts) // 2 + 1 if site.joining else 0
        return site.zookeeper.wait_quorum(among=among, needed=needed)

    def serving(self, site: Site, hosts: Sequence[Host], up: Collection[str]) -> None:
        if all(host.name in up for host in site.carriers(self.name)):
            self.settled(site)
        else:
            super().serving(site, hosts, up)

    def order(self, hosts: Sequence[Host], seen: Modes | None) -> list[Turn]:
        leader = seen.leader if seen else None
        turns = [Turn(host, "leader" if host.name == leader else "") for host in hosts]
        return sorted(turns, key=lambda turn: bool(turn.note))

    def status(self, site: Site, up: Collection[str]) -> Part:
        members = [host.name for host in site.zookeeper.hosts]
        there = [name for name in members if name in up]
        modes = site.zookeeper.ask(there) if there else Modes(None, (), ())
        silent = [*modes.silent, *(name for name in members if name not in there)]
        problem = modes.problem if there else "no ZooKeeper runs"
        return Part(
            data={"leader": modes.leader, "followers": list(modes.followers), "silent": silent},
            problems=(problem,) if problem else (),
            details={
                **dict.fromkeys(modes.followers, "follower"),
                **({modes.leader: "leader"} if modes.leader else {}),
            },
        )

    def verify(self, site: Site, report: Report) -> bool:
        def quorum() -> str:
            modes = site.zookeeper.wait_quorum(VERIFY_SECONDS)
            return f"{modes.leader} leads, {counted(len(modes.followers), 'follows', 'follow')}"

        return report.check(self.name, "quorum", quorum)
