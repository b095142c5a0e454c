"""Convergence, distribution and rolling restarts against a fleet that rejects the unexpected."""

from __future__ import annotations

import base64
import shlex
import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import state
from lab.file import parse
from lab.options.mirrors import Mirror
from lab.services.context import Context
from lab.services.local import local_context
from lab.services.registry import desired_state, retired
from lab.state import Change, HostState, Key, Resource
from lab.topology import Host, build
from scripts.errors import CommandError, LabError
from scripts.hosts.change import at_once, with_restart
from scripts.hosts.converge import HostPlan, ahead, converge, summary, survey
from scripts.hosts.deliver import CACHE, Deliverer
from scripts.hosts.fleet import Answer, Fleet
from scripts.operations.described import describe_change, describe_host
from scripts.software.obtain import Obtained
from scripts.software.packages import Packages
from scripts.workstation.screen import Progress
from tests.fakes import FakeFleet, FakeHost
from tests.labs import DIGESTS, KAFKA, obtained


@pytest.fixture
def context() -> Context:
    lab = parse({"owner": "ann", "datacenters": [
        {"name": "dc1", "cidr": "10.1.0.0/24"}, {"name": "dc2", "cidr": "10.2.0.0/24"},
    ]}).lab
    return local_context(build(lab), DIGESTS)


@pytest.fixture
def progress() -> Iterator[Progress]:
    with Progress("test", []) as shown:
        yield shown


def in_datacenter(context: Context, name: str) -> tuple[Host, ...]:
    return context.topology.datacenter(name).hosts


def report(found: HostState) -> str:
    """A host's answer to the read when it has exactly `found`."""
    lines = []
    for key, have in found.items():
        match have:
            case state.Package(path):
                lines.append(f"package\t{key.name}\t{path}")
            case state.User(home):
                lines.append(f"user\t{key.name}\t{home}")
            case state.Member(user):
                lines.append(f"member\t{key.name}\t{user}")
            case state.Archive(sha256):
                lines.append(f"archive\t{key.name}\t{sha256}")
            case state.Sysctl(value, settable):
                lines.append(f"sysctl\t{key.name}\t{'yes' if settable else 'no'}\t{value}")
            case state.Firewall(digest):
                lines.append(f"firewall\t{key.name}\t{digest}")
            case state.Block(content):
                lines.append(f"marked\t{key.name}\tyes")
                lines += [f"block\t{key.name}\t{line}" for line in content.splitlines()]
            case state.Link(target):
                arrow = f"'{key.name}' -> '{target}'"
                lines.append(f"path\t{key.name}\tsymbolic link\t777\troot\t{arrow}")
            case state.Directory(mode, owner):
                lines.append(f"path\t{key.name}\tdirectory\t{mode:o}\t{owner}\t'{key.name}'")
            case state.File(_, mode, owner):
                lines.append(f"path\t{key.name}\tregular file\t{mode:o}\t{owner}\t'{key.name}'")
            case state.Unit(digest, running, enabled):
                lines.append(f"unit\t{key.name}\t{'active' if running else 'failed'}\t"
                             f"{'enabled' if enabled else ''}\t{digest or '-'}\t-\t"
                             f"{have.trouble}\t{have.phase}")
    return "\n".join((*lines, "end\n"))


def run(
    fleet: Fleet, hosts: tuple[Host, ...], context: Context, progress: Progress,
    software: Obtained | None = None,
) -> dict[str, HostPlan]:
    return both(
        fleet, hosts, context,
        Deliverer(context.topology, {KAFKA: software} if software else {}), progress,
    )


def both(
    fleet: Fleet, hosts: tuple[Host, ...], context: Context, deliverer: Deliverer,
    progress: Progress,
) -> dict[str, HostPlan]:
    """Look at the hosts and change them."""
    plans = survey(fleet, hosts, context)
    converge(fleet, plans, context, deliverer, progress)
    return plans


def test_hosts_in_order_are_read_once_and_never_written(
    context: Context, progress: Progress
) -> None:
    hosts = context.topology.hosts
    fakes = [FakeHost(h.name, {"read": report(desired_state(h, context))}) for h in hosts]
    plans = run(FakeFleet(fakes), hosts, context, progress)
    assert all(not plan.changes for plan in plans.values())
    assert all(fake.labels == ["read"] for fake in fakes)


