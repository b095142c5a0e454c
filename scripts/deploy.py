"""From a lab file to a running lab: hosts, then their services."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from lab.services import retired
from lab.topology import Host
from scripts.cli import duration
from scripts.connectors import converge_connectors
from scripts.converge import converge
from scripts.distribute import Distributor
from scripts.kafka_dist import Distribution
from scripts.memory import check_memory
from scripts.platforms import Instance
from scripts.progress import Progress, phase
from scripts.rolling import roll
from scripts.session import Session

T = TypeVar("T")
BESIDE = "beside"  # the name of the threads that `beside` makes


def deploy(session: Session, hosts: Sequence[Host]) -> None:
    """Create what is missing and converge `hosts`; says what it did."""
    instances = session.platform.instances()
    missing = missing_hosts(hosts, instances)
    distribution = None
    if session.platform_name == "local":  # elsewhere hosts are made by others, without it
        check_memory(missing)
        distribution = _prepare(session, missing)
    began = time.monotonic()
    # An instance without a host key is one whose creation was cut off.
    if missing or not all(instance.host_key for instance in instances.values()):
        with phase("create hosts"):
            instances = session.platform.create(distribution, {host.name for host in hosts})
    distribution = distribution or session.distribution()
    if missing:
        session.say(f"{len(missing)} hosts created or started in {duration(began)}")
    known = {host.name for host in session.topology.hosts}
    for name in sorted(instances.keys() - known):
        session.say(f"warning: {name} is of this lab but not in the lab file; left alone")
    _converge(session, hosts, instances, distribution, None)


def _prepare(session: Session, missing: Sequence[Host]) -> Distribution:
    """The distribution, and with it the image of `missing` hosts of the local platform.

    Where both have to be got, the image's first part is made while the distribution is fetched: the
    one keeps a single core busy, the other waits for the network.
    """
    fetch: Callable[[], Distribution] = session.distribution
    names = {host.name for host in missing}
    if missing and session.peek_distribution() is None:
        fetch = beside(fetch)
        session.platform.prepare(None, names)
    distribution = fetch()
    if missing:
        session.platform.prepare(distribution, names)
    return distribution


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin `work` in a thread; what is returned waits for its end and has its result or error.

    The thread holds nobody up: a run that ends before it, by an error or by hand, ends at once.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name=BESIDE, daemon=True)
    thread.start()

    def wait() -> T:
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    return wait


def missing_hosts(hosts: Sequence[Host], instances: Mapping[str, Instance]) -> list[Host]:
    """The hosts that do not exist or do not run."""
    return [h for h in hosts if h.name not in instances or not instances[h.name].running]


def converge_existing(session: Session, hosts: Sequence[Host], only: tuple[str, ...]) -> None:
    """Converge one service on the hosts that need it; creates none."""
    chosen = [
        host for host in hosts
        if only == ("hosts",) or set(only) & set(host.roles) or retired(host, only)
    ]
    instances = session.running([host.name for host in chosen])
    distribution = None if only == ("hosts",) else session.distribution()
    _converge(session, chosen, instances, distribution, only)


def _converge(
    session: Session, hosts: Sequence[Host], instances: dict[str, Instance],
    distribution: Distribution | None, only: tuple[str, ...] | None,
) -> None:
    began = time.monotonic()
    context = session.context(distribution, instances)
    distributor = Distributor(session.topology, distribution)
    names = [host.name for host in hosts]
    with session.fleet(instances) as fleet, Progress(session.topology.lab, names) as progress:
        with phase("converge"):
            try:
                plans = converge(fleet, hosts, context, distributor, progress, only=only)
            finally:
                distributor.close(fleet)
            datacenters = session.datacenters(tuple(hosts))
            restarted = roll(fleet, datacenters, plans, context, progress)
        moved = 0
        if only is None or "connect" in only:
            workers = [d for d in datacenters if set(d.by_role("connect")) & set(hosts)]
            with phase("connectors"):
                moved = converge_connectors(fleet, session.topology, workers, progress)
    changed = sum(1 for plan in plans.values() if plan.changes)
    text = f"{changed} of {len(hosts)} hosts changed" if changed or moved else (
        f"{len(hosts)} hosts in order, nothing to do"
    )
    rolled = f", {restarted} services restarted one at a time" if restarted else ""
    mirrored = f", {moved} connectors set up, repaired or removed" if moved else ""
    session.say(f"{text}{rolled}{mirrored}, {duration(began)}")
