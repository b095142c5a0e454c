"""The same work by others, on the same hosts: an Ansible playbook and a parallel-SSH script.

Both are taken from a folder as they are (`ansible/`, `raw/`). Here is only what connects them with
the benchmark's hosts: inventories, archives, environments, and what counts as success.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.lab import BenchLab
from bench.measure import BenchError, Ran, tail
from lab.topology import Host, Topology
from scripts.software.obtain import Obtained
from scripts.workstation.paths import cache_dir

# Not the newest for Python 3.11: the controller of 2.19 takes twice the CPU for the same playbook.
ANSIBLE = "2.18.19"
SHORT = {"control": "ctl", "zookeeper": "zk", "kafka": "kafka"}
NUMBER = {"zookeeper": "zk_id", "kafka": "broker_id"}
_RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.M)
_RAW_END = re.compile(r"^changed=(\d+) rc=0$", re.M)


def name(host: Host) -> str:
    """A host as the baselines call it: dc1-zk01."""
    return f"{host.datacenter}-{SHORT[host.role]}{host.number:02}"


def inventory(topology: Topology) -> str:
    """The Ansible inventory: a group a datacenter and a role, and who verifies."""
    lines: list[str] = []
    for datacenter in topology.datacenters:
        lines.append(f"[{datacenter.name}]")
        for host in datacenter.hosts:
            number = f" {NUMBER[host.role]}={host.number}" if host.role in NUMBER else ""
            lines.append(f"{name(host)} ansible_port={host.ssh_port} ip={host.address}{number}")
        lines.append("")
    roles = {"ctl": "control", "zookeeper": "zookeeper", "kafka": "kafka"}
    for group, role in roles.items():
        lines += [f"[{group}]", *(name(host) for host in topology.hosts if host.role == role), ""]
    lines += ["[verify]", *(name(d.by_role("kafka")[0]) for d in topology.datacenters), ""]
    for datacenter in topology.datacenters:
        lines += [f"[{datacenter.name}:vars]", f"dc={datacenter.name}", ""]
    return "\n".join(lines)


def fleet_list(topology: Topology) -> str:
    """The raw script's list: name, address, SSH port, role, number, number of the datacenter."""
    lines = ["# name ip sshport role id dc"]
    for index, datacenter in enumerate(topology.datacenters, 1):
        lines += [
            f"{name(host)} {host.address} {host.ssh_port} {SHORT[host.role]} {host.number} {index}"
            for host in datacenter.hosts
        ]
    return "\n".join(lines) + "\n"


