"""The contract of a driver: how the lab acts on one service.

`lab.services.service` says what a service is; a driver knows how to restart it, how to look at it
and how to prove that it works. The default here serves any service that answers on a port.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from lab.model import Lab
from lab.resources import ClusterState
from lab.services.context import Context
from lab.services.quorum import controllers, node_id
from lab.services.registry import carriers
from lab.services.service import Port, Service
from lab.services.zookeeper import members
from lab.standing import leaving
from lab.topology import Datacenter, Host
from scripts.clients.http import TIMEOUT, Http, HttpError
from scripts.clients.kafka import Cluster, View
from scripts.errors import LabError, TimeoutExpired, told
from scripts.hosts.converge import HostPlan
from scripts.hosts.fleet import Fleet
from scripts.workstation.waiting import wait_until

if TYPE_CHECKING:
    from scripts.clients.quorum import Quorum
    from scripts.clients.zookeeper import Ensemble

ANSWER_SECONDS = 120.0
LOOK_SECONDS = 5.0
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Site:
    """One datacenter to act on: the connections, the lab around it, and its clients, made once.

    joining: hosts that cannot serve before the others have restarted and know of them. clusters:
    those that were asked, by datacenter, of all sites that came of each other.
    """

    fleet: Fleet
    context: Context
    datacenter: Datacenter
    joining: frozenset[str] = frozenset()
    clusters: dict[str, Cluster] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.datacenter.name

    @property
    def lab(self) -> Lab:
        return self.context.topology.config

    def carriers(self, service: str) -> tuple[Host, ...]:
        """The hosts that have a service."""
        return carriers(service, self.datacenter, self.lab)

    @cached_property
    def leaving(self) -> dict[int, str]:
        """The hosts of brokers that the lab file has no more, by the brokers' ids."""
        found = leaving(self.context.topology, self.context.strangers)
        return {one.broker: one.name for one in found if one.broker and one.datacenter == self.name}

    @cached_property
    def kafka(self) -> Cluster:
        """The cluster through its EXTERNAL listeners."""
        brokers = tuple(host.number for host in self.datacenter.by_role("kafka"))
        one = Cluster(self.name, self.context.external(self.datacenter), brokers)
        known = self.clusters.setdefault(self.name, one)
        same = (known.endpoint, known.expected) == (one.endpoint, one.expected)
        return known if same else one

    def other(self, name: str) -> Site:
        """Another datacenter of the lab, or this one."""
        if name == self.name:
            return self
        there = self.context.topology.datacenter(name)
        return replace(self, datacenter=there, joining=frozenset())

    @cached_property
    def zookeeper(self) -> Ensemble:
        from scripts.clients.zookeeper import Ensemble  # noqa: PLC0415 - not with KRaft

        return Ensemble(self.fleet, members(self.datacenter, self.context), self.name)

    @cached_property
    def quorum(self) -> Quorum:
        """Of KRaft; without members where ZooKeeper has the metadata."""
        from scripts.clients.quorum import Quorum  # noqa: PLC0415 - few labs have both

        ids = {host: node_id(host) for host in controllers(self.datacenter)}
        return Quorum(self.fleet, ids, self.name)

    def seen(self, view: View) -> View:
        """A cluster's answer with the controller by its own word: a broker of KRaft names any
        broker (apache/kafka#16968)."""
        if not self.datacenter.config.led:
            return view
        return replace(view, controller=self.quorum.ask().controller)

    def http(self, host: Host, port: int, service: str, timeout: float = TIMEOUT) -> Http:
        """HTTP to a port of a host, through SSH."""
        return Http(self.fleet, host, port, service, timeout)


def sites(
    fleet: Fleet, context: Context, datacenters: Sequence[Datacenter]
) -> dict[str, Site]:
    """A site for each datacenter, by name; each as it stands (lab.migration)."""
    clusters: dict[str, Cluster] = {}
    return {one.name: Site(fleet, context, context.topology.datacenter(one.name), clusters=clusters)
            for one in datacenters}


