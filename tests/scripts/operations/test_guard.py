"""What `plan` says about a changed lab file, `up` does: pairs of files, on an engine in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings, strategies as st

from lab import state
from lab.file import parse
from lab.services.context import Context
from lab.services.local import local_context
from lab.services.registry import desired_state
from lab.standing import Obstacle
from lab.topology import Datacenter, Host, Topology, build
from scripts.clients.kafka import Cluster, View
from scripts.drivers import upgrading
from scripts.errors import LabError, UsageError
from scripts.hosts.converge import HostPlan
from scripts.operations import guard, replacing
from scripts.operations.guard import refusals, refuse, unsurvived
from scripts.platforms import Instance, sshd
from scripts.platforms.local import Local, checks, finding, recipe
from scripts.platforms.local.engine import Engine
from scripts.workstation import memory, process
from scripts.workstation.memory import needed_mb
from tests.fake_engine import FakeEngine
from tests.fakes import FakeFleet, FakeHost


@dataclass(frozen=True)
class Shape:
    """A lab file; `datacenters` are (zookeeper, kafka), with `controllers` (kraft, kafka)."""

    name: str = "pair"
    owner: str = "ann"
    domain: str = "lab.internal"
    network: int = 1
    port_base: int = 21000
    datacenters: tuple[tuple[int, int], ...] = ((1, 1),)
    control: int = 0
    controllers: bool = False
    names: str = "{owner}-{datacenter}-{role}{number}"
    prefix: int = 24

    def topology(self) -> Topology:
        return build(parse({
            "name": self.name, "owner": self.owner, "domain": self.domain,
            "local": {"port_base": self.port_base}, "names": {"pattern": self.names},
            "datacenters": [
                {"name": f"dc{n + 1}", "cidr": f"10.77.{self.network + n}.0/{self.prefix}",
                 "control": self.control, "kafka": kafka,
                 "metadata": "kraft" if self.controllers else "zookeeper",
                 "controller" if self.controllers else "zookeeper": keepers}
                for n, (keepers, kafka) in enumerate(self.datacenters)
            ],
        }).lab)


SHAPES = st.builds(
    Shape, name=st.sampled_from(["pair", "pair", "pair", "other"]),
    owner=st.sampled_from(["ann", "ann", "ann", "ben"]),
    domain=st.sampled_from(["lab.internal", "b.example"]),
    network=st.sampled_from([0, 0, 0, 1]), port_base=st.sampled_from([21000, 21000, 21000, 22000]),
    datacenters=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=3
    ).map(tuple), control=st.integers(0, 1), controllers=st.sampled_from([False, False, True]),
    names=st.sampled_from([Shape.names] * 3 + ["{owner}-{role}{number}-{datacenter}"]),
    prefix=st.sampled_from([24, 24, 24, 25]),
)


@dataclass
class Session:
    """As much of a session as a refusal needs; no host lets it in but those of `hosts`."""

    topology: Topology
    platform: Local
    platform_name: str = "local"
    hosts: tuple[str, ...] = ()

    def say(self, line: str) -> None:
        assert line

    def lead(self, datacenter: str) -> None:
        assert datacenter == "", "of a lab that is removed nobody was promoted"

    def fleet(self, instances: Mapping[str, Instance]) -> FakeFleet:
        shut = LabError("no SSH server answers")
        return FakeFleet(
            [FakeHost(name, closed=None if name in self.hosts else shut) for name in instances]
        )

    def peek_software(self) -> dict[Any, Any]:
        return {}

    def context(self, software: object, instances: object, *_: object) -> Context:
        return local_context(self.topology, {})

    def datacenters(self, hosts: Sequence[Host]) -> tuple[Datacenter, ...]:
        names = {host.datacenter for host in hosts}
        return tuple(one for one in self.topology.datacenters if one.name in names)


@dataclass
class Machine:
    """An engine in memory, and the labs on it."""

    fake: FakeEngine
    state: Path
    said: list[str] = field(default_factory=list)

    def taken(self, wanted: Mapping[int, str]) -> list[Obstacle]:
        """What checks.ports finds: the ports of containers that run."""
        there = {
            int(value) for one in self.fake.containers.values() if one.state == "running"
            for key, value in one.labels.items() if key.endswith(("-port", ".port"))
        }
        return [Obstacle("", f"port {port} is taken", "stop what listens there, or change "
                         "port_base") for port in sorted(wanted) if port in there][:1]

    def session(self, shape: Shape) -> Session:
        topology = shape.topology()
        platform = Local(
            topology, engine=Engine("podman", ("podman",)), state=self.state,
            say=self.said.append, prebuilt=False,
        )
        return Session(topology, platform)

    def named(self, session: Session, lab: str) -> Local:
        engines = finding.Machine({"podman": Engine("podman", ("podman",)), "docker": None})
        return Local.named(lab, session.topology, state=self.state / lab, machine=engines)

    def plan(self, session: Session) -> list[str]:
        found = session.platform.instances()
        hosts = session.topology.hosts
        return [str(one) for one in refusals(cast(Any, session), hosts, found)]

    def up(self, session: Session) -> None:
        """As `deploy` begins: what is refused is raised, and then hosts are made."""
        found, hosts = session.platform.instances(), session.topology.hosts
        refuse(refusals(cast(Any, session), hosts, found))
        session.platform.create({}, {host.name for host in hosts})


def silent(cluster: Cluster, timeout: float) -> View:
    raise LabError("no broker answers")


@contextmanager
def machine() -> Iterator[Machine]:
    fake = FakeEngine("podman", networks={"podman": ("", "10.88.0.0/16")})
    fake.images[f"{recipe.REPOSITORY}/base:{recipe.digest()}"] = {}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", folder)
        patch.setattr(process, "run", fake)
        patch.setattr(sshd, "answers", lambda host, port: True)
        one = Machine(fake, Path(folder))
        patch.setattr(checks, "ports", one.taken)
        patch.setattr(checks, "inotify", lambda hosts: [])
        patch.setattr(checks, "raise_inotify", lambda hosts: None)
        yield one


def replaced(one: Machine, old: Shape, new: Shape) -> None:
    """The command that plan names makes the lab that the file says, and asks before it does."""
    session = one.session(new)
    if old.name != new.name:
        assert f"`fab down --lab {old.name}`" in one.plan(session)[0]
        one.named(session, old.name).destroy()
    else:
        before = set(one.fake.containers)

        def refuse_it(question: str) -> None:
            assert question == f"Remove {len(before)} hosts of {old.name} with all data?"
            raise UsageError("not agreed")

        with pytest.raises(UsageError):
            replacing.replace(cast(Any, session), refuse_it)
        assert set(one.fake.containers) == before
        replacing.replace(cast(Any, session), lambda question: None)
    assert one.fake.containers == {}
    session = one.session(new)
    one.up(session)
    assert session.platform.instances().keys() == {host.name for host in session.topology.hosts}


@settings(max_examples=60, deadline=None)
@given(old=SHAPES, new=SHAPES)
def test_a_changed_file_is_done_or_refused_by_plan_with_the_ways_out(
    old: Shape, new: Shape
) -> None:
    with machine() as one, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cluster, "view", silent)
        one.up(one.session(old))
        before = {name: dict(c.labels) for name, c in one.fake.containers.items()}
        calls = len(one.fake.calls)
        session = one.session(new)
        refused = one.plan(session)
        looked = {call[0] for call in one.fake.calls[calls:]}
        assert looked <= {"ps", "network"}, "who only looks changes nothing"
        if refused:
            assert all("fab down" in line for line in refused), "the ways out"
            with pytest.raises(LabError) as error:
                one.up(one.session(new))
            assert str(error.value) == refused[0]
            assert {n: dict(c.labels) for n, c in one.fake.containers.items()} == before
            replaced(one, old, new)
            return
        one.up(session)
        there = one.session(new).platform.instances()
        assert {host.name for host in session.topology.hosts} <= there.keys()
        assert all(labels == one.fake.containers[name].labels for name, labels in before.items())
        gateway = session.platform.context({}, there).admin
        if old.name == new.name:
            was = one.session(old).platform.context({}, there).admin
            assert gateway == was, "it is the network's"


def test_a_lab_of_another_name_is_another_lab_and_its_ports_are_named() -> None:
    with machine() as one:
        one.up(one.session(Shape()))
        beside = one.session(Shape(name="other", network=5, port_base=25000))
        assert one.plan(beside) == []
        for new, has in (
            (Shape(name="other", network=5),
             r"port 21021 of 127\.0\.0\.1 \(SSH of ann-dc1-zk01\)"),
            (Shape(name="other", port_base=25000), r"the network 10\.77\.1\.0/24"),
        ):
            with pytest.raises(LabError, match=f"the lab pair with 2 hosts has {has}") as error:
                one.up(one.session(new))
            assert error.value.hint.startswith("end that lab with its data: `fab down --lab pair`")
        with pytest.raises(UsageError, match="no other lab 'pear' on this machine"):
            one.named(beside, "pear")


def test_nothing_is_removed_that_would_not_come_back() -> None:
    """Another lab has the ports that the file asks for now, so the lab stays as it is."""
    with machine() as one:
        one.up(one.session(Shape()))
        one.up(one.session(Shape(name="other", network=5, port_base=25000)))
        before = set(one.fake.containers)
        session = one.session(Shape(port_base=25000))
        with pytest.raises(LabError, match="the lab other with 2 hosts has port 25021"):
            replacing.replace(cast(Any, session), lambda question: None)
        assert set(one.fake.containers) == before


def test_a_lab_that_would_not_fit_is_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its hosts take now is counted as free."""
    def silent(cluster: Cluster, timeout: float = 0) -> None:
        raise LabError(f"{cluster.name} does not answer")

    monkeypatch.setattr(Cluster, "view", silent)
    old, new = Shape(), Shape(port_base=25000, datacenters=((1, 3),))
    with machine() as one:
        one.up(one.session(old))
        before = set(one.fake.containers)
        more = needed_mb(new.topology().hosts, new.topology()) - needed_mb(
            old.topology().hosts, old.topology())
        monkeypatch.setattr(memory, "available_mb", lambda meminfo: more - 1)
        with pytest.raises(LabError, match="MB of memory"):
            replacing.replace(cast(Any, one.session(new)), lambda question: None)
        assert set(one.fake.containers) == before
        monkeypatch.setattr(memory, "available_mb", lambda meminfo: more)
        replacing.replace(cast(Any, one.session(new)), lambda question: None)
        assert one.fake.containers == {}


