"""Brokers that nobody believes any more: their certificate has ended, or was put there by mistake.

No client gets in, the lab's own as little as others, so nobody can ask whether the cluster would
bear a restart, and waiting helps nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.listeners import KINDS
from lab.topology import Host
from scripts.clients import tls
from scripts.drivers.driver import Site


def doubted(site: Site, hosts: Sequence[Host]) -> tuple[Host, ...]:
    """Those of some brokers' hosts whose certificate, as they show it now, the lab's own clients do
    not believe."""
    kind, issued = KINDS[site.context.listens(site.datacenter).clients], site.context.issued
    if not (kind.closed and issued.ca):
        return ()
    trust = tls.own(kind, issued)
    reached = site.context.reached
    return tuple(host for host in hosts if (host.name, kind.outside) in reached
                 and tls.doubtful(reached[host.name, kind.outside], trust))
