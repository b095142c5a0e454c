"""SSH to many hosts: verified host keys, one connection a host, one script a round trip."""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lab.services.context import LANG
from scripts.errors import (
    Closed,
    CommandError,
    HostKeyError,
    LabError,
    ReachError,
    TimeoutExpired,
    foreign,
    merged,
    one_line,
)
from scripts.platforms import UP, Instance, Steps

if TYPE_CHECKING:
    from fabric import Connection

log = logging.getLogger("kafkalab.run")
# A port that nobody listens on yet is an answer here, and no line on the screen.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
T = TypeVar("T")

CONNECT_TIMEOUT = 15  # seconds, for TCP, banner and authentication each
BOOT_SECONDS = 6  # how long a host that does not answer may be one that is just booting
THREADS = 32  # a bound for large labs; a thread here mostly waits
CHUNK = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What a script printed on a host, and how it ended."""

    stdout: str
    stderr: str
    status: int


class Host:
    """One host over SSH. Connects at first use, with the host key that its platform told."""

    def __init__(
        self, instance: Instance, key_file: Path, steps: Steps, patience: float | None = None
    ) -> None:
        self.patience = patience or CONNECT_TIMEOUT  # seconds, for each step of connecting
        self.instance, self.name = instance, instance.name
        self._key_file, self._steps = key_file, steps
        self._connection: Connection | None = None
        self._connecting = threading.Lock()  # a seed is used by its own thread and by its peers'

    def script(
        self, text: str, *, label: str, timeout: float = 120, check: bool = True
    ) -> Answer:
        """Run a bash script as root and wait for its end, at most `timeout` seconds.

        The script goes in on standard input, so nothing of it shows in a process list. Raises
        CommandError when it fails (with `check`) and TimeoutExpired when it does not end.
        """
        return self._exec(f"sudo -n LANG={LANG} bash -s", [text.encode()], label, timeout, check)

    def upload(self, source: Path, command: str, *, label: str, timeout: float = 600) -> Answer:
        """Stream a file from the workstation into `command`, which runs as root."""
        def chunks() -> Iterable[bytes]:
            with source.open("rb") as file:
                while piece := file.read(CHUNK):
                    yield piece

        return self._exec(f"sudo -n {command}", chunks(), label, timeout, True)

    def ask(self, port: int, question: bytes, *, timeout: float = 5) -> str:
        """Send `question` to a port of the host itself and return what it answers.

        For protocols that answer once and close (ZooKeeper's four-letter words); "" when nobody
        listens there.
        """
        channel = self.open_channel("127.0.0.1", port, timeout=timeout)
        if channel is None:
            return ""
        with channel:
            channel.settimeout(timeout)
            channel.sendall(question)
            received = b""
            with suppress(TimeoutError):
                while piece := channel.recv(CHUNK):
                    received += piece
        return received.decode(errors="replace")

    def open_channel(self, address: str, port: int, *, timeout: float) -> Any:
        """A TCP connection from the host to `address`, as a socket; None when nobody listens.

        Raises LabError when the host itself does not answer.
        """
        import paramiko  # noqa: PLC0415 - 0.1 s that not every command needs

        try:
            channel = self._transport().open_channel(
                "direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=timeout
            )
        except paramiko.ChannelException:
            return None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._broke(f"port {port}", error) from error
        channel.settimeout(timeout)
        return channel

    def anew(self, patience: float) -> Host:
        """The same host over a connection of its own, which whoever asks for it closes."""
        return Host(self.instance, self._key_file, self._steps, patience)

    def open(self) -> None:
        """Connect, if that was not done yet. Raises LabError."""
        self._transport()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exec(
        self, command: str, chunks: Iterable[bytes], label: str, timeout: float, check: bool
    ) -> Answer:
        import paramiko  # noqa: PLC0415 - 0.1 s that not every command needs

        began, deadline = time.monotonic(), time.monotonic() + timeout
        try:
            answer = self._converse(command, chunks, deadline)
        except TimeoutError as error:
            self._record(label, "time-out", began)
            raise TimeoutExpired(
                f"{label}: no end after {timeout:g} s", where=self.name, hint="run it again"
            ) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            self._record(label, "connection lost", began)
            raise self._broke(label, error) from error
        self._record(label, answer.status, began)
        if answer.status:
            log.info("%s: stderr: %s", self.name, answer.stderr.strip())
        if check and answer.status:
            raise CommandError(label, answer.status, answer.stdout, answer.stderr, where=self.name)
        return answer

    def _broke(self, label: str, error: Exception) -> LabError:
        return LabError(
            f"{label}: the connection broke ({one_line(error)})",
            where=self.name, hint="see `fab status`, then run it again",
        )

    def _converse(self, command: str, chunks: Iterable[bytes], deadline: float) -> Answer:
        channel = self._transport().open_session(timeout=self.patience)
        with channel:
            channel.exec_command(command)
            channel.settimeout(max(deadline - time.monotonic(), 0.1))
            with suppress(OSError):  # the far side may end early; its status then tells why
                for chunk in chunks:
                    channel.sendall(chunk)
                channel.shutdown_write()
            out, err = channel.makefile("rb"), channel.makefile_stderr("rb")
            stdout, stderr = out.read(), err.read()
            if not channel.status_event.wait(max(deadline - time.monotonic(), 0.1)):
                raise TimeoutError
            return Answer(
                stdout.decode(errors="replace"), stderr.decode(errors="replace"),
                channel.recv_exit_status(),
            )

    def _record(self, label: str, status: int | str, began: float) -> None:
        log.info("%s: %s -> %s, %.3f s", self.name, label, status, time.monotonic() - began)

    def _transport(self) -> Any:
        with self._connecting:
            if self._connection is None:
                self._connection = self._connect()
            return self._connection.transport

    def _connect(self) -> Connection:
        import paramiko  # noqa: PLC0415 - 0.1 s that not every command needs

        began, instance = time.monotonic(), self.instance
        if not instance.host_key:
            raise ReachError(
                Closed.UNKNOWN, "its host key is not known from the platform", where=self.name,
                hint=UP,
            )
        connection = self._prepare(instance)
        try:
            _open(connection, time.monotonic() + BOOT_SECONDS)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._told(error) from error
        self._record("connect", 0, began)
        return connection

    def _told(self, error: Exception) -> LabError:
        """Why there is no connection, in words that a person can act on."""
        import paramiko  # noqa: PLC0415 - 0.1 s

        if isinstance(error, paramiko.BadHostKeyException):
            return HostKeyError(
                "shows another host key than the one its platform told; not connected",
                where=self.name,
                hint="if you changed it yourself, remove the host and run `fab up`",
            )
        if _of_a_file(error) and isinstance(error, PermissionError):
            return foreign(error) or LabError(str(error))
        if _of_a_file(error) or isinstance(error, paramiko.AuthenticationException):
            return ReachError(
                Closed.REFUSED, f"does not take the login key {self._key_file} ({one_line(error)})",
                where=self.name, hint=self._steps.refused,
            )
        at = f"{self.instance.ssh_host}:{self.instance.ssh_port}"
        return ReachError(
            Closed.SILENT, f"no SSH connection to {at} ({one_line(error)})", where=self.name,
            hint=self._steps.silent,
        )

    def _prepare(self, instance: Instance) -> Connection:
        """A connection that knows one key, takes no other, and reads no one's ~/.ssh or
        ~/.fabric.yaml: a gateway or key of somebody's other work leads to no host of the lab."""
        import paramiko  # noqa: PLC0415 - 0.1 s
        from fabric import Config, Connection  # noqa: PLC0415 - 0.1 s

        config = Config(ssh_config=paramiko.SSHConfig(), lazy=True)
        connection = Connection(
            instance.ssh_host, user=instance.user, port=instance.ssh_port, config=config,
            connect_timeout=self.patience,
            connect_kwargs={
                "key_filename": str(self._key_file), "look_for_keys": False, "allow_agent": False,
                "banner_timeout": self.patience, "auth_timeout": self.patience,
            },
        )
        client = connection.client
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        kind, _, encoded = str(instance.host_key).partition(" ")
        key = paramiko.Ed25519Key(data=base64.b64decode(encoded.split()[0]))
        name = f"[{instance.ssh_host}]:{instance.ssh_port}"
        known = instance.ssh_host if instance.ssh_port == 22 else name
        client.get_host_keys().add(known, kind, key)
        return connection


def _open(connection: Connection, deadline: float) -> None:
    """Open a connection; a host that has only just booted gets until `deadline` to answer."""
    import paramiko  # noqa: PLC0415 - 0.1 s

    while True:
        try:
            connection.open()
            return
        except (paramiko.AuthenticationException, paramiko.BadHostKeyException):
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            if time.monotonic() >= deadline or _of_a_file(error):
                raise
        time.sleep(0.25)


def _of_a_file(error: Exception) -> bool:
    """Whether it is the login key's file that failed, and not the network."""
    return isinstance(error, OSError) and error.filename is not None


class Fleet:
    """The hosts of a lab by name. `each` does one thing on many at once.

    `steps`: what a person does next about a host that cannot be logged in to.
    """

    def __init__(self, instances: Mapping[str, Instance], key_file: Path, steps: Steps) -> None:
        self.hosts = {
            name: Host(instance, key_file, steps) for name, instance in instances.items()
        }

    def __getitem__(self, name: str) -> Host:
        """A host by its name. Raises LabError when the platform has none of that name."""
        if name not in self.hosts:
            raise LabError("does not exist", where=name, hint="run `fab up`")
        return self.hosts[name]

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for host in self.hosts.values():
            host.close()

    def closed(
        self, names: Iterable[str], then: Callable[[str], None] | None = None
    ) -> dict[str, LabError]:
        """Connect to each of `names`, and do there what comes `then`, while others still connect;
        why not, of those where no connection comes about."""
        def one(name: str) -> LabError | None:
            try:
                self[name].open()
            except LabError as error:
                return error
            if then:
                then(name)
            return None

        return {name: error for name, error in self.each(one, names).items() if error}

    def each(self, work: Callable[[str], T], names: Iterable[str]) -> dict[str, T]:
        """`work(name)` for all names side by side; the results by name.

        All are let finish; then the first failure is raised, the others are in its notes. A person
        who stops the run does not wait: the connections are closed under what still goes on.
        """
        names = list(names)
        if not names:
            return {}
        pool = ThreadPoolExecutor(min(THREADS, len(names)))
        try:
            futures = {name: pool.submit(work, name) for name in names}
            wait(futures.values())
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            self.close()
            raise
        pool.shutdown()
        failed = [foreign(error) or error for future in futures.values()
                  if (error := future.exception())]
        if failed:
            told: list[BaseException] = [e for e in failed if not isinstance(e, LabError)]
            told += merged(error for error in failed if isinstance(error, LabError))
            for other in told[1:]:
                told[0].add_note(str(other))
            raise told[0]
        return {name: future.result() for name, future in futures.items()}