def test_what_is_in_order_is_not_replaced() -> None:
    with machine() as one:
        one.up(one.session(Shape()))
        session = one.session(Shape(datacenters=((1, 2),)))
        replacing.replace(cast(Any, session), lambda question: pytest.fail("nobody has to agree"))
        assert len(one.fake.containers) == 2


@pytest.mark.parametrize("new, words", [
    (replace(Shape(), owner="ben"),
     "ben-dc1-zk01: would need the address or port of ann-dc1-zk01"),
    (replace(Shape(), network=2), r"ann-dc1-zk01: address is 10\.77\.1\.21 and would have to"),
    (replace(Shape(), port_base=22000), "ann-dc1-zk01: ssh-port is 21021"),
    (replace(Shape(), datacenters=((1, 1), (1, 1))),
     r"dc2: 10\.77\.2\.0/24 is not in the lab's network 10\.77\.1\.0/24, .*nothing is free"),
])
def test_what_cannot_become_so_is_refused_by_name(new: Shape, words: str) -> None:
    with machine() as one:
        one.up(one.session(Shape()))
        with pytest.raises(LabError, match=words):
            one.up(one.session(new))


def test_a_datacenter_that_does_not_fit_is_offered_one_that_does() -> None:
    """Two at 10.77.1 and 10.77.2 share 10.77.0.0/22, of which 10.77.3 is free."""
    with machine() as one:
        one.up(one.session(Shape(datacenters=((1, 1), (1, 1)))))
        grown = one.session(Shape(datacenters=((1, 1), (1, 1), (1, 1))))
        assert one.plan(grown) == []
        far = one.session(Shape(datacenters=((1, 1), (1, 1), (1, 1), (1, 1))))
        found, = one.plan(far)
        assert 'dc4: 10.77.4.0/24 is not in the lab\'s network 10.77.0.0/22' in found


