"""Which engines a machine has, how one is installed, and what is checked before hosts are made."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from scripts.errors import CommandError, LabError, TimeoutExpired, UsageError
from scripts.platforms.local import checks, engine, finding, installing
from scripts.workstation import process

Answer = tuple[int, str]


class Machine:
    """A workstation: its programs, its user, and what each expected command answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *programs: str, root: bool = True) -> None:
        self.programs = set(programs)
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.calls: list[str] = []
        self.system = "debian"
        monkeypatch.delenv(finding.VARIABLE, raising=False)
        monkeypatch.setattr(process, "run", self.run)
        monkeypatch.setattr(finding.shutil, "which", self.which)
        monkeypatch.setattr(finding.os, "geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr(finding, "_runtime", lambda: "runc")
        monkeypatch.setattr(installing, "_system", lambda: self.system)

    def which(self, name: str, path: str | None = None) -> str | None:
        return f"/bin/{name}" if name in self.programs else None

    def run(self, argv: Sequence[str], *, check: bool = True, **_: Any) -> CompletedProcess[str]:
        line = " ".join(argv)
        self.calls.append(line)
        known = [answer for start, answer in self.answers.items() if line.startswith(start)]
        assert known, f"unexpected command: {line}"
        status, out = known[0]() if callable(known[0]) else known[0]
        if check and status:
            raise CommandError(argv, status, stderr=out)
        return CompletedProcess(list(argv), status, out, "")


def podman_machine(monkeypatch: pytest.MonkeyPatch, *more: str, root: bool = True) -> Machine:
    machine = Machine(monkeypatch, "podman", "runc", "iptables", *more, root=root)
    machine.answers["podman version"] = (0, "4.3.1")
    machine.answers["docker version"] = (0, "20.10")
    return machine


def test_podman_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    podman_machine(monkeypatch, "docker")
    assert finding.find() == engine.Engine("podman", ("podman",), "runc")


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_docker_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    podman_machine(monkeypatch, "docker")
    if how == "environment":
        monkeypatch.setenv(finding.VARIABLE, "docker")
    found = finding.find("docker" if how == "argument" else "podman")
    assert found == engine.Engine("docker", ("docker",))


def test_a_docker_client_without_a_daemon_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, "docker")
    machine.answers["docker version"] = (1, "Cannot connect")
    with pytest.raises(LabError, match="Docker is installed and does not answer: Cannot connect"):
        finding.find("docker")


def test_an_unknown_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch)
    with pytest.raises(UsageError, match=r"lxc: no container engine \(use podman or docker\)"):
        finding.find("lxc")


def test_podman_is_used_through_sudo_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = podman_machine(monkeypatch, "sudo", root=False)
    machine.answers |= {"sudo -n true": (0, ""), "sudo -n podman version": (0, "4.3.1")}
    assert finding.find().prefix == ("sudo", "-n", "podman")


def test_podman_without_root_does_not_count_and_docker_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = podman_machine(monkeypatch, "docker", "sudo", root=False)
    machine.answers["sudo -n true"] = (1, "a password is required")
    assert finding.find().name == "docker"


