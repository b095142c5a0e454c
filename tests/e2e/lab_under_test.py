"""A lab as a person has it: a lab file, `fab` as a process of its own, and a look from beside.

What is to be killed, stopped or spoken to is the program itself; what runs to its end is forked.

What a test asserts is seen through the engine, the workstation's ports and Kafka's protocol, not
through the code that made it so.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.file import load
from lab.topology import Host, Topology, build
from scripts.platforms.local.engine import Engine
from tests import forked

PROJECT = Path(__file__).parents[2]
FAB = Path(sys.executable).parent / "fab"
TIMEOUT = 300  # seconds for one run of `fab`; a whole lab on a busy machine takes a fifth of it


@dataclass(frozen=True)
class Run:
    """How one `fab` ended."""

    words: tuple[str, ...]
    status: int
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        return (f"fab {' '.join(self.words)} -> {self.status} in {self.seconds:.1f} s\n"
                f"--- stderr\n{self.err}--- stdout\n{self.out}")

    @property
    def lines(self) -> list[str]:
        """What it printed on standard error, line by line."""
        return self.err.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


EPHEMERAL = 32768  # where the ports of connections that go out begin on Linux


@dataclass
class Lab:
    """One lab of the tests. `datacenters` are tables of the lab file without name and cidr.

    `environment` is added to that of every `fab`. `settings` are broker settings, `sections` other
    sections of the file, `links` pairs of datacenters, `mirrors` and `topics` tables as they stand
    there, and so are `tables` by their names (`connectors`).
    """

    engine: Engine
    folder: Path
    name: str
    network: str  # the first two numbers of the datacenters' networks: "10.30"
    first: int  # the third number of the first datacenter's network
    port_base: int
    datacenters: Sequence[Mapping[str, int | str]]
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, int | str] = field(default_factory=dict)
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: Sequence[tuple[str, str]] = ()
    mirrors: Sequence[Mapping[str, object]] = ()
    topics: Sequence[Mapping[str, object]] = ()
    tables: dict[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.write()
        # Above it any connection that goes out may have a lab's port, and did.
        assert max(self.ports(), default=0) < EPHEMERAL, self.port_base

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state" / "kafkalab" / self.name

    @property
    def topology(self) -> Topology:
        return build(load(self.file).lab)

    def write(self) -> None:
        """The lab file as the fields say; a test changes those and writes again."""
        sections: dict[str, dict[str, Any]] = {
            "local": {"port_base": self.port_base}, **self.sections,
        }
        if self.settings:
            sections["kafka.config"] = {f'"{key}"': text for key, text in self.settings.items()}
        lines = [f'name = "{self.name}"', 'owner = "ann"']
        for section, values in sections.items():
            lines += ["", f"[{section}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items())]
        for number, shape in enumerate(self.datacenters):
            cidr = f"{self.network}.{self.first + number}.0/24"
            lines += ["", "[[datacenters]]", f'name = "dc{number + 1}"', f'cidr = "{cidr}"',
                      *(f"{k} = {json.dumps(v)}" for k, v in shape.items())]
        for link in self.links:
            lines += ["", "[[links]]", f"between = {json.dumps(link)}"]
        for mirror in self.mirrors:
            lines += ["", "[[mirrors]]", *(f"{k} = {json.dumps(v)}" for k, v in mirror.items())]
        for name, tables in {"topics": self.topics, **self.tables}.items():
            for table in tables:
                lines += ["", f"[[{name}]]", *(f"{k} = {_toml(v)}" for k, v in table.items())]
        self.file.write_text("\n".join(lines) + "\n")

    def of(self, role: str, datacenter: str = "dc1") -> tuple[Host, ...]:
        return self.topology.datacenter(datacenter).by_role(role)

    # -- running fab

    def fab(
        self, *words: str, expect: int | None = 0, stdin: str = "", timeout: float = TIMEOUT,
        before: str = "", **environment: str,
    ) -> Run:
        """Run `fab` to its end, and expect its exit status, None for any. `before` is Python to run
        first."""
        began = time.monotonic()
        if before or stdin:
            process = self.start(*words, before=before, **environment)
            with killed_at_last(process):
                out, err = process.communicate(stdin, timeout)
            status = process.returncode
        else:
            done = forked.fab(*words, environment=self.variables(environment), timeout=timeout)
            out, err, status = done.stdout, done.stderr, done.returncode
        run = Run(words, status, out, err, time.monotonic() - began)
        assert "Traceback" not in err, run
        assert expect in (None, run.status), (
            f"expected {expect}: {run}\n--- log\n{self.log()[-3000:]}"
        )
        return run

    def start(
        self, *words: str, before: str = "", **environment: str
    ) -> subprocess.Popen[str]:
        """`fab` in a process group of its own, with pipes."""
        program = [str(FAB)]
        if before:
            code = f"{before}\nfrom fabric.main import program\nprogram.run()"
            program = [sys.executable, "-c", code]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*program, *words], cwd=PROJECT, env=self.variables(environment), text=True,
            start_new_session=True, stdin=pipe, stdout=pipe, stderr=pipe,
        )

    def variables(self, more: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of a `fab` on this lab."""
        return {
            **os.environ, "LAB": str(self.file), "XDG_STATE_HOME": str(self.folder / "state"),
            **self.environment, **more,
        }

    def kill_when(self, pattern: str, *words: str, timeout: float = TIMEOUT) -> None:
        """Run `fab` and SIGKILL its whole group as soon as its log has a line like `pattern`."""
        before = set(self.logs())
        process = self.start(*words)
        with killed_at_last(process):
            wanted = re.compile(pattern)

            def there() -> bool:
                text = "".join(path.read_text() for path in set(self.logs()) - before)
                assert wanted.search(text) or process.poll() is None, (
                    f"ended with {process.returncode} before {pattern!r}: "
                    f"{process.communicate()}\n{text}"
                )
                return bool(wanted.search(text))

            until(there, f"{pattern!r} in the log of fab {' '.join(words)}", timeout, pause=0.005)
            os.killpg(process.pid, signal.SIGKILL)
            assert process.wait(10) == -signal.SIGKILL, "it had ended before it was killed"

    def logs(self) -> list[Path]:
        """The log files of all runs, the oldest first."""
        return sorted(self.state.glob("runs/*.log"), key=lambda path: path.stat().st_mtime_ns)

    def log(self) -> str:
        """The log of the last run."""
        logs = self.logs()
        return logs[-1].read_text() if logs else ""

    # -- looking from beside

    def inside(self, host: Host, script: str, *, check: bool = True) -> str:
        """What a bash script prints that the engine runs as root inside a host."""
        name = f"{self.name}.{host.name}"
        done = subprocess.run(
            [*self.engine.prefix, "exec", "-i", name, "bash", "-s"], input=script, text=True,
            capture_output=True, check=False, timeout=120,
        )
        assert not check or done.returncode == 0, f"{name}: {script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def main_pids(self, datacenter: str = "dc1") -> dict[str, int]:
        """The process of ZooKeeper or the broker by host name; 0 where none runs."""
        hosts = (*self.of("zookeeper", datacenter), *self.of("kafka", datacenter))
        return {host.name: self.main_pid(host) for host in hosts}

    def main_pid(self, host: Host, service: str = "") -> int:
        unit = f"{service or host.role}.service"
        return int(self.inside(host, f"systemctl show -p MainPID --value {unit}"))

    def kill(self, host: Host, service: str) -> None:
        """SIGKILL for a service's process, once it has one: what was killed before may be away."""
        pid = until(lambda: self.main_pid(host, service), f"{service} runs on {host.name}")
        self.inside(host, f"kill -KILL {pid}")

    def open_between(self, source: Host, target: Host, port: int) -> bool:
        """Whether a TCP connection from one host to another comes about within two seconds."""
        probe = f"timeout 2 bash -c '</dev/tcp/{target.address}/{port}' && echo open || echo closed"
        return self.inside(source, probe).split()[-1] == "open"

    def bootstrap(self, datacenter: str = "dc1") -> str:
        return ",".join(f"127.0.0.1:{host.external_port}" for host in self.of("kafka", datacenter))

    def ports(self) -> list[int]:
        """Every port that the lab publishes on the workstation."""
        hosts = self.topology.hosts
        external = [host.external_port for host in hosts if host.external_port is not None]
        return [*(host.ssh_port for host in hosts), *external]

    def leftovers(self) -> list[str]:
        """What the engine has with the lab's label or name, and the lab's ports that answer."""
        engine, label = self.engine, f"label=kafkalab.lab={self.name}"
        found = [
            *engine.lines("ps", "--all", "--filter", label, "--format", "{{.Names}}"),
            *engine.lines("network", "ls", "--filter", label, "--format", "{{.Name}}"),
            *engine.lines("volume", "ls", "--filter", label, "--format", "{{.Name}}"),
            *engine.lines("images", "--filter", label, "--format", "{{.Repository}}:{{.Tag}}"),
            *(name for name in engine.networks() if name == f"kafkalab-{self.name}"),
        ]
        return [*found, *(f"port {port}" for port in self.ports() if answers(port))]


def _toml(value: object) -> str:
    """A value as TOML has it, also a table in one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{k}" = {json.dumps(v)}' for k, v in value.items()) + " }"
    return json.dumps(value)


def answers(port: int, seconds: float = 2) -> bool:
    """Whether something accepts connections on 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=seconds).close()
    except OSError:
        return False
    return True


def until(
    condition: Callable[[], Any], what: str, timeout: float = 60, *, pause: float = 0.1
) -> Any:
    """The first true value of `condition()`; fails naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        time.sleep(pause)
    return value


@contextmanager
def killed_at_last(process: subprocess.Popen[str]) -> Iterator[None]:
    """Nothing of the process's group outlives the block, whatever happens in it."""
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