def test_hosts_are_read_while_others_still_connect_and_once(context: Context) -> None:
    hosts = context.topology.hosts[:3]
    first, shut, torn = fakes = [
        FakeHost(h.name, {"read": report(desired_state(h, context))}) for h in hosts]
    shut.closed = LabError("no SSH connection", where=shut.name)
    torn.replies = {"read": "cut o"}
    fleet, early = FakeFleet(fakes), dict[str, HostPlan]()
    assert [*fleet.closed((h.name for h in hosts), ahead(fleet, hosts, context, early))] == [
        shut.name]
    assert [*early] == [first.name] and shut.labels == []
    assert [*survey(fleet, hosts[:1], context, early=early)] == [first.name]
    assert first.labels == ["read"], "not once more"
    with pytest.raises(LabError, match="cut off"):
        survey(fleet, (hosts[0], hosts[2]), context, early=early)


def test_a_difference_is_one_read_and_one_change(context: Context, progress: Progress) -> None:
    hosts = in_datacenter(context, "dc1")
    fakes = []
    for host in hosts:
        found: dict[Key, Resource] = dict(desired_state(host, context))
        found[Key("link", "/etc/localtime")] = state.Link("/usr/share/zoneinfo/Asia/Seoul")
        fakes.append(FakeHost(host.name, {"read": report(found), "change": ""}))
    run(FakeFleet(fakes), hosts, context, progress)
    assert all(fake.labels == ["read", "change"] for fake in fakes)
    assert all("systemctl" not in fake.heard[1][1].split("step=", 1)[1] for fake in fakes)


def test_other_rules_are_confirmed_before_the_rest_is_changed(
    context: Context, progress: Progress
) -> None:
    host = context.topology.hosts[0]
    found: dict[Key, Resource] = dict(desired_state(host, context))
    found[Key("firewall", "kafkalab")] = state.Firewall("of another lab file")
    found[Key("link", "/etc/localtime")] = state.Link("/usr/share/zoneinfo/Asia/Seoul")
    fake = FakeHost(host.name, {"read": report(found), "security rules": "", "change": ""})
    run(FakeFleet([fake]), (host,), context, progress)
    assert fake.labels == ["read", "security rules", "anew", "keep the security rules", "change"]
    assert "nft" not in fake.heard[-1][1]


def test_a_new_host_gets_its_rules_with_all_else(context: Context, progress: Progress) -> None:
    host = context.topology.hosts[0]
    found = {key: have for key, have in desired_state(host, context).items()
             if key.kind != "firewall"}
    fake = FakeHost(host.name, {"read": report(found), "change": ""})
    run(FakeFleet([fake]), (host,), context, progress)
    assert fake.labels == ["read", "change"]
    assert "nft -f /etc/nftables.conf" in fake.heard[-1][1]


def test_a_stopped_service_is_started_and_waited_for(context: Context, progress: Progress) -> None:
    host = next(h for h in context.topology.hosts if h.role == "kafka")
    found: dict[Key, Resource] = dict(desired_state(host, context))
    found[Key("unit", "kafka.service")] = state.Unit("", running=False)
    fake = FakeHost(host.name, {"read": report(found), "change": ""})
    plans = run(FakeFleet([fake]), (host,), context, progress)
    assert plans[host.name].starts == ("kafka.service",)
    script = fake.heard[1][1]
    assert "systemctl restart kafka.service" in script
    assert f"serves kafka.service {host.address} 9092" in script


def test_what_started_with_its_host_is_waited_for(
    context: Context, progress: Progress
) -> None:
    """It runs with what it should, as systemd tells it, and may yet be about to end."""
    host = next(h for h in context.topology.hosts if h.role == "kafka")
    found: dict[Key, Resource] = dict(desired_state(host, context))
    for unit, labels in (
        (found[Key("unit", "kafka.service")], ["read", "wait for services"]),
        (state.Unit("older"), ["read"]),  # it has its turn to restart, and is waited for then
    ):
        found[Key("unit", "kafka.service")] = unit
        fake = FakeHost(host.name, {"read": report(found), "wait for services": ""})
        fleet, deliverer = FakeFleet([fake]), Deliverer(context.topology, {})
        plans = survey(fleet, [host], context)
        converge(fleet, plans, context, deliverer, progress, woken=[host.name])
        assert fake.labels == labels
        assert ("\nserves kafka.service" in fake.heard[-1][1]) is (len(labels) == 2)


