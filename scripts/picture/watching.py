"""A feed of some datacenters of a lab: all that is looked at, over connections of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from lab.picture.history import SECONDS
from lab.topology import Datacenter
from scripts.drivers.driver import Site, sites
from scripts.errors import LabError
from scripts.picture.feed import Feed
from scripts.picture.looks import looks
from scripts.session import Session


@contextmanager
def watching(
    session: Session, chosen: Sequence[Datacenter], seconds: float = SECONDS
) -> Iterator[Feed]:
    """What is seen of these datacenters from now on; `seconds` of it are kept.

    Raises LabError where no host of them exists.
    """
    instances = session.platform.instances()
    if not any(host.name in instances for one in chosen for host in one.hosts):
        raise LabError("no host of it exists", where=session.topology.lab,
                       hint=session.platform.steps.absent)
    context = session.context({}, instances)
    with ExitStack() as stack:
        def reach() -> Mapping[str, Site]:
            return sites(stack.enter_context(session.fleet(instances)), context, chosen)

        feed = Feed(tuple(looks(reach, session.topology.config.mirrors)), seconds=seconds)
        feed.start()
        try:
            yield feed
        finally:
            feed.close()
