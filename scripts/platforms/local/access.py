"""Hosts that run and yet cannot be logged in to: why, seen through the engine, and what mends it.

The engine reaches into a container without SSH, without its ports and without anybody's key. So
whoever controls it can be let in again, whatever became of these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from lab.services.local import LOOPBACK
from scripts.errors import Closed, CommandError, LabError, TimeoutExpired
from scripts.platforms import Trouble, sshd
from scripts.platforms.local.container import instance
from scripts.platforms.local.engine import AT_A_TIME, Container, Engine
from scripts.platforms.local.keys import Keys
from scripts.platforms.local.network import republish

AGAIN_S = 20.0  # until every host that was mended answers
UNIT = "ssh.service"
# What the workstation would see of sshd, asked from inside.
GREETS = "exec 3<>/dev/tcp/127.0.0.1/22 && IFS= read -r line <&3 && [[ $line == SSH-* ]]"

LOST = Trouble(
    f"ports no longer published on {LOOPBACK}, though sshd answers inside", "reconnect"
)
DEAD = Trouble("sshd does not answer, not even inside", f"restart {UNIT}")
SLOW = Trouble("sshd was slow to answer", "wait for it")
UNREAD = Trouble("host key not read yet", "read it")


class Access:
    """The way into hosts of a lab, whose network has this name."""

    def __init__(self, engine: Engine, keys: Keys, network: str) -> None:
        self.engine, self.keys, self.network = engine, keys, network

    @property
    def stranger(self) -> Trouble:
        """What a host of somebody else's, or after the state directory was lost, says."""
        return Trouble(
            f"login key {self.keys.private} not known there", "add it beside those that are"
        )

    def troubles(
        self, there: Mapping[str, Container], closed: Mapping[str, Closed]
    ) -> dict[str, Trouble]:
        """Why each of the hosts `closed` lets nobody in; changes nothing."""
        mine = {name: there[name] for name in closed if name in there}
        silent = {name: one for name, one in mine.items() if closed[name] is Closed.SILENT}
        found = self._why_silent(silent) if silent else {}
        for name, one in mine.items():
            if closed[name] is Closed.UNKNOWN and self.keys.own(one):
                found[name] = UNREAD
        return {name: found.get(name, self.stranger) for name in mine}

    def _why_silent(self, hosts: Mapping[str, Container]) -> dict[str, Trouble]:
        """Each is asked from inside and from here; a port that leads nowhere takes its seconds."""
        with ThreadPoolExecutor(AT_A_TIME) as few, ThreadPoolExecutor(len(hosts)) as all_at_once:
            inside = few.map(self._greets, hosts.values())
            here = all_at_once.map(
                lambda name: sshd.answers(*_address(name, hosts[name])), hosts
            )
            return {
                name: (SLOW if reached else LOST) if greets else DEAD
                for name, greets, reached in zip(hosts, inside, here, strict=True)
            }

    def _greets(self, container: Container) -> bool:
        asked = self.engine(
            "exec", container.id, "timeout", "5", "bash", "-c", GREETS, check=False
        )
        return asked.returncode == 0

    def mend(
        self, there: Mapping[str, Container], troubles: Mapping[str, Trouble], login: str
    ) -> None:
        """Let `login` in again, where `troubles` say what is in its way. Raises LabError.

        A host key that is not known is none of it: `Keys.learn` reads it.
        """
        def those(trouble: Trouble) -> dict[str, Container]:
            return {name: there[name] for name, one in troubles.items() if one == trouble}

        self.keys.admit(those(self.stranger).values(), login)
        for container in those(DEAD).values():
            self._restart(container)
        # Behind a dead sshd nobody has seen whether its port leads anywhere.
        lost = those(LOST) | {
            name: one for name, one in those(DEAD).items()
            if not sshd.answers(*_address(name, one))
        }
        if lost:
            addresses = {one.id: instance(name, one, None).address for name, one in lost.items()}
            republish(self.network, addresses, self.engine)
        self._await({**those(DEAD), **those(SLOW), **lost}, lost)

    def _restart(self, container: Container) -> None:
        """Raises LabError with systemd's own words where it does not start."""
        script = f"systemctl reset-failed {UNIT}; systemctl restart {UNIT}"
        try:
            self.engine("exec", container.id, "sh", "-c", script)
        except CommandError as error:
            raise LabError(
                f"{UNIT} does not start: {(error.stderr.strip().splitlines() or ['?'])[-1]}",
                where=container.name,
                hint=f"{self.engine.name} exec {container.name} journalctl -u {UNIT}",
            ) from error

    def _await(self, hosts: Mapping[str, Container], lost: Collection[str]) -> None:
        def late(name: str) -> LabError:
            host, port = _address(name, hosts[name])
            return TimeoutExpired(
                f"{host}:{port} still does not lead to its sshd after {AGAIN_S:g} s", where=name,
                hint="does a firewall of this machine or its own rules drop it? `fab lab.stop` "
                "and `fab lab.start` start it again" if name in lost
                else f"{self.engine.name} logs {hosts[name].name}",
            )

        sshd.wait_for(
            {name: _address(name, one) for name, one in hosts.items()}, AGAIN_S, late
        )


def _address(name: str, container: Container) -> tuple[str, int]:
    found = instance(name, container, None)
    return found.ssh_host, found.ssh_port