def test_podman_that_needs_a_password_is_not_taken_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lab that was made with sudo is still there for one who forgot it."""
    machine = podman_machine(monkeypatch, "sudo", root=False)
    machine.answers["sudo -n true"] = (1, "a password is required")
    with pytest.raises(LabError, match=r"Podman is used as root, .* \(`sudo -v` first"):
        finding.find()
    assert not [call for call in machine.calls if "apt-get" in call]


@pytest.mark.parametrize("lacks", ["runc", "iptables"])
def test_what_podman_lacks_is_named_and_nothing_is_installed(
    monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    machine = podman_machine(monkeypatch)
    machine.programs.remove(lacks)
    with pytest.raises(LabError) as caught:
        finding.find()
    assert str(caught.value) == f"Podman is installed and lacks {lacks} (install {lacks})"
    assert machine.calls == []


NO_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?"


@pytest.mark.parametrize(("said", "why", "remedy"), [
    (NO_DAEMON + "\n", NO_DAEMON, "`sudo systemctl start docker`"),
    ("Got permission denied while trying to connect to the Docker daemon socket at unix:///x: dial "
     "unix /x: connect: permission denied\n",
     "Got permission denied while trying to connect to the Docker daemon socket at unix:///x: dial "
     "unix /x: connect: permission denied", "`sudo usermod -aG docker ann`, then log in again"),
    (None, "no end after 20 s", "`sudo systemctl start docker`"),
])
@pytest.mark.parametrize("wish", [None, "docker"])
def test_a_docker_that_does_not_answer_is_named_and_nothing_is_installed(
    monkeypatch: pytest.MonkeyPatch, said: str | None, why: str, remedy: str, wish: str | None
) -> None:
    machine = Machine(monkeypatch, "docker", root=False)
    monkeypatch.setattr(finding.getpass, "getuser", lambda: "ann")
    monkeypatch.setattr(finding.sys, "platform", "linux")
    monkeypatch.delenv("DOCKER_HOST", raising=False)

    def answer() -> Answer:
        if said is None:
            raise CommandError("docker version", "no end after 20 s")
        return 1, said

    machine.answers["docker version"] = answer
    with pytest.raises(LabError) as caught:
        finding.find(wish)
    assert caught.value.what == f"Docker is installed and does not answer: {why}"
    other = "; or with another engine: `LAB_ENGINE=podman fab up` installs it"
    assert caught.value.hint == remedy + (other if wish is None else "")
    assert len(machine.calls) == 1


def test_of_two_that_do_not_answer_both_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = podman_machine(monkeypatch, "docker", "sudo", root=False)
    machine.answers |= {
        "sudo -n true": (1, "a password is required"), "docker version": (1, NO_DAEMON),
    }
    monkeypatch.setenv("DOCKER_HOST", "unix:///there")
    with pytest.raises(LabError) as caught:
        finding.find()
    assert "Podman is used as root" in caught.value.what and NO_DAEMON in caught.value.what
    assert "`sudo -v` first" in caught.value.hint
    assert caught.value.hint.endswith("; or is DOCKER_HOST=unix:///there right?")
    assert not [call for call in machine.calls if "apt-get" in call]


@pytest.mark.parametrize(("name", "variable"), [
    ("docker", "DOCKER_HOST"), ("podman", "CONTAINER_HOST"),
])
def test_an_engine_of_another_machine_is_none_of_this_one(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str
) -> None:
    """Hosts would be made there, and looked for on 127.0.0.1."""
    machine = podman_machine(monkeypatch) if name == "podman" else Machine(monkeypatch, "docker")
    for address in ("ssh://me@box/run/sock", "tcp://192.0.2.1:2375"):
        monkeypatch.setenv(variable, address)
        with pytest.raises(LabError) as caught:
            finding.find(name)
        assert caught.value.what.startswith(f"{variable}={address} leads {name.capitalize()} to ")
        assert caught.value.hint.startswith(f"leave {variable} out")
    assert not [call for call in machine.calls if "version" in call], "it was not asked"
    for address in ("unix:///run/sock", "tcp://127.0.0.1:2375", "ssh://core@localhost:53/run", "",
                    "tcp://[::1"):
        monkeypatch.setenv(variable, address)
        assert finding._elsewhere(name, variable) is None


# As the package podman-docker of Debian 12 has it.
AS_DOCKER = """\
#!/bin/sh
[ -e /etc/containers/nodocker ] || \\
echo "Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg." >&2
exec /usr/bin/podman "$@"
"""


@pytest.mark.parametrize(("text", "engines"), [
    (AS_DOCKER, ["podman"]), (None, ["podman"]), ("\x7fELF exec podman", ["podman", "docker"]),
    ("#!/bin/sh\nexec /opt/podman-desktop/docker\n# not exec podman\n", ["podman", "docker"]),
])
def test_podman_under_dockers_name_is_no_second_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, engines: list[str]
) -> None:
    podman_machine(monkeypatch)
    program = tmp_path / "docker"
    if text is None:
        program.symlink_to("/usr/bin/podman")
    else:
        program.write_text(text)
    there = {"docker": str(program), "podman": "/usr/bin/podman"}
    monkeypatch.setattr(finding.shutil, "which", lambda name, path=None: there.get(name, "/x"))
    found = finding.Machine()
    assert [one.name for one in found.answering] == engines and not found.silent


@pytest.mark.parametrize("wish", [None, "podman"])
def test_who_only_looks_installs_nothing(
    monkeypatch: pytest.MonkeyPatch, wish: str | None
) -> None:
    machine = Machine(monkeypatch)
    with pytest.raises(finding.NoEngineError, match="`fab up` installs Podman"):
        finding.Machine().pick(wish, installs=False, say=lambda line: None)
    assert machine.calls == []


@pytest.mark.parametrize("docker", [(0, "28.2.2"), (1, NO_DAEMON)])
def test_podman_is_installed_beside_docker_for_who_names_it(
    monkeypatch: pytest.MonkeyPatch, docker: tuple[int, str]
) -> None:
    machine = Machine(monkeypatch, "docker")
    machine.answers["docker version"] = docker
    with pytest.raises(LabError, match="Podman is not on this machine"):
        finding.Machine().pick("podman", installs=False, say=lambda line: None)
    assert machine.calls == []
    installed: list[object] = []

    def install(packages: object, say: object) -> None:
        installed.append(packages)
        podman_machine(monkeypatch, "docker")

    monkeypatch.setattr(finding.installing, "install", install)
    assert finding.find("podman").name == "podman" and len(installed) == 1


def test_docker_is_not_installed_and_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    with pytest.raises(LabError, match="Docker is not on this machine"):
        finding.find("docker")
    assert machine.calls == []


def test_an_error_of_an_engine_is_its_reason_and_a_short_command(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the whole command: a script of a hundred lines, or ids of 64 digits."""
    machine = Machine(monkeypatch)
    machine.answers |= {
        "docker run": (125, "docker: Error response from daemon: Address already in use\n\n"
                            "Run 'docker run --help' for more information\n"),
        "docker start": (1, f"Error response from daemon: no room for {'ab' * 32}\n"
                            f"Error: failed to start containers: {'ab' * 32}, {'cd' * 32}\n"),
        "docker network rm": (1, "Error response from daemon: no such network\nexit status 1\n"),
        "docker logs": (1, ""),
    }
    docker = engine.Engine("docker", ("docker",))
    two = [engine.Container(letters * 32, name, True, True, {}) for letters, name in
           (("ab", "lab.zk1"), ("cd", "lab.zk2"))]
    works: list[tuple[Callable[[], object], str]] = [
        (lambda: docker("run", "--rm", "x", "sh", "-c", "line\n" * 100),
         "`docker run` ended with 125: Address already in use"),
        (lambda: docker.on(two, "start"), "`docker start` ended with 1: no room for lab.zk1"),
        (lambda: docker("network", "rm", "a"),
         "`docker network rm` ended with 1: no such network"),
        (lambda: docker("logs", "a"), "`docker logs` ended with 1"),
    ]
    for work, expected in works:
        with pytest.raises(CommandError) as caught:
            work()
        assert str(caught.value) == expected