@pytest.mark.parametrize(("phase", "waits"), [(state.STARTING, True), (state.YOUNG, False)])
def test_what_somebody_else_has_just_started_is_waited_for(
    phase: str, waits: bool, context: Context, progress: Progress
) -> None:
    """A host that was restarted by hand: nothing is to do on it, and its broker serves nobody."""
    host = next(h for h in context.topology.hosts if h.role == "kafka")
    found: dict[Key, Resource] = dict(desired_state(host, context))
    unit = found[Key("unit", "kafka.service")]
    assert isinstance(unit, state.Unit)
    found[Key("unit", "kafka.service")] = replace(unit, phase=phase)
    fake = FakeHost(host.name, {"read": report(found), "wait for services": ""})
    plan = run(FakeFleet([fake]), (host,), context, progress)[host.name]
    assert plan.changes == () and plan.phases == {"kafka.service": phase}
    assert ("\nserves kafka.service" in fake.heard[-1][1]) is waits


@pytest.mark.parametrize(("unit", "stops"), [
    (state.Unit("ab"), True),
    (state.Unit("", running=False), True),  # it would start with the host
    (state.Unit("stale", running=False, enabled=False), False),
    (None, False),
])
def test_workers_of_a_datacenter_without_mirrors_into_it_are_stopped(
    unit: state.Unit | None, stops: bool, context: Context, progress: Progress
) -> None:
    host = next(h for h in context.topology.hosts if h.role == "control")
    found: dict[Key, Resource] = dict(desired_state(host, context))
    if unit:
        found[Key("unit", "connect.service")] = unit
    fake = FakeHost(host.name, {"read": report(found), "change": ""})
    plan = run(FakeFleet([fake]), (host,), context, progress)[host.name]
    assert [line.strip() for change in plan.changes for line in describe_change(change)] == [
        "stop connect.service"
    ] * stops
    assert summary(plan.changes) == "stop connect" * stops
    assert fake.labels == ["read", "change"][: 1 + stops]
    if stops:
        assert "systemctl -q disable --now connect.service" in fake.heard[1][1]


# What a lab of before may have had, and this one asks for no more.
MONITORING = frozenset(Key("unit", f"{name}.service") for name in (
    "prometheus", "alertmanager", "lag-exporter", "node-exporter"))


def test_other_tasks_and_other_hosts_leave_workers_alone(context: Context) -> None:
    topology = context.topology
    control = next(h for h in topology.hosts if h.role == "control")
    workers = Key("unit", "connect.service")
    for only, found in ((None, 1), (("connect",), 1), (("kafka",), 0), (("hosts",), 0)):
        assert (workers in retired(control, topology, only)) is bool(found)
    mirrored = topology.config.model_copy(update={
        "mirrors": (Mirror.model_validate({"from": "dc2", "to": "dc1"}),),
    })
    assert workers not in retired(control, build(mirrored))
    others = {host.role: retired(host, topology) - MONITORING
              for host in topology.hosts if host.role != "control"}
    assert others == {"zookeeper": {Key("unit", "controller.service")}, "kafka": frozenset()}


def test_a_running_service_with_old_settings_is_left_alone_with_its_files(
    context: Context, progress: Progress
) -> None:
    host = next(h for h in context.topology.hosts if h.role == "kafka")
    found: dict[Key, Resource] = dict(desired_state(host, context))
    found[Key("unit", "kafka.service")] = state.Unit("older")
    file = Key("file", "/etc/kafka/server.properties")
    del found[file]
    fake = FakeHost(host.name, {"read": report(found), "change": ""})
    plan = run(FakeFleet([fake]), (host,), context, progress)[host.name]
    assert plan.restarts == ("kafka.service",)
    assert fake.labels == ["read"]
    assert [change.key for change in plan.restarting("kafka.service")] == [file]
    assert plan.restarting("zookeeper.service") == ()
    told = list(describe_host(plan))
    assert (told[0], told[-1]) == (f"~ host {host.name}", "    restart kafka.service")
    assert "    +broker.id=1" in told


