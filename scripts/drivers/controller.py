"""KRaft's quorum as the lab acts on it, whether its controllers are brokers as well or not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lab.counted import counted
from lab.topology import Host
from scripts.clients.quorum import QuorumView
from scripts.drivers.driver import Driver, Part, Report, Site, Turn
from scripts.errors import LabError
from scripts.workstation.waiting import wait_until

VERIFY_SECONDS = 120
COMMIT_SECONDS = 15


class Controller(Driver):
    """Followers restart first, the leader last; all voters follow before and after each."""

    def look(self, site: Site) -> QuorumView:
        return site.quorum.ask()

    def settled(self, site: Site) -> QuorumView:
        return site.quorum.wait()

    def serving(self, site: Site, hosts: Sequence[Host], up: Collection[str]) -> None:
        if all(host.name in up for host in site.quorum.hosts):
            self.settled(site)
        else:
            super().serving(site, hosts, up)

    def order(self, hosts: Sequence[Host], seen: QuorumView | None) -> list[Turn]:
        leader = seen.leader if seen else None
        turns = [Turn(host, "leader" if host.name == leader else "") for host in hosts]
        return sorted(turns, key=lambda turn: bool(turn.note))

    def status(self, site: Site, up: Collection[str]) -> Part:
        asked = any(host.name in up for host in site.quorum.hosts)
        seen = site.quorum.ask() if asked else QuorumView(silent=tuple(site.quorum.ids))
        problem = seen.problem if asked else "no controller runs"
        found = seen.described
        data = {
            "leader": seen.leader, "followers": list(seen.followers), "silent": list(seen.silent),
            "epoch": found.epoch if found else None,
            "voters": {str(id): one.behind for id, one in found.voters.items()} if found else {},
        }
        details = dict.fromkeys(seen.followers, "controller")
        lines: tuple[str, ...] = ()
        if found and seen.leader:
            details[seen.leader] = "leading controller"
            behind = {name: found.voters[id].behind for name, id in site.quorum.ids.items()
                      if id in found.voters and name != seen.leader}
            details |= {name: f"controller, {count} behind" for name, count in behind.items()
                        if count}
            lines = (_told(site, seen),)
        return Part(data, (problem,) if problem else (), details, lines)

    def verify(self, site: Site, report: Report) -> bool:
        return report.check(self.name, "quorum", lambda: _prove(site))


def _told(site: Site, seen: QuorumView) -> str:
    epoch = seen.described.epoch if seen.described else 0
    beside = "" if site.datacenter.config.led else ", beside ZooKeeper, which has the metadata"
    return (f"{site.name}: quorum of {len(site.quorum.hosts)}, controller {seen.controller} leads "
            f"in epoch {epoch}, {counted(seen.behind, 'record')} behind at most{beside}")


def _prove(site: Site) -> str:
    """That all vote and follow, that all brokers do, and that a majority takes what is written: a
    leader writes twice a second, if only to say that it does. Raises LabError."""
    brokers = {host.number for host in site.datacenter.by_role("kafka")}
    before = site.quorum.wait(VERIFY_SECONDS)
    last = ""

    def moved() -> QuorumView | None:
        nonlocal last
        seen = site.quorum.ask()
        first, now = before.described, seen.described
        if seen.problem or now is None or first is None:
            last = seen.problem or "no controller leads"
            return None
        follow = {id for id, one in {**now.observers, **now.voters}.items() if one.current}
        if site.datacenter.config.led and (missing := brokers - follow):
            last = f"broker {', '.join(map(str, sorted(missing)))} does not follow it"
            return None
        last = "nothing that is written reaches a majority"
        return seen if now.committed > first.committed else None

    try:
        seen: QuorumView = wait_until(moved, timeout=COMMIT_SECONDS)
    except LabError as error:
        raise LabError(f"the quorum does not work: {last}", where=site.name) from error
    voters = ", ".join(map(str, sorted(site.quorum.ids.values())))
    vote = "votes" if len(site.quorum.ids) == 1 else "vote"
    followers = "brokers are still with ZooKeeper"
    if site.datacenter.config.led:
        followers = counted(len(brokers), "broker follows", "brokers follow")
    return (f"{seen.controller} leads, {voters} {vote}, {followers}, "
            f"{counted(seen.behind, 'record')} behind at most")
