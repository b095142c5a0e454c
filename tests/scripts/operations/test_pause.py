"""A lab that rests: what stops before what, and that nobody waits for what does not stop."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from lab.file import parse
from lab.services.registry import SERVICES
from lab.standing import Standing
from lab.topology import Host, Topology, build
from scripts.errors import Closed, CommandError, LabError, ReachError
from scripts.hosts.fleet import Answer
from scripts.hosts.units import where_set_up
from scripts.operations import pause
from scripts.platforms import Instance, Steps
from tests import toy
from tests.fakes import FakeFleet, FakeHost, Reply

ORDER = ("connect", "kafka", "zookeeper")


def topology(kafka: int = 2) -> Topology:
    """Two datacenters; a mirror gives dc2's control host workers."""
    return build(parse({
        "owner": "ann", "datacenters": [
            {"name": "dc1", "cidr": "10.1.0.0/24", "zookeeper": 1, "kafka": kafka, "control": 0},
            {"name": "dc2", "cidr": "10.2.0.0/24", "zookeeper": 1, "kafka": 1},
        ],
        "links": [{"between": ["dc1", "dc2"]}], "mirrors": [{"from": "dc1", "to": "dc2"}],
    }).lab)


def instance(host: Host, *, running: bool = True) -> Instance:
    carries = ("connect",) if host.role == "control" else ()
    return Instance(
        host.name, host.name, running, "localhost", host.ssh_port, "student", "key",
        str(host.address),
        standing=Standing(host.name, host.fqdn, host.datacenter, host.role, host.address, (),
                          carries),
    )


@dataclass
class FakeLab:
    """A session and its platform. `did` is what happened, in order; `unheard` are replies other
    than a silent success, by host and label."""

    topology: Topology
    there: dict[str, Instance]
    unheard: dict[tuple[str, str], Reply] = field(default_factory=dict)
    steps: Steps = field(default_factory=Steps)
    did: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    scripts: dict[tuple[str, str], str] = field(default_factory=dict)
    ended: bool = False  # whether the connections are closed
    refuses: LabError | None = None  # what the platform says instead of stopping

    @property
    def platform(self) -> FakeLab:
        return self

    def instances(self) -> dict[str, Instance]:
        return dict(self.there)

    def stand(self, instances: dict[str, Instance]) -> None:
        assert instances == self.there, "which services there are is asked of the hosts that exist"

    def say(self, line: str) -> None:
        self.said.append(line)

    def fleet(self, instances: dict[str, Instance]) -> FakeFleet:
        assert instances == self.there
        return Fleet(self, [
            FakeHost(name, {f"stop {one}.service": self.hears(name, f"stop {one}.service")
                            for one in ("web", "node-exporter", *ORDER)})
            for name, one in instances.items() if one.running
        ])

    def hears(self, name: str, label: str) -> Callable[[str], Answer | str]:
        def reply(text: str) -> Answer | str:
            self.did.append(f"{label} {name}")
            self.scripts[name, label] = text
            said = self.unheard.get((name, label), "")
            if isinstance(said, Exception):
                raise said
            return cast(Any, said)
        return reply

    def stop(self, names: Collection[str]) -> list[str]:
        assert self.ended, "a host that ends takes the connections to it along"
        self.did.append("power off " + " ".join(names))
        if self.refuses:
            raise self.refuses
        return [name for name in names if self.there[name].running]

    def start(self, names: Collection[str]) -> list[str]:
        assert not any(self.there[name].running for name in names)
        self.did.append("power on " + " ".join(names))
        return list(names)


class Fleet(FakeFleet):
    def __init__(self, lab: FakeLab, hosts: list[FakeHost]) -> None:
        super().__init__(hosts)
        self.lab = lab

    def close(self) -> None:
        self.lab.ended = True


def lab(of: Topology | None = None, exists: Topology | None = None, **more: Any) -> FakeLab:
    of = of or topology()
    return FakeLab(of, {host.name: instance(host) for host in (exists or of).hosts}, **more)


def stop(one: FakeLab) -> list[str]:
    return pause.stop(cast(Any, one))


def start(one: FakeLab) -> None:
    pause.start(cast(Any, one))


def test_what_needs_others_stops_first_in_all_datacenters_and_then_the_hosts() -> None:
    one = lab()
    names = [host.name for host in one.topology.hosts]
    assert stop(one) == names
    *services, last = one.did
    assert last == "power off " + " ".join(names)
    assert services[0] == "stop connect.service ann-dc2-ctl01"
    assert sorted(services[1:4]) == [
        f"stop kafka.service ann-{name}" for name in ("dc1-kafka01", "dc1-kafka02", "dc2-kafka01")
    ]
    assert sorted(services[4:]) == [
        "stop zookeeper.service ann-dc1-zk01", "stop zookeeper.service ann-dc2-zk01",
    ]
    assert set(one.scripts.values()) == {f"systemctl stop {unit}.service\n" for unit in ORDER}
    assert one.said == []


def test_no_broker_stops_before_the_last_worker_has() -> None:
    """What is mirrored goes where brokers are: the order holds across datacenters."""
    one = lab()
    stop(one)
    units = [line.split()[1] for line in one.did if line.startswith("stop")]
    assert units == sorted(units, key=[f"{name}.service" for name in ORDER].index)


def test_only_what_runs_is_stopped() -> None:
    one = lab(exists=topology(3))
    for name in ("ann-dc1-kafka02", "ann-dc1-kafka03", "ann-dc2-ctl01"):
        one.there[name] = replace(one.there[name], running=False)
    del one.there["ann-dc1-zk01"]
    assert stop(one) == ["ann-dc1-kafka01", "ann-dc2-zk01", "ann-dc2-kafka01"]
    assert not [line for line in one.did for name in one.there
                if name in line and not one.there[name].running]