def test_a_smaller_ensemble_is_refused_and_a_smaller_cluster_is_not() -> None:
    with machine() as one:
        one.up(one.session(Shape(datacenters=((3, 3),))))
        assert one.plan(one.session(Shape(datacenters=((3, 2),)))) == []
        found, = one.plan(one.session(Shape(datacenters=((2, 3),))))
        assert found.startswith(
            "dc1: its ZooKeeper ensemble of 3 servers would become one of 2: "
        )
        assert "say zookeeper = 3 again" in found


@pytest.mark.parametrize(("old", "new"), [
    (Shape(controllers=True, datacenters=((3, 1),)), Shape(controllers=True)),
    (Shape(controllers=True), Shape()), (Shape(), Shape(controllers=True)),
])
def test_metadata_that_would_move_is_refused_and_the_command_that_is_named_does_it(
    old: Shape, new: Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "view", silent)
    with machine() as one:
        one.up(one.session(old))
        refused = one.plan(one.session(new))
        assert refused and all("`fab up --replace` asks, and does both" in one for one in refused)
        replaced(one, old, new)


def test_a_quorum_that_would_grow_is_refused_before_any_host_is_made(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new ones would be more controllers than the file has once the change was undone."""
    old = Shape(controllers=True)
    before, after = old.topology(), Shape(controllers=True, datacenters=((3, 1),)).topology()
    there = {
        host.name: Instance(host.name, "i", True, "127.0.0.1", host.ssh_port, "student", "key",
                            str(host.address))
        for host in before.hosts
    }

    def look(fleet: object, hosts: Sequence[Host], context: Context) -> dict[str, HostPlan]:
        was = local_context(before, {})
        return {host.name: HostPlan(host, state.diff(
            desired_state(host, was), desired_state(host, context)
        )) for host in hosts}

    monkeypatch.setattr(guard, "survey", look)
    monkeypatch.setattr(upgrading, "levels", lambda _: None)
    session = cast(Any, Session(after, cast(Any, None), hosts=tuple(there)))
    (error,) = unsurvived(session, after.hosts, there)
    assert "its metadata is with the controller ann-dc1-kraft01, and does not move" in str(error)
    assert error.hint.endswith("(`fab up --replace` asks, and does both)")
    same = cast(Any, Session(before, cast(Any, None), hosts=tuple(there)))
    assert unsurvived(same, before.hosts, there) == []
    session.hosts = ()
    assert unsurvived(session, after.hosts, there) == [], "who cannot be asked is seen later"