@dataclass(frozen=True)
class Turn:
    """A host whose turn it is to restart; `note` says what is special about it ("leader")."""

    host: Host
    note: str = ""

    def __str__(self) -> str:
        return f" ({self.note})" if self.note else ""


@dataclass(frozen=True)
class Part:
    """A service's part of the status of a datacenter.

    data: what --json says under the service's name. problems: sentences. details: a few words about
    single hosts, by name. lines: what else a person wants to know.
    """

    data: Any
    problems: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Differences:
    """What `reconcile` would do, in lines, and what it would refuse to do.

    at_rest: whether it was seen, too, that nothing is on its way for which it would wait.
    """

    lines: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    at_rest: bool = False

    @property
    def nothing(self) -> bool:
        return not (self.lines or self.refused)


@dataclass(frozen=True)
class Line:
    """One check: of which service, what was checked, whether it held, what was seen."""

    service: str
    what: str
    held: bool
    seen: str


@dataclass
class Report:
    """The checks of one datacenter, or of what lies between two, in order.

    `tell` hears what is being checked.
    """

    where: str
    tell: Tell = lambda what: None
    lines: list[Line] = field(default_factory=list)

    def check(self, service: str, what: str, work: Callable[[], str]) -> bool:
        """Run one check. It fails with a LabError, or with what a client raises because of its
        surroundings; anything else is a bug and is raised."""
        self.tell(what)
        try:
            seen = work()
        except Exception as error:
            found = told(error)
            if found is None:
                raise
            self.lines.append(Line(service, what, False, str(found)))
            return False
        self.lines.append(Line(service, what, True, seen))
        return True

    @property
    def ok(self) -> bool:
        return all(line.held for line in self.lines)


class Span(Protocol):
    """What is proven between two datacenters, after each of them by itself."""

    name: str

    def prepare(self) -> None:
        """Make in advance what takes time to be noticed; runs while datacenters are checked."""

    def prove(self, report: Report) -> None: ...

    def forget(self) -> None:
        """Take away what `prepare` and `prove` made."""