def test_what_a_service_needs_that_is_started_does_not_wait_for_another_one() -> None:
    shared, own = Key("file", "/etc/shared"), Key("file", "/etc/own")
    late = Change(Key("unit", "late.service"), state.Unit("a"),
                  state.Unit("b", files=(shared, own)))
    now = Change(Key("unit", "now.service"), None, state.Unit("b", files=(shared,)))
    files = [Change(key, None, state.File("x")) for key in (shared, own)]
    assert at_once([*files, late]) == []
    assert at_once([*files, late, now]) == [files[0], now]
    assert with_restart([*files, late, now], "late.service") == files


def test_a_service_whose_file_was_edited_restarts_although_its_process_tells_otherwise(
    context: Context, progress: Progress
) -> None:
    """It may have been restarted with the edited file; a mode alone makes no difference to it."""
    host = next(h for h in context.topology.hosts if h.role == "kafka")
    wanted = desired_state(host, context)
    key = Key("file", "/etc/kafka/server.properties")
    for mode, restarts in ((0o600, ()), (0o644, ("kafka.service",))):
        answer = report({**wanted, key: state.File("", mode)})
        if restarts:
            answer = f"content\t{key.name}\t{base64.b64encode(b'x=1').decode()}\n{answer}"
        fake = FakeHost(host.name, {"read": answer, "change": ""})
        plans = run(FakeFleet([fake]), (host,), context, progress)
        assert plans[host.name].restarts == restarts


def test_a_failed_change_names_host_and_reason(context: Context, progress: Progress) -> None:
    host = context.topology.hosts[0]
    fake = FakeHost(host.name, {
        "read": "end\n", "change": Answer("", "tar: no space\nfailed: write files", 2),
        "look for the archive": "", "serve archives": "",
        "fetch and unpack the archive": "",
    })
    with pytest.raises(CommandError, match="`change` ended with 2: write files: tar"):
        run(FakeFleet([fake]), (host,), context, progress, obtained(Path(__file__)))


def test_one_copy_a_datacenter_crosses_from_the_workstation(
    context: Context, progress: Progress, tmp_path: Path
) -> None:
    tar = tmp_path / "kafka.tar"
    tar.write_bytes(b"x")
    seeds = {d.name: d.seed.name for d in context.topology.datacenters}
    served: set[str] = set()
    guard = threading.Lock()

    def serve(datacenter: str) -> Any:
        def answer(_: str) -> str:
            with guard:
                served.add(datacenter)
            return ""
        return answer

    def fetch(host: Host) -> Any:
        def answer(text: str) -> str:
            assert host.datacenter in served, "fetched before the seed served"
            seed = context.topology.datacenter(host.datacenter).seed
            assert (f"http://{seed.address}:8377/" in text) == (host.name != seed.name)
            return ""
        return answer

    fakes = []
    for host in context.topology.hosts:
        found: dict[Key, Resource] = {
            key: have for key, have in desired_state(host, context).items()
            if not key.name.startswith(KAFKA.home)
        }
        replies: dict[str, Any] = {
            "read": report(found), "fetch and unpack the archive": fetch(host),
            "change": "",  # the links in the folder that is new
        }
        if host.name in seeds.values():
            replies |= {
                "look for the archive": Answer("", "", 1), "upload the archive": "",
                "serve archives": serve(host.datacenter),
            }
        fakes.append(FakeHost(host.name, replies))
    run(FakeFleet(fakes), context.topology.hosts, context, progress, obtained(tar))
    uploads = [fake.name for fake in fakes if "upload the archive" in fake.labels]
    assert all(fake.labels.count("upload the archive") <= 1 for fake in fakes)
    assert sorted(uploads) == sorted(seeds.values())


def test_when_the_copy_fails_nobody_waits_for_it(
    context: Context, progress: Progress, tmp_path: Path
) -> None:
    tar = tmp_path / "kafka.tar"
    tar.write_bytes(b"x")
    hosts = in_datacenter(context, "dc1")
    broken = {"read": "end\n", "look for the archive": Answer("", "", 1),
              "upload the archive": LabError("no space", where="seed")}
    fakes = [FakeHost(host.name, broken) for host in hosts]
    with pytest.raises(LabError, match=r"no space|no copy"):
        run(FakeFleet(fakes), hosts, context, progress, obtained(tar))