class Peers:
    """The baselines in `folder`, copied so that they may be read-only there."""

    def __init__(self, folder: Path, lab: BenchLab, distribution: Obtained) -> None:
        for part in ("ansible/site.yml", "ansible/tuned.cfg", "raw/raw.sh", "raw/host.sh"):
            if not (folder / part).is_file():
                raise BenchError(f"{folder} has no {part}: not the folder of the baselines")
        self.lab, self.distribution = lab, distribution
        self.copy = lab.folder / "peers"
        shutil.copytree(folder, self.copy, copy_function=shutil.copyfile)
        for path in (self.copy, *self.copy.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        (self.copy / "ansible/inventory.ini").write_text(inventory(lab.topology))
        self.fleet_list = self.copy / "fleet.list"
        self.fleet_list.write_text(fleet_list(lab.topology))
        self.plain, self.gzip = archives(distribution)

    def ansible(self, config: str, what: str, *, timeout: float = 1200) -> Ran:
        """One run of the playbook with the file `config`. Raises BenchError if a task fails."""
        with self._connections() as sockets:
            ran = self.lab.run(
                what, [str(playbook()), "site.yml", "-e", f"run_token={os.urandom(4).hex()}"],
                cwd=self.copy / "ansible", timeout=timeout,
                env={
                    "LAB_KEY": str(self.lab.key), "LAB_USER": "root",
                    "KAFKA_TARBALL": str(self.gzip),
                    "KAFKA_DIST": self.distribution.artifact.folder,
                    "ANSIBLE_CONFIG": config, "ANSIBLE_NOCOLOR": "1",
                    "ANSIBLE_HOME": str(self.copy / "home"),
                    "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
                },
            )
        hosts = _RECAP.findall(ran.output)
        if len(hosts) != len(self.lab.topology.hosts) or any(
            int(unreachable) or int(failed) for _, _, unreachable, failed in hosts
        ):
            raise BenchError(f"Ansible did not succeed on every host:\n{tail(ran.output)}")
        return ran

    def raw(self, what: str, *, optimised: bool) -> Ran:
        """One run of the parallel-SSH script. Raises BenchError if a host fails."""
        env = {
            "LAB_KEY": str(self.lab.key), "LAB_USER": "root",
            "DIST": self.distribution.artifact.folder,
            "FLEET_LIST": str(self.fleet_list), "TAR": str(self.gzip),
        }
        if optimised:
            env |= {"TAR": str(self.plain), **fast(self.lab.topology)}
        with self._connections() as sockets:
            out = self.copy / f"out-{what}"
            ran = self.lab.run(
                what, ["bash", "raw/raw.sh", str(out)], cwd=self.copy,
                env={**env, "TMPDIR": str(sockets)},
            )
        if not _RAW_END.search(ran.output):
            raise BenchError(f"the raw script did not succeed:\n{tail(ran.output)}")
        return ran

    @contextmanager
    def _connections(self) -> Iterator[Path]:
        """A folder for shared SSH connections, which live on in the background: ended here.

        Its path is short, as a socket's has to be.
        """
        folder = Path("/tmp") / f"kb-{os.getpid()}-{os.urandom(2).hex()}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            for socket in (path for path in folder.rglob("*") if path.is_socket()):
                subprocess.run(
                    ["ssh", "-F", "/dev/null", "-o", f"ControlPath={socket}", "-O", "exit", "host"],
                    check=False, capture_output=True,
                )
            shutil.rmtree(folder)


def changed(ran: Ran) -> int:
    """How many changes a baseline says it made."""
    if raw := _RAW_END.search(ran.output):
        return int(raw[1])
    return sum(int(count) for _, count, _, _ in _RECAP.findall(ran.output))


def fast(topology: Topology) -> Mapping[str, str]:
    """The raw script's environment for the JVM options and heaps of the lab, and a cheap cipher."""
    config = topology.config

    def unit(options: Sequence[str], heap_mb: int) -> str:
        return (
            f'Environment="KAFKA_HEAP_OPTS=-Xms{heap_mb}m -Xmx{heap_mb}m" '
            f'"KAFKA_JVM_PERFORMANCE_OPTS={" ".join(options)}"'
        )

    return {
        "UNTAR": "tar xf -", "SSH_EXTRA": "-c aes128-gcm@openssh.com",
        "KAFKA_ENV": unit(config.kafka.jvm_options, config.kafka.heap_mb),
        "ZK_ENV": unit(config.zookeeper.jvm_options, config.zookeeper.heap_mb),
        "TOOL_OPTS": " ".join(config.kafka.jvm_options),
    }


def archives(distribution: Obtained) -> tuple[Path, Path]:
    """The distribution as a plain tar and as .tgz, made once.

    Both have a `logs` folder that any user may write: Kafka's start scripts put their logs there,
    and the baselines run them as a user who may not write into the distribution.
    """
    folder = cache_dir() / "bench"
    folder.mkdir(exist_ok=True)
    plain = folder / f"{distribution.artifact.folder}-{distribution.sha256[:12]}.tar"
    packed = plain.with_suffix(".tgz")
    if not packed.exists():
        part = plain.with_suffix(".part")
        shutil.copyfile(distribution.tar, part)
        with tarfile.open(part, "a") as archive:
            logs = tarfile.TarInfo(f"{distribution.artifact.folder}/logs")
            logs.type, logs.mode = tarfile.DIRTYPE, 0o1777
            archive.addfile(logs)
        part.replace(plain)
        with part.open("wb") as out:
            subprocess.run(["gzip", "-nc", str(plain)], stdout=out, check=True)
        part.replace(packed)
    return plain, packed


def playbook() -> Path:
    """The `ansible-playbook` of a virtual environment of its own, made once."""
    folder = cache_dir() / "bench" / f"ansible-core-{ANSIBLE}"
    program = folder / "bin" / "ansible-playbook"
    if not program.exists():
        print(f"Installing ansible-core {ANSIBLE} into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        install = [str(folder / "bin/python"), "-m", "pip", "-q", "install"]
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        try:
            subprocess.run([*install, f"ansible-core=={ANSIBLE}"], check=True)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise BenchError(f"ansible-core {ANSIBLE} could not be installed") from error
    return program