class Driver:
    """One service as the lab acts on it. Has no state: all that it needs is in the site."""

    resource_kinds: frozenset[str] = frozenset()  # of lab.resources that it looks after

    def __init__(self, service: Service) -> None:
        self.service, self.name = service, service.name

    def concerns(self, site: Site) -> bool:
        """Whether a datacenter has the service."""
        return self.service.concerns(site.datacenter, site.lab)

    # -- restarting: `look`, `order`, restart the first one, and again

    def look(self, site: Site) -> Any:
        """What decides who restarts next (who leads, say). Raises LabError where none can tell."""
        return None

    def settled(self, site: Site) -> Any:
        """Wait until one process of the service may safely restart; returns what `look` then tells.

        Also called after the last restart. Raises LabError.
        """
        for host in site.carriers(self.name):
            self._await(site, host)
        return self.look(site)

    def shut(self, site: Site, hosts: Sequence[Host]) -> tuple[Host, ...]:
        """Those of some hosts that let nobody in as they run now, so that they restart first and
        nobody is asked whether the service bears it."""
        return ()

    def serving(self, site: Site, hosts: Sequence[Host], up: Collection[str]) -> None:
        """Wait until the service does its work on `hosts`, where it has only just begun; `up` are
        the hosts that run. What is wrong with others is no reason to wait. Raises LabError."""
        for host in hosts:
            self._await(site, host)

    def _await(self, site: Site, host: Host) -> None:
        last = ""

        def answers() -> bool:
            nonlocal last
            last = self.silent(site, host)
            return not last

        try:
            wait_until(answers, timeout=ANSWER_SECONDS)
        except TimeoutExpired:
            raise TimeoutExpired(
                f"{last}, still after {ANSWER_SECONDS:g} s", where=host.name,
                hint=f"see `fab logs {host.name} {self.name}`",
            ) from None

    def order(self, hosts: Sequence[Host], seen: Any) -> list[Turn]:
        """In which order `hosts` restart, by what `look` has seen (None: nobody could tell)."""
        del seen
        return [Turn(host) for host in hosts]

    def forewarned(self, site: Site) -> None:
        """What goes before all restarts in a datacenter, where some of these are the service's."""

    @contextmanager
    def around(self, site: Site, host: Host) -> Iterator[None]:
        """What goes before a restart on `host`, and after it."""
        yield

    # -- looking

    def silent(self, site: Site, host: Host) -> str:
        """In what way the service of a host does not answer; "" where it does."""
        port = self.service.port_on(host, site.context)
        if port is None:
            return ""
        if port.scheme == "http":
            return self._refusal(site, host, port)
        try:
            channel = site.fleet[host.name].open_channel(
                str(host.address), port.number, timeout=LOOK_SECONDS
            )
        except LabError as error:
            return error.what
        if channel is None:
            return f"{self.name} does not answer on port {port.number}"
        channel.close()
        return ""

    def _refusal(self, site: Site, host: Host, port: Port) -> str:
        """An answer over HTTP is a sign of life unless it says that the server has failed."""
        try:
            site.http(host, port.number, self.name)("GET", "/")
        except HttpError as error:
            return "" if error.status < 500 else error.what
        except LabError as error:
            return error.what
        return ""

    def status(self, site: Site, up: Collection[str]) -> Part:
        """The service in a datacenter; `up` are the hosts that run and answer SSH."""
        hosts = {host.name: host for host in site.carriers(self.name)}
        there = [name for name in hosts if name in up]
        found = site.fleet.each(lambda name: self.silent(site, hosts[name]), there)
        return Part(
            data={"hosts": {name: found[name] or "answers" for name in there}},
            problems=tuple(
                f"{self.name} on {name}: {text}" for name, text in found.items() if text
            ),
        )

    def verify(self, site: Site, report: Report) -> bool:
        """Prove that it works, adding a line a check to `report`; whether all of them held."""
        return report.check(self.name, "answers", lambda: self._answers(site))

    def _answers(self, site: Site) -> str:
        self.settled(site)
        hosts = site.carriers(self.name)
        port = self.service.port_on(hosts[0], site.context)
        where = f" on port {port.number}" if port else ""
        return f"{', '.join(host.name for host in hosts)} answered{where}"

    def spans(self, sites: Mapping[str, Site]) -> Iterator[Span]:
        """The proofs between two of these datacenters."""
        return iter(())

    # -- what it could not become

    def obstacles(self, site: Site, plans: Mapping[str, HostPlan]) -> Iterator[LabError]:
        """What of the hosts' changes, as they are planned, the service would not survive."""
        return iter(())

    # -- what it keeps in a cluster for itself

    def unsound(self, site: Site, fresh: Collection[str] = ()) -> tuple[str, ...]:
        """What of that has to be put right before its processes start, in lines for `plan`;
        nothing where no broker answers, or where one is `fresh`: made or started a moment ago."""
        return ()

    def foster(self, site: Site, over: Callable[[], bool]) -> None:
        """Make what its processes would make in clusters when they start for the first time, while
        they start, until that is `over`. What does not come about they do themselves."""

    def mend(self, site: Site, tell: Tell) -> int:
        """Put it right, while its processes stand still; how much was wrong. Raises LabError."""
        return 0

    # -- the cluster's state

    def differences(self, site: Site, wanted: ClusterState, *, there: bool) -> Differences:
        """What `reconcile` would do; nothing is changed. `there`: its hosts run."""
        return Differences()

    def reconcile(self, site: Site, wanted: ClusterState, tell: Tell) -> int:
        """Make the cluster's resources what they should be; how many had to be changed.

        Raises LabError, also for what may not be changed, after all else is done.
        """
        return 0