def test_the_package_lists_are_fetched_only_when_installing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(monkeypatch)
    machine.answers["podman version"] = (0, "4.3.1")
    apt = "env DEBIAN_FRONTEND=noninteractive apt-get"

    def install() -> Answer:
        if f"{apt} update" not in machine.calls:
            return 100, "E: Unable to locate package podman"
        machine.programs |= {"podman", "runc", "iptables"}
        return 0, ""

    machine.answers |= {f"{apt} install": install, f"{apt} update": (0, "")}
    assert finding.find(say=lambda line: None).name == "podman"
    assert [call.split()[3] for call in machine.calls if "apt-get" in call] == [
        "install", "update", "install",
    ]  # fmt: skip


@pytest.mark.parametrize("system", sorted(installing.OTHER_SYSTEMS))
def test_elsewhere_one_command_is_named_and_nothing_done(
    monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    machine = Machine(monkeypatch)
    machine.system = system
    with pytest.raises(LabError) as caught:
        finding.find()
    assert caught.value.hint == installing.OTHER_SYSTEMS[system]
    assert machine.calls == []


def test_without_root_the_command_to_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, root=False)
    with pytest.raises(LabError, match=r"sudo apt-get install -y --no-install-recommends podman"):
        finding.find()
    assert machine.calls == []