def test_a_summary_says_what_matters(context: Context) -> None:
    host = next(h for h in context.topology.hosts if h.role == "kafka")
    changes = state.diff({}, desired_state(host, context))
    text = summary(changes)
    assert f", {KAFKA.folder}, " in text
    assert text.endswith("start kafka")


def test_a_corrupt_arrival_makes_the_copy_here_doubtful(
    context: Context, progress: Progress, tmp_path: Path
) -> None:
    """A bit that turned on this machine's disk changes neither size nor time."""
    tar = tmp_path / "kafka.tar"
    tar.write_bytes(b"x")
    stamp = tmp_path / "kafka.tar.verified"
    stamp.write_text("believed")
    host = context.topology.hosts[0]
    fake = FakeHost(host.name, {
        "read": "end\n", "look for the archive": "", "serve archives": "",
        "fetch and unpack the archive":
            Answer("", "the archive that arrived is corrupt; it was removed", 1),
    })
    with pytest.raises(CommandError, match="corrupt"):
        run(FakeFleet([fake]), (host,), context, progress, obtained(tar))
    assert not stamp.exists()


def without_java(context: Context, **replies: Any) -> list[FakeHost]:
    """All hosts, each in order but for a package."""
    fakes = []
    for host in context.topology.hosts:
        found = dict(desired_state(host, context))
        del found[Key("package", "java")]
        fakes.append(FakeHost(host.name, {"read": report(found), **replies}))
    return fakes


def test_packages_reach_hosts_with_one_copy_a_datacenter(
    context: Context, progress: Progress, tmp_path: Path
) -> None:
    tar = tmp_path / "set.tar"
    tar.write_bytes(b"x")
    asked: list[list[str]] = []

    def packages(lacking: Collection[str]) -> Packages:
        asked.append(list(lacking))
        return Packages(("java", "kcat"), tar, "cd" * 32)

    fakes = without_java(context, **{
        "look for the archive": Answer("", "", 1), "upload the archive": "", "serve archives": "",
        "fetch and install packages": "", "stop serving archives": "",
    })
    hosts, fleet = context.topology.hosts, FakeFleet(fakes)
    deliverer = Deliverer(context.topology, {}, packages)
    plans = both(fleet, hosts, context, deliverer, progress)
    deliverer.close(fleet)
    assert asked == [["java"]] * len(hosts)
    seeds = {d.name: d.seed for d in context.topology.datacenters}
    for host, fake in zip(hosts, fakes, strict=True):
        assert summary(plans[host.name].changes) == "install java"
        assert "change" not in fake.labels, "a host asks no distribution"
        seed = seeds[host.datacenter]
        assert fake.labels.count("upload the archive") == (host == seed)
        text = dict(fake.heard)["fetch and install packages"]
        assert (f"http://{seed.address}:8377/packages-cdcdcdcdcdcd.tar" in text) == (host != seed)
        words = shlex.split(text)
        words = words[words.index("install") + 1 :]
        assert words[:3] == [
            "cd" * 32, f"{CACHE}/packages-cdcdcdcdcdcd.tar",
            "java:openjdk-17-jre-headless:/usr/bin/java",
        ]
        assert "kcat:kcat:/usr/bin/kcat" not in words, "it is in the set, and there already"


def test_where_there_are_none_to_send_the_host_asks_its_distribution(
    context: Context, progress: Progress
) -> None:
    fakes = without_java(context, change="")
    run(FakeFleet(fakes), context.topology.hosts, context, progress)
    for fake in fakes:
        assert fake.labels == ["read", "change"]
        assert " openjdk-17-jre-headless" in fake.heard[1][1]


def test_packages_that_cannot_be_had_are_asked_for_once(
    context: Context, progress: Progress
) -> None:
    asked: list[Collection[str]] = []

    def packages(lacking: Collection[str]) -> Packages:
        asked.append(lacking)
        raise LabError("the packages java could not be had")

    with pytest.raises(LabError, match="could not be had"):
        both(
            FakeFleet(without_java(context)), context.topology.hosts, context,
            Deliverer(context.topology, {}, packages), progress,
        )
    assert len(asked) == 1
