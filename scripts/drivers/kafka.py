"""Kafka as the lab acts on it: a cluster in which no replica is missing, and its topics."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from lab.counted import counted
from lab.listeners import KINDS
from lab.resources import TOPIC, ClusterState
from lab.services.kafka import CONFIG
from lab.services.quorum import keepers, words
from lab.standing import REPLACE
from lab.state import File, Key
from lab.topology import Host
from lab.versions import has_zookeeper
from scripts.clients.kafka import View, describe
from scripts.drivers.driver import Differences, Driver, Part, Report, Site, Tell, Turn
from scripts.drivers.topics import Topics
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan
from scripts.workstation.beside import beside

METADATA_SECONDS = 3.0


def _outside(site: Site, host: Host) -> str:
    """Where people's clients reach a broker."""
    kind = KINDS[site.context.listens(site.datacenter).people]
    reached = site.context.reached.get((host.name, kind.outside))
    return "{}:{}".format(*reached) if reached else ""


class Kafka(Driver):
    """The controller restarts last; no partition is under-replicated before and after each."""

    resource_kinds = frozenset({TOPIC})

    def look(self, site: Site) -> View:
        return site.seen(site.kafka.view())

    def settled(self, site: Site) -> View:
        """Of a quorum that has brokers in it, too, all voters follow; and of one that takes over
        from ZooKeeper or has just done so."""
        from scripts.drivers.taking import whole  # noqa: PLC0415 - most runs restart nothing

        config = site.datacenter.config
        if {*site.quorum.hosts} & {*site.carriers(self.name)} or (config.quorum and config.servers):
            site.quorum.wait()
        return site.seen(whole(site))

    def shut(self, site: Site, hosts: Sequence[Host]) -> tuple[Host, ...]:
        from scripts.drivers.doubted import doubted  # noqa: PLC0415 - most runs restart nothing

        return doubted(site, hosts)

    def serving(self, site: Site, hosts: Sequence[Host], up: Collection[str]) -> None:
        site.kafka.wait_healthy(among=[host.number for host in hosts])

    def order(self, hosts: Sequence[Host], seen: View | None) -> list[Turn]:
        controller = seen.controller if seen else None
        turns = [Turn(host, "controller" if host.number == controller else "") for host in hosts]
        return sorted(turns, key=lambda turn: bool(turn.note))

    def status(self, site: Site, up: Collection[str]) -> Part:
        from scripts.drivers.release import Running, running  # noqa: PLC0415 - `up` tells none

        servers = site.context.people(site.datacenter).servers
        data: dict[str, Any] = {
            "version": site.datacenter.config.version, **Running(site).as_json(),
            "bootstrap": servers, "brokers": [], "controller": None, "under_replicated": None,
            "problem": "",
        }
        details = {
            host.name: _outside(site, host)
            for host in site.datacenter.by_role("kafka")
        }
        head = f"{site.name}: bootstrap {servers}"
        try:
            if not any(host.name in up for host in site.datacenter.hosts):
                raise LabError("no broker runs")
            view = site.seen(site.kafka.view(METADATA_SECONDS))
        except LabError as error:
            return Part({**data, "problem": error.what}, (error.what,), details,
                        (f"{head}, no broker answers",))
        problem = describe(view, site.kafka.expected)
        data |= {"brokers": list(view.brokers), "controller": view.controller,
                 "under_replicated": len(view.under_replicated), "problem": problem}
        line = (f"{head}, {counted(len(view.brokers), 'broker')}, controller {view.controller}, "
                f"{len(view.under_replicated)} under-replicated")
        found = running(site, up)
        lines = (line, found.line) if found.versions else (line,)
        return Part(data | found.as_json(), (problem,) if problem else (), details, lines)

    def obstacles(self, site: Site, plans: Mapping[str, HostPlan]) -> Iterator[LabError]:
        """Another place for the metadata, or another quorum, than the one that has it; a version
        without a way from the one to the other, on the way."""
        if site.name in site.context.unknown:
            yield LabError("where its metadata is cannot be told: its hosts do not answer",
                           where=site.name, hint="run it again, or see `fab status`")
            return
        if site.datacenter.config.kraft and site.datacenter.config.servers:
            version = site.datacenter.config.version
            if not has_zookeeper(version):
                yield LabError(
                    f"its metadata is in ZooKeeper, which Kafka {version} does not have",
                    where=site.name, hint="say the version that it has, until `fab kraft.finish`",
                )
                return
        for host in site.carriers(self.name):
            change = plans[host.name].of(Key("file", CONFIG)) if host.name in plans else None
            if change and isinstance(change.before, File) and isinstance(change.after, File):
                before, after = keepers(change.before.text), keepers(change.after.text)
                if before and before != after:
                    moves = "ZooKeeper" in before and len(before) > 1
                    yield LabError(
                        f"its metadata is {words(before)}, and does not move by itself to where "
                        f"the lab file has it, {words(after)}", where=site.name,
                        hint="undo that change in the lab file, "
                        + ("and then `fab kraft.back`" if moves else f"or {REPLACE}"),
                    )
                    return

    def verify(self, site: Site, report: Report) -> bool:
        from scripts.drivers.proof import Proof  # noqa: PLC0415 - `up` proves nothing
        from scripts.drivers.release import proven  # noqa: PLC0415 - the same

        release = beside(lambda: proven(site))
        # A broker that is not there tells no release, and is told of already.
        held = Proof(site, self.name).run(report) and report.check(self.name, "release", release)
        if not site.context.listens(site.datacenter).plain:
            from scripts.drivers.listeners import summary, tried  # noqa: PLC0415 - the same

            held &= report.check(self.name, "listeners", lambda: summary(tried(site)))
        return held

    def differences(self, site: Site, wanted: ClusterState, *, there: bool) -> Differences:
        return Topics(site).differences(wanted, there=there)

    def reconcile(self, site: Site, wanted: ClusterState, tell: Tell) -> int:
        return Topics(site).reconcile(wanted, tell)