def test_where_nothing_runs_nothing_is_asked_for() -> None:
    one = lab()
    one.there = {name: replace(there, running=False) for name, there in one.there.items()}
    assert stop(one) == []
    assert one.did == ["power off "]


def test_hosts_that_the_lab_file_does_not_mean_stop_with_the_others() -> None:
    """A broker among them leads partitions: it goes with the brokers, if it has the service."""
    one = lab(topology(1), topology(2))
    strange = "ann-dc1-kafka02"
    names = stop(one)
    assert names[-1] == strange
    kafka = [line for line in one.did if line.startswith("stop kafka")]
    assert f"stop kafka.service {strange}" in kafka and len(kafka) == 3
    there = [line.split()[1] for line in one.did[:-1] if strange in line]
    assert there == ["node-exporter.service", "kafka.service"], "it has no other role"
    assert one.scripts[strange, "stop kafka.service"] == where_set_up("stop", "kafka.service")
    assert one.scripts["ann-dc1-kafka01", "stop kafka.service"] == "systemctl stop kafka.service\n"


def test_of_a_host_nobody_remembers_only_the_power_is_taken() -> None:
    one = lab(topology(1), topology(2))
    one.there["ann-dc1-kafka02"] = replace(one.there["ann-dc1-kafka02"], standing=None)
    assert stop(one)[-1] == "ann-dc1-kafka02"
    assert not [line for line in one.did[:-1] if "kafka02" in line]


@pytest.mark.parametrize("error", [
    CommandError("stop kafka.service", 1, "", "Job for kafka.service failed."),
    ReachError(Closed.SILENT, "no SSH connection to localhost:1 (timed out)",
               where="ann-dc1-kafka01", hint="see `fab status`"),
])
def test_a_host_that_does_not_stop_keeps_no_other_awake(error: LabError) -> None:
    """It is told in one line, the others stop in order, and then it stops, too."""
    label = "stop kafka.service"
    one = lab(unheard={("ann-dc1-kafka01", label): error})
    names = stop(one)
    assert names == [host.name for host in one.topology.hosts]
    assert one.said == [
        f"warning: ann-dc1-kafka01: its services were not stopped first: {error.what}"
    ]
    assert "\n" not in one.said[0]
    assert {"stop kafka.service ann-dc2-kafka01", "stop zookeeper.service ann-dc1-zk01"} <= set(
        one.did
    )


def test_a_host_that_does_not_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try costs its time-out: what else runs there is not tried."""
    monkeypatch.setitem(SERVICES, toy.SERVICE.name, toy.SERVICE)
    error = ReachError(Closed.SILENT, "no SSH connection", where="ann-dc2-ctl01")
    one = lab(unheard={("ann-dc2-ctl01", "stop web.service"): error})
    stop(one)
    assert [line for line in one.did[:-1] if "ctl01" in line] == [
        "stop web.service ann-dc2-ctl01"
    ]
    assert len(one.said) == 1


def test_what_the_platform_cannot_stop_is_its_own_error_after_the_services() -> None:
    one = lab(refuses=LabError("on spot, and cannot be stopped", where="ann-dc1-zk01"))
    with pytest.raises(LabError, match="ann-dc1-zk01: on spot"):
        stop(one)
    assert len(one.did) == 7


def test_a_bug_is_not_taken_for_a_silent_host() -> None:
    one = lab(unheard={("ann-dc1-kafka01", "stop kafka.service"): ValueError("a bug")})
    with pytest.raises(ValueError, match="a bug"):
        stop(one)
    assert not any(line.startswith("power off") for line in one.did)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What `up` was told to bring to what the lab file says; noted with what was done before."""
    found: list[list[str]] = []

    def deploy(session: FakeLab, hosts: list[Host]) -> None:
        session.did.append("deploy")
        found.append([host.name for host in hosts])

    monkeypatch.setattr(pause, "deploy", deploy)
    return found


def asleep(one: FakeLab, *names: str) -> None:
    for name in names or list(one.there):
        one.there[name] = replace(one.there[name], running=False)


def test_a_lab_that_is_awake_is_left_alone(deployed: list[list[str]]) -> None:
    one = lab()
    start(one)
    assert (one.did, one.said, deployed) == ([], ["no host is stopped, nothing to do"], [])


def test_hosts_that_rested_are_brought_to_what_the_file_says_and_none_is_made(
    deployed: list[list[str]],
) -> None:
    one = lab()
    asleep(one)
    del one.there["ann-dc1-kafka02"]
    start(one)
    assert one.did == ["deploy"]
    assert deployed == [list(one.there)]


def test_hosts_that_the_file_does_not_mean_come_back_first(deployed: list[list[str]]) -> None:
    """A topic that is whole only with them would keep the others waiting."""
    one = lab(topology(1), topology(2))
    asleep(one)
    start(one)
    assert one.did == ["power on ann-dc1-kafka02", "deploy"]
    assert one.said == ["1 host started that the lab file does not mean"]
    assert deployed == [[host.name for host in one.topology.hosts]]


def test_where_addresses_change_the_next_step_is_said_and_not_taken(
    deployed: list[list[str]],
) -> None:
    one = lab(steps=Steps(started="`fab up` writes their new addresses"))
    asleep(one, "ann-dc1-kafka01", "ann-dc2-zk01")
    start(one)
    assert one.did == ["power on ann-dc1-kafka01 ann-dc2-zk01"]
    assert one.said == ["2 hosts started; `fab up` writes their new addresses"]
    assert deployed == []
