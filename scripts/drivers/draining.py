"""Brokers that are to leave their cluster: emptied, stopped, and forgotten by it.

A topic that is made while they are emptied may get replicas there. So it is only after they have
stopped, and get nothing any more, that it is known whether they have nothing; if not, they are
started again and emptied anew. Nothing is written down: how far it has come is seen in the cluster,
and the next run goes on from there.
"""

from __future__ import annotations

import threading

from scripts.clients.kafka import View
from scripts.clients.reassigning import Reassigning
from scripts.clients.registrations import unregister
from scripts.drivers.balancing import Balancing, sentence
from scripts.drivers.driver import Site, Tell
from scripts.errors import LabError, few
from scripts.platforms import Platform
from scripts.workstation.waiting import wait_until

ROUNDS = 5  # of topics that come meanwhile, until a person has to look
GONE_SECONDS = 60.0  # until a cluster knows that a broker has stopped
AGAIN = "`fab up`"


class Draining:
    """Those of one datacenter, by the lab file (`Site.leaving`), with their hosts."""

    def __init__(self, site: Site, cluster: Reassigning, platform: Platform) -> None:
        self.site, self.brokers, self.platform = site, site.leaving, platform
        self.balancing = Balancing(site, cluster, site.leaving, even=False, again=AGAIN)

    def finish(self, rate: int, tell: Tell, stop: threading.Event) -> None:
        """Until they have stopped, have no replica and are not registered. `rate`: bytes a second
        that each broker may send and get. Raises LabError; the next run goes on."""
        for _ in range(ROUNDS):
            self._empty(rate, tell, stop)
            if stop.is_set():
                raise LabError("stopped; nothing was removed", where=self.site.name,
                               hint=f"{AGAIN} completes it")
            left = self._stopped()
            if not left:
                self._forget()
                return
            tell(f"{self.site.name}: {few(left)} came meanwhile")
            self._start()
        raise LabError(
            f"broker {', '.join(map(str, self.brokers))} gets new replicas as fast as it loses "
            "them", where=self.site.name, hint="let nobody make topics, then run `fab up` again",
        )

    def _empty(self, rate: int, tell: Tell, stop: threading.Event) -> None:
        """Until nothing is to be moved; what comes meanwhile is looked for once more."""
        for _ in range(ROUNDS):
            stand = self.balancing.look()
            if not stand.busy:
                return
            tell(f"{self.site.name}: {sentence(stand)}")
            self.balancing.carry_out(stand, rate, tell, stop)

    def _stopped(self) -> tuple[str, ...]:
        """Stop them; the partitions that have a replica there all the same."""
        self.platform.stop(list(self.brokers.values()))

        def gone() -> View | None:
            # One answer tells both: who is there, and what is where as that broker knows it.
            view = self.site.kafka.view()
            return None if {*view.brokers} & self.brokers.keys() else view

        view: View = wait_until(
            gone, timeout=GONE_SECONDS, where=self.site.name,
            message=f"broker {', '.join(map(str, self.brokers))} has stopped and is still there",
        )
        return tuple(sorted({name for broker in self.brokers for name in view.on(broker)}))

    def _start(self) -> None:
        self.platform.start(list(self.brokers.values()))
        self.site.kafka.wait_healthy(among=[*self.site.kafka.expected, *self.brokers])

    def _forget(self) -> None:
        if self.site.quorum.hosts:
            for broker in self.brokers:
                unregister(self.site.quorum, broker)