def test_limits_stay_within_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.resource, "getrlimit", lambda number: (1024, 20000))
    assert engine.Engine("podman", ("podman",)).limits() == (
        "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=20000:20000",
    )  # fmt: skip
    unlimited = engine.resource.RLIM_INFINITY
    monkeypatch.setattr(engine.resource, "getrlimit", lambda number: (1024, unlimited))
    assert "nproc=32768:32768" in engine.Engine("podman", ("podman",)).limits()


@pytest.mark.parametrize("text, system", [
    ('ID=debian\n', "debian"), ('ID=ubuntu\nID_LIKE=debian\n', "debian"),
    ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"), ('ID=arch\n', "arch"),
    ('NAME=x\n', "linux"), ('ID=nixos\n', "nixos"),
])  # fmt: skip
def test_the_kind_of_system(
    text: str, system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release = tmp_path / "os-release"
    release.write_text(text)
    monkeypatch.setattr(installing.sys, "platform", "linux")
    monkeypatch.setattr(installing, "Path", lambda name: release)
    assert installing._system() == system


def test_a_taken_port_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        found, = checks.ports({port: "SSH of zk1"})
        assert found.what.startswith(f"port {port} of 127.0.0.1 (SSH of zk1) is taken")
    assert not checks.ports({port: "SSH of zk1"})


@pytest.mark.parametrize("dst, refused", [
    ("10.66.0.0/24", True), ("10.66.0.128/25", True), ("10.66.0.7", True),
    ("10.0.0.0/8", False), ("0.0.0.0/1", False), ("10.66.1.0/24", False),
])  # fmt: skip
def test_a_route_that_is_as_specific_is_in_the_way(
    dst: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch, "ip")
    machine.answers["ip -json -4 route show"] = (
        0, f'[{{"dst": "default"}}, {{"dst": "{dst}", "dev": "tun0"}}]',
    )  # fmt: skip
    wanted = IPv4Network("10.66.0.0/24")
    found = checks.subnet(wanted, {"v6": ["fd00::/64"], "other": ["10.88.0.0/16"]})
    assert ["tun0" in one.what for one in found] == [True] * refused


@pytest.mark.parametrize("in_use, raised", [(0, False), (60, True)])
def test_inotify_instances_are_raised_when_they_run_out(
    in_use: int, raised: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = Machine(monkeypatch)
    machine.answers["sysctl -w fs.inotify.max_user_instances=1024"] = (0, "")
    (tmp_path / "limit").write_text("128\n")
    monkeypatch.setattr(checks, "_INOTIFY", tmp_path / "limit")
    monkeypatch.setattr(checks, "_inotify_in_use", lambda: in_use)
    assert not checks.inotify(7)
    assert not machine.calls, "who only looks raises nothing"
    checks.raise_inotify(7)
    assert bool(machine.calls) == raised


def test_without_root_the_sysctl_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Machine(monkeypatch, root=False)
    (tmp_path / "limit").write_text("128\n")
    monkeypatch.setattr(checks, "_INOTIFY", tmp_path / "limit")
    monkeypatch.setattr(checks, "_inotify_in_use", lambda: 0)
    found, = checks.inotify(28)
    assert found.what.startswith("28 hosts need 232 ")
    assert found.hint.startswith("sudo sysctl -w fs.inotify")


def test_a_run_that_is_still_under_way_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "SETTLE_S", 0.0)
    checks.settled("kafkalab.lab=none-has-this-name")
    pids = iter([4711, 4711, None])
    monkeypatch.setattr(checks, "_running", lambda label: next(pids))
    monkeypatch.setattr(checks, "SETTLE_S", 60.0)
    checks.settled("kafkalab.lab=x")
    monkeypatch.setattr(checks, "SETTLE_S", -1.0)
    monkeypatch.setattr(checks, "_running", lambda label: 4711)
    with pytest.raises(TimeoutExpired, match="process 4711"):
        checks.settled("kafkalab.lab=x")
