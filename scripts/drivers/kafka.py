"""Kafka as the lab acts on it: a cluster in which no replica is missing, and its topics."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from lab.resources import TOPIC, ClusterState
from lab.topology import EXTERNAL_PORT, Host
from scripts.clients.kafka import View, describe
from scripts.drivers.driver import Differences, Driver, Part, Report, Site, Tell, Turn
from scripts.drivers.proof import Proof
from scripts.drivers.topics import Topics
from scripts.errors import LabError

METADATA_SECONDS = 3.0


class Kafka(Driver):
    """The controller restarts last; no partition is under-replicated before and after each."""

    resource_kinds = frozenset({TOPIC})

    def look(self, site: Site) -> View:
        return site.kafka.view()

    def settled(self, site: Site) -> View:
        return site.kafka.wait_healthy()

    def order(self, hosts: Sequence[Host], seen: View | None) -> list[Turn]:
        controller = seen.controller if seen else None
        turns = [Turn(host, "controller" if host.number == controller else "") for host in hosts]
        return sorted(turns, key=lambda turn: bool(turn.note))

    def notes(self, site: Site) -> Iterator[str]:
        """Partitions that lie on brokers which the lab file does not mean any more."""
        if not any(one.datacenter == site.name and one.role == "kafka"
                   for one in site.context.strangers):
            return
        try:
            view = site.kafka.view(METADATA_SECONDS)
        except LabError as error:
            yield f"note: {site.name}: whether brokers that go have partitions: {error.what}"
            return
        for broker in sorted(set(view.brokers) - set(site.kafka.expected)):
            places = view.on(broker)
            some = ", ".join(places[:5]) + (", …" if len(places) > 5 else "")
            has = f"with replicas of {len(places)} partitions ({some})" if places else "with none"
            yield f"note: {site.name}: broker {broker}, no longer in the lab file, runs on {has}"

    def status(self, site: Site, up: Collection[str]) -> Part:
        servers = site.kafka.endpoint.servers
        data: dict[str, Any] = {"bootstrap": servers, "brokers": [], "controller": None,
                                "under_replicated": None, "problem": ""}
        details = {
            host.name: "{}:{}".format(*site.context.reached[host.name, EXTERNAL_PORT])
            for host in site.datacenter.by_role("kafka")
        }
        head = f"{site.name}: bootstrap {servers}"
        try:
            if not any(host.name in up for host in site.datacenter.hosts):
                raise LabError("no broker runs")
            view = site.kafka.view(METADATA_SECONDS)
        except LabError as error:
            return Part({**data, "problem": error.what}, (error.what,), details,
                        (f"{head}, no broker answers",))
        problem = describe(view, site.kafka.expected)
        data |= {"brokers": list(view.brokers), "controller": view.controller,
                 "under_replicated": len(view.under_replicated), "problem": problem}
        line = (f"{head}, {len(view.brokers)} brokers, controller {view.controller}, "
                f"{len(view.under_replicated)} under-replicated")
        return Part(data, (problem,) if problem else (), details, (line,))

    def verify(self, site: Site, report: Report) -> bool:
        return Proof(site, self.name).run(report)

    def differences(self, site: Site, wanted: ClusterState, *, there: bool) -> Differences:
        return Topics(site).differences(wanted, there=there)

    def reconcile(self, site: Site, wanted: ClusterState, tell: Tell) -> int:
        return Topics(site).reconcile(wanted, tell)
