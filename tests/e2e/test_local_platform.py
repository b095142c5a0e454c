"""Real containers with Podman and with Docker: reached, isolated, completed, taken away.

Docker's daemon is started for these tests only, with a data root of its own that is kept in the
cache directory, so that it does not have to load the images again each time.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.model import Lab as Model
from scripts.errors import Closed, CommandError
from scripts.hosts import fleet
from scripts.operations.reach import reach
from scripts.platforms import Instance, sshd
from scripts.platforms.local import Local
from scripts.platforms.local.choice import Memory, choose
from scripts.platforms.local.engine import Engine
from scripts.platforms.local.finding import Machine, find
from scripts.software.obtain import obtain
from scripts.workstation.paths import cache_dir
from tests.labs import KAFKA
from tests.local_bench import empty

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Host:
    name: str
    address: IPv4Address
    ssh_port: int
    external_port: int | None
    datacenter: str = "dc1"
    fqdn: str = "h.lab"
    role: str = "kafka"
    number: int = 1


@dataclass(frozen=True)
class Topology:
    lab: str
    network: IPv4Network
    hosts: tuple[Host, ...]

    config: Model = field(default_factory=empty)
    datacenters: tuple[SimpleNamespace, ...] = ()

    @property
    def gateway(self) -> IPv4Address:
        return self.network[1]

    def datacenter(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, config=None, port_base=29000)


def topology(lab: str, third: int, count: int = 3) -> Topology:
    network = IPv4Network(f"10.213.{third}.0/24")
    base = 29000 + 100 * third
    return Topology(lab, network, tuple(
        Host(f"h{n}", network[20 + n], base + n, base + 40 + n) for n in range(1, count + 1)
    ))  # fmt: skip


DOCKER = pytest.param("docker", marks=pytest.mark.full("docker", sample=0))


@pytest.fixture(scope="module", params=["podman", DOCKER])
def engine(request: pytest.FixtureRequest, alone_here: None) -> Iterator[Engine]:
    if os.geteuid() != 0:
        pytest.skip("only root can start a daemon and see every container")
    if request.param == "podman":
        yield find("podman")
        return
    if shutil.which("dockerd") is None:
        pytest.skip("dockerd is not installed")
    with pytest.MonkeyPatch.context() as patch:
        policy = _forward_policy()
        daemon = _dockerd(cache_dir() / "e2e-docker")
        patch.setenv("DOCKER_HOST", f"unix://{cache_dir() / 'e2e-docker' / 'sock'}")
        try:
            yield find("docker")
        finally:
            daemon.terminate()
            daemon.wait(30)
            # Docker may leave the machine dropping what it forwards, also between Podman's hosts.
            subprocess.run(["iptables", "-P", "FORWARD", policy], check=True)


@pytest.fixture(scope="module")
def alone_here() -> Iterator[None]:
    """Addresses and ports are fixed: one run of these tests at a time."""
    import fcntl

    with (cache_dir() / "e2e-local.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forward_policy() -> str:
    said = subprocess.run(
        ["iptables", "-S", "FORWARD"], check=True, capture_output=True, text=True
    ).stdout
    return said.split()[2]  # -P FORWARD ACCEPT


def _dockerd(folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    (folder / "pid").unlink(missing_ok=True)
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        ["dockerd", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"),
         "--pidfile", str(folder / "pid"), "--host", f"unix://{folder / 'sock'}"],
        stdout=log, stderr=log,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while b"API listen" not in (folder / "log").read_bytes():
        assert process.poll() is None and time.monotonic() < deadline, "dockerd does not start"
        time.sleep(0.1)
    return process


class Bench:
    """One lab's platform on a real engine."""

    def __init__(self, engine: Engine, lab: Topology, state: Path, prebuilt: bool = False) -> None:
        self.engine, self.lab, self.state, self.prebuilt = engine, lab, state, prebuilt
        state.mkdir(mode=0o700, exist_ok=True)

    def local(self) -> Local:
        return Local(
            cast(Any, self.lab), engine=self.engine, state=self.state, say=lambda line: None,
            prebuilt=self.prebuilt,
        )  # fmt: skip

    def ssh(self, instance: Instance, command: str, key: Path | None = None) -> tuple[int, str]:
        """Exit status and output of a command; the host must show the key the platform told."""
        known = self.state / "known_hosts"
        known.write_text(f"[127.0.0.1]:{instance.ssh_port} {instance.host_key}\n")
        done = subprocess.run(
            ["ssh", "-F", "none", "-i", str(key or self.state / "id_ed25519"),
             "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
             "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=/dev/null",
             "-p", str(instance.ssh_port), f"{instance.user}@{instance.ssh_host}", command],
            check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode, (done.stdout + done.stderr).strip()


@pytest.fixture(scope="module")
def bench(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    found = Bench(engine, topology(f"e2e-{engine.name}", 1), tmp_path_factory.mktemp("state"))
    found.local().destroy()
    try:
        yield found
    finally:
        found.local().destroy()


@pytest.fixture(scope="module")
def hosts(bench: Bench) -> dict[str, Instance]:
    return bench.local().create({})


def test_the_known_key_opens_a_host_with_sudo(bench: Bench, hosts: dict[str, Instance]) -> None:
    for name, instance in hosts.items():
        assert bench.ssh(instance, "hostname; id -un; sudo -n id -un") == (
            0, f"{name}\nstudent\nroot",
        )  # fmt: skip


def test_another_key_and_a_password_are_refused(
    bench: Bench, hosts: dict[str, Instance], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    status, said = bench.ssh(hosts["h1"], "true", key=other)
    assert status == 255 and "Permission denied (publickey)" in said


def test_another_host_key_is_refused(bench: Bench, hosts: dict[str, Instance]) -> None:
    swapped = replace(hosts["h1"], host_key=hosts["h2"].host_key)
    status, said = bench.ssh(swapped, "true")
    assert status == 255 and "Host key verification failed" in said


def test_hosts_reach_each_other_on_their_private_addresses(
    bench: Bench, hosts: dict[str, Instance]
) -> None:
    assert [hosts[name].address for name in ("h1", "h2")] == ["10.213.1.21", "10.213.1.22"]
    reach_each_other(bench, hosts)


def reach_each_other(bench: Bench, hosts: dict[str, Instance]) -> None:
    """Each over the port that leads to it, on its own address, to the next one."""
    names = sorted(hosts)
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        status, said = bench.ssh(
            hosts[name], "ip -4 -o address show scope global && "
            f"nc -w 3 -N {hosts[other].address} 22 </dev/null",
        )
        assert status == 0 and f"{hosts[name].address}/24" in said and "SSH-2.0" in said, said


def test_a_host_is_up_without_a_failed_unit_and_can_use_nft(
    bench: Bench, hosts: dict[str, Instance]
) -> None:
    status, said = bench.ssh(
        hosts["h1"],
        "for i in $(seq 50); do s=$(sudo systemctl is-system-running); "
        '[ "$s" = starting ] || break; sleep 0.1; done; echo "$s"; '
        "sudo nft add table inet probe && sudo nft delete table inet probe && echo nft works",
    )
    assert (status, said.splitlines()) == (0, ["running", "nft works"])


def test_a_host_asks_no_name_server(bench: Bench, hosts: dict[str, Instance]) -> None:
    status, said = bench.ssh(
        hosts["h1"], "cat /etc/resolv.conf; grep ^hosts: /etc/nsswitch.conf; getent hosts a.test"
    )
    assert (status, said.split()) == (2, ["hosts:", "files"])


def test_only_loopback_is_published(hosts: dict[str, Instance]) -> None:
    own = {
        info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    } - {"127.0.0.1", "127.0.1.1"}  # fmt: skip
    others = own | {"127.0.0.2"}
    with socket.create_connection(("127.0.0.1", hosts["h1"].ssh_port), timeout=3) as stream:
        assert stream.recv(4) == b"SSH-"
    for address in others:
        with pytest.raises(OSError):
            socket.create_connection((address, hosts["h1"].ssh_port), timeout=1).close()


def test_creating_again_changes_nothing_and_is_fast(
    bench: Bench, hosts: dict[str, Instance]
) -> None:
    began = time.monotonic()
    assert bench.local().create({}) == hosts
    assert time.monotonic() - began < 2
    assert bench.local().instances() == hosts


def test_a_stopped_host_comes_back_with_its_data_and_its_key(
    bench: Bench, hosts: dict[str, Instance]
) -> None:
    assert bench.ssh(hosts["h3"], "sudo touch /var/lib/kept")[0] == 0
    bench.engine("stop", "--time", "1", hosts["h3"].id)
    there = bench.local().instances()
    assert [name for name, one in there.items() if not one.running] == ["h3"]
    assert bench.local().create({}) == hosts
    assert bench.ssh(hosts["h3"], "ls /var/lib/kept") == (0, "/var/lib/kept")


def test_a_host_that_loses_power_still_knows_the_others(
    bench: Bench, hosts: dict[str, Instance]
) -> None:
    """An engine writes /etc/hosts anew at each start: what was added there has to come back."""
    kept = "/var/lib/kafkalab/hosts"
    assert bench.ssh(
        hosts["h3"],
        "echo 10.213.1.21 h1.test | sudo tee -a /etc/hosts >/dev/null; "
        f"for i in $(seq 100); do cmp -s /etc/hosts {kept} && break; sleep 0.1; done; "
        f"cmp /etc/hosts {kept}",
    ) == (0, "")
    local = bench.local()
    local.kill(["h3"])
    local.revive(["h3"])
    assert bench.ssh(hosts["h3"], "getent hosts localhost && getent hosts h1.test")[0] == 0


def test_root_on_a_host_reaches_no_cgroup_of_the_machine(
    bench: Bench, hosts: dict[str, Instance]
) -> None:
    """And the machine's own tree stays as it was."""
    if bench.engine.name == "podman":
        assert bench.ssh(hosts["h1"], "sudo mkdir /sys/fs/cgroup/pids/probe")[0] != 0
        return
    tree = Path("/sys/fs/cgroup")
    version_2 = (tree / "cgroup.controllers").exists()
    probe = (tree if version_2 else tree / "pids") / "kafkalab-e2e-probe"
    probe.mkdir(exist_ok=True)
    try:
        assert bench.ssh(hosts["h1"], f"sudo find /sys/fs/cgroup -name {probe.name}") == (0, "")
    finally:
        probe.rmdir()
    assert bench.ssh(hosts["h1"], "sudo grep -c docker /proc/1/cgroup") == (1, "0")
    if not version_2:
        assert [one for one in tree.iterdir()
                if one.is_dir() and not one.is_symlink() and not one.is_mount()] == []


def lose_network(bench: Bench) -> str:
    """Let the engine forget the lab's network while no host runs; its name."""
    name = f"kafkalab-{bench.lab.lab}"
    if bench.engine.name == "docker":
        chosen = f"label=kafkalab.lab={bench.lab.lab}"
        bench.engine("network", "prune", "--force", "--filter", chosen)
    else:  # which leaves alone what stopped containers use; its folder may be lost all the same
        Path("/etc/containers/networks", f"{name}.json").unlink()
    assert name not in bench.engine.networks()
    return name


def test_a_network_that_was_lost_is_made_again_under_hosts_that_keep_their_data(
    bench: Bench, hosts: dict[str, Instance]
) -> None:
    assert bench.ssh(hosts["h1"], "sudo touch /var/lib/stays")[0] == 0
    before = bench.engine.addressing(f"kafkalab-{bench.lab.lab}")
    bench.local().stop(list(hosts))
    name = lose_network(bench)
    (line,) = bench.local().groundwork()
    assert line.startswith(f"network {name} (10.213.1.0/24), which is gone: made again, 3 hosts")
    assert bench.local().create({}) == hosts
    assert bench.engine.addressing(name) == before
    assert name in bench.engine.networks(f"kafkalab.lab={bench.lab.lab}")
    assert bench.ssh(hosts["h1"], "ls /var/lib/stays") == (0, "/var/lib/stays")
    reach_each_other(bench, hosts)
    # A host that was taken off it: stopped, and then as it runs.
    bench.engine("stop", "--time", "1", hosts["h2"].id)
    for host in ("h2", "h3"):
        bench.engine("network", "disconnect", "--force", name, hosts[host].id)
    assert bench.local().groundwork() == [f"1 host back on network {name}: h2"]
    assert bench.local().create({}) == hosts
    local = bench.local()
    local.mend(local.troubles({"h3": Closed.SILENT}))
    reach_each_other(bench, hosts)


def lose_ports(network: str) -> None:
    """Empty the engine's rules for one network's ports, as a firewall that is loaded anew does."""
    rules = subprocess.run(
        ["iptables", "-t", "nat", "-S"], check=True, capture_output=True, text=True
    ).stdout
    chains = set(re.findall(rf"-A (NETAVARK-DN-\S+) .* --to-destination {network}", rules))
    assert len(chains) == 1, rules
    subprocess.run(["iptables", "-t", "nat", "-F", *chains], check=True)


def let_in(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `fab up` says while it connects to each host, mending what is in the way."""
    monkeypatch.setattr(fleet, "CONNECT_TIMEOUT", 2)
    monkeypatch.setattr(fleet, "BOOT_SECONDS", 0)
    monkeypatch.setattr(sshd, "BANNER_S", 1)
    said: list[str] = []
    local = bench.local()
    instances = local.instances()
    with fleet.Fleet(instances, local.key_file, local.steps) as hosts:
        reach(cast(Any, SimpleNamespace(platform=local, say=said.append)), hosts, instances)
    return said


def test_a_second_state_directory_joins_and_locks_nobody_out(
    bench: Bench, hosts: dict[str, Instance], tmp_path: Path
) -> None:
    other = Bench(bench.engine, bench.lab, tmp_path / "other")
    assert {one.host_key for one in other.local().instances().values()} == {None}
    assert other.local().create({}) == hosts
    for user in (bench, other):
        assert {user.ssh(host, "id -un") for host in hosts.values()} == {(0, "student")}


def test_who_lost_the_way_in_gets_it_back_through_the_engine(
    bench: Bench, hosts: dict[str, Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another key in place of one's own, a file that sshd refuses, no file, and no own key."""
    file = "/etc/ssh/authorized_keys/student"
    for name, harm in (
        ("h1", f"echo ssh-ed25519 AAAA another >{file}"), ("h2", f"chmod 666 {file}"),
        ("h3", f"rm {file}"),
    ):
        bench.engine("exec", hosts[name].id, "sh", "-c", harm)
    (line,) = let_in(bench, monkeypatch)
    assert line.startswith("3 hosts (h1, h2, h3): login key ") and "add it beside" in line
    assert {bench.ssh(host, "id -un") for host in hosts.values()} == {(0, "student")}
    assert bench.ssh(hosts["h1"], f"grep -c another {file}") == (0, "1")
    (bench.state / "id_ed25519").unlink()
    assert let_in(bench, monkeypatch) == [line]
    assert let_in(bench, monkeypatch) == []


def test_lost_ports_and_a_dead_sshd_are_seen_and_mended_while_processes_go_on(
    bench: Bench, hosts: dict[str, Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.engine("exec", hosts["h1"].id, "systemd-run", "--unit=work", "sleep", "1000")
    bench.engine("exec", hosts["h3"].id, "systemctl", "stop", "ssh.service")
    lost = []
    if bench.engine.name == "podman":  # Docker's proxy needs no rules
        lose_ports("10.213.1.")
        lost = ["2 hosts (h1, h2): ports no longer published on 127.0.0.1, though sshd answers "
                "inside: reconnect"]
    assert sorted(let_in(bench, monkeypatch)) == [
        *lost, "h3: sshd does not answer, not even inside: restart ssh.service",
    ]
    assert {bench.ssh(host, "id -un") for host in hosts.values()} == {(0, "student")}
    assert bench.ssh(hosts["h1"], "systemctl is-active work") == (0, "active")
    assert bench.ssh(hosts["h1"], "nc -w 3 -N 10.213.1.22 22 </dev/null")[0] == 0
    assert let_in(bench, monkeypatch) == []


def test_two_labs_side_by_side(
    bench: Bench, hosts: dict[str, Instance], tmp_path: Path
) -> None:
    other = Bench(bench.engine, topology(f"e2e-{bench.engine.name}-b", 2, 1), tmp_path / "b")
    try:
        (second,) = other.local().create({}).values()
        assert other.ssh(second, "hostname") == (0, "h1")
        assert bench.local().instances() == hosts
    finally:
        removed = other.local().destroy()
    assert len([line for line in removed if line.startswith("container ")]) == 1
    assert other.local().leftovers() == [] and list((tmp_path / "b").glob("id_*")) == []
    assert bench.local().instances() == hosts
    assert bench.ssh(hosts["h1"], "hostname") == (0, "h1")


@pytest.mark.full("kills", sample=2)
@pytest.mark.parametrize("after_s", [0.3, 0.6, 0.9, 1.2])
@pytest.mark.parametrize("then", ["create", "destroy"])
def test_a_create_that_is_killed_is_completed_or_taken_away(
    engine: Engine, hosts: dict[str, Instance], tmp_path: Path, after_s: float, then: str
) -> None:
    lab = Bench(engine, topology(f"e2e-{engine.name}-c", 3, 5), tmp_path / "c")
    creating = subprocess.Popen(
        [sys.executable, "-c",
         "import sys; from pathlib import Path; from scripts.platforms.local.finding import find; "
         "from tests.e2e.test_local_platform import Bench, topology; "
         "Bench(find(sys.argv[1]), topology(sys.argv[2], 3, 5), Path(sys.argv[3]))"
         ".local().create({})", engine.name, lab.lab.lab, str(lab.state)],
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(after_s)  # the moment of the kill is what is tried
    os.killpg(creating.pid, signal.SIGKILL)
    creating.wait()
    try:
        if then == "create":
            instances = lab.local().create({})
            assert len(instances) == 5
            assert all(lab.ssh(one, "true")[0] == 0 for one in instances.values())
    finally:
        lab.local().destroy()
    assert lab.local().leftovers() == []
    assert "10.213.3." not in subprocess.run(
        ["ip", "-4", "address"], check=True, capture_output=True, text=True
    ).stdout


def test_the_prebuilt_image_has_the_distribution_and_its_archives_are_used(
    engine: Engine, tmp_path: Path
) -> None:
    one = obtain(KAFKA, say=lambda line: None)
    lab = Bench(engine, topology(f"e2e-{engine.name}-d", 4, 1), tmp_path / "d", prebuilt=True)
    home = KAFKA.home
    try:
        (host,) = lab.local().create({KAFKA: one}).values()
        assert lab.ssh(host, f"cat {home}/.digest") == (0, one.sha256)
        owners = f"find {home} ! -user root -o -perm -o+w ! -type l | head"
        assert lab.ssh(host, owners) == (0, "")
        for service, main in (
            ("zookeeper", "org.apache.zookeeper.server.quorum.QuorumPeerMain"),
            ("kafka", "kafka.Kafka"),
            ("connect", "org.apache.kafka.connect.cli.ConnectDistributed"),
            ("tools", "org.apache.kafka.tools.TopicCommand"),
        ):  # fmt: skip
            # A missing configuration ends each of them early, after its own first classes.
            status, said = lab.ssh(
                host,
                "java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto "
                f"-XX:SharedArchiveFile={home}/cds/{service}.jsa -Xlog:class+load "
                f"@{home}/classpath.args {main} /nonexistent 2>&1 | grep -c 'objects file (top)'",
            )
            assert int(said.splitlines()[-1]) > 20, f"{service}: {said}"
            assert status == 0
    finally:
        lab.local().destroy()


def test_somebodys_container_is_named_and_stays(
    bench: Bench, hosts: dict[str, Instance]
) -> None:
    """One of the lab's own image, which has the lab's label and would go with that image."""
    engine, name = bench.engine, f"{bench.lab.lab}-guest"
    runtime = ("--runtime", engine.runtime) if engine.runtime else ()
    network, image = f"kafkalab-{bench.lab.lab}", f"localhost/kafkalab/lab:{bench.lab.lab}"
    datacenter = SimpleNamespace(name="dc1", cidr=bench.lab.network, hosts=bench.lab.hosts)
    engine("rm", "--force", name, check=False)
    try:
        engine(
            "run", "--detach", "--name", name, *runtime, *engine.limits(), "--pull", "never",
            "--stop-timeout", "0",
            *bench.local().guest_options(cast(Any, datacenter)), image, "sleep", "1000",
        )
        engine("exec", name, "bash", "-c", "getent hosts h.lab && exec 3<>/dev/tcp/h.lab/22")
        assert f"container {name}" not in bench.local().leftovers()
        bench.local().destroy()
        assert engine.lines("ps", "--filter", f"name={name}", "--format", "{{.Names}}") == [name]
        kept = {one.where: one for one in bench.local().kept()}
        assert set(kept) == set(bench.local().leftovers()) and len(kept) == 2
        assert name in kept[f"network {network}"].what
        assert list(bench.local().create({})) == list(hosts), "on the network that is left"
    finally:
        engine("rm", "--force", name, check=False)


def test_a_lab_is_found_and_ended_in_the_engine_that_it_was_made_with(
    engine: Engine, hosts: dict[str, Instance], tmp_path: Path
) -> None:
    """Whatever is remembered, and whichever engine would be taken for a new lab."""
    lab = Bench(engine, topology(f"e2e-{engine.name}-e", 5, 1), tmp_path / "e")
    name, memory, machine = lab.lab.lab, Memory(lab.state), Machine()
    try:
        lab.local().create({})
        assert memory.engine == engine.name == choose(name, memory, machine).name
        memory.forget()
        assert choose(name, memory, machine).name == engine.name
        with pytest.raises(CommandError) as caught:
            engine(
                "run", "--rm", *engine.limits(), "--network", f"kafkalab-{name}",
                *(("--runtime", engine.runtime) if engine.runtime else ()),
                "--ip", str(lab.lab.hosts[0].address), f"localhost/kafkalab/lab:{name}", "true",
            )
        assert re.search("address .*already (in use|allocated)", caught.value.said.lower())
        other = machine.pick("podman", installs=False, say=print)
        local = Local(
            cast(Any, lab.lab), engine=other, state=lab.state, say=lambda line: None,
            machine=machine,
        )
        assert [line.split()[0] for line in local.destroy()][:1] == ["container"]
        assert lab.local().leftovers() == [] and not memory.met and memory.engine is None
    finally:
        lab.local().destroy()


def test_destroy_leaves_nothing(bench: Bench, hosts: dict[str, Instance]) -> None:
    assert len(bench.local().leftovers()) == len(hosts) + 2
    bench.local().destroy()
    assert bench.local().leftovers() == [] and bench.local().instances() == {}
    assert bench.local().destroy() == []
