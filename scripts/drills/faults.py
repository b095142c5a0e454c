"""Failures, each with its repair. None outlives the drill, except those that `fab up` repairs, too.

`strike` starts a fault and `repair` ends it. `repair` may be called more than once, and also when
`strike` was interrupted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lab.counted import counted
from lab.services.registry import SERVICES, running_on
from lab.topology import Datacenter, Host, Topology
from scripts.hosts.fleet import Fleet
from scripts.platforms import Platform

TABLE = "kafkalab_drill"
# The kernel's own clock ends it after a while, so that a drill that was killed leaves no cut link.
CUT = """\
nft -f - <<'RULES'
table inet {table}
delete table inet {table}
table inet {table} {{
  set lost {{ type ipv4_addr; flags timeout; elements = {{ {addresses} }} }}
  chain out {{ type filter hook output priority -10; ip daddr @lost drop; }}
  chain in {{ type filter hook input priority -10; ip saddr @lost drop; }}
}}
RULES
"""
HEAL = """\
if nft list table inet {table} >/dev/null 2>&1; then nft delete table inet {table}; fi
"""
# systemd would start it again after RestartSec: a stop that follows at once keeps it down, as a
# datacenter without power stays down.
KILL = "set -e\nsystemctl kill --kill-whom=all --signal=KILL {units}\nsystemctl stop {units}\n"
KILL_ONE = "systemctl kill --kill-whom=all --signal=KILL {unit}\n"
# Nobody but the process's own user or the whole machine's root may lower its limit, so it is done
# as that user. Every process that systemd starts meanwhile meets the same fate.
FILL = """\
until=$(( $(date +%s) + {seconds} )) last=0
while [ "$(date +%s)" -lt "$until" ]; do
  pid=$(systemctl show -p MainPID --value {unit})
  if [ "$pid" != 0 ] && [ "$pid" != "$last" ]; then
    user=$(stat -c %U "/proc/$pid") && runuser -u "$user" -- prlimit --pid "$pid" --fsize=1: &&
      last=$pid && echo "$pid"
  fi
  sleep 0.1
done
"""


class Fault(Protocol):
    """A failure of a whole datacenter, or of its way to another."""

    @property
    def text(self) -> str:
        """What happens, for people."""

    def strike(self) -> None: ...

    def repair(self) -> None: ...


class Strike(threading.Thread):
    """A failure while it is brought about, beside those who watch for it.

    Its command may take seconds, one host after another, and what it breaks is broken before it
    returns. So the failure has begun when the command did: at `began`, in seconds since the epoch.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(name="drill-strike", daemon=True)
        self.fault = fault
        self.seconds: float | None = None  # that the command took; None while it goes on
        self.error: BaseException | None = None
        self.began = time.time()
        self.start()

    def run(self) -> None:
        try:
            self.fault.strike()
        except BaseException as error:  # raised by `check`
            self.error = error
        self.seconds = time.time() - self.began

    def check(self) -> None:
        """Raise what kept the failure from coming about."""
        if self.error is not None:
            raise self.error

    def wait(self) -> float:
        """Wait until all is broken that is to be: in how many seconds. Raises as `check` does."""
        self.join()
        self.check()
        return self.seconds or 0.0


@dataclass
class Hosts:
    """All hosts of a datacenter lose their power at once. `up` is what `fab up` does for them."""

    platform: Platform
    datacenter: Datacenter
    up: Callable[[], None]

    @property
    def text(self) -> str:
        return f"{counted(len(self.datacenter.hosts), 'host')} of {self.datacenter.name} killed"

    def strike(self) -> None:
        self.platform.kill([host.name for host in self.datacenter.hosts])

    def repair(self) -> None:
        self.platform.revive([host.name for host in self.datacenter.hosts])
        self.up()


@dataclass
class Services:
    """All services of a datacenter are killed (SIGKILL) and stay away."""

    fleet: Fleet
    topology: Topology
    datacenter: Datacenter
    up: Callable[[], None]

    @property
    def text(self) -> str:
        return f"services of {self.datacenter.name} killed (SIGKILL)"

    def strike(self) -> None:
        scripts = {
            host.name: KILL.format(units=" ".join(units))
            for host in self.datacenter.hosts
            if (units := [str(one.unit) for one in running_on(host, self.topology)])
        }
        self.fleet.each(
            lambda name: self.fleet[name].script(scripts[name], label="kill services"), scripts
        )

    def repair(self) -> None:
        self.up()


@dataclass
class Link:
    """Packets between two datacenters are dropped, for `seconds` at most; both go on."""

    fleet: Fleet
    datacenter: Datacenter
    other: Datacenter
    seconds: int

    @property
    def text(self) -> str:
        return f"packets between {self.datacenter.name} and {self.other.name} dropped"

    def strike(self) -> None:
        # Host by host: the workstation's own address may lie within a datacenter's network.
        until = f"timeout {self.seconds}s"
        addresses = ", ".join(f"{host.address} {until}" for host in self.other.hosts)
        self._everywhere(CUT.format(table=TABLE, addresses=addresses), "cut the link")

    def repair(self) -> None:
        self._everywhere(HEAL.format(table=TABLE), "heal the link")

    def _everywhere(self, script: str, label: str) -> None:
        self.fleet.each(
            lambda name: self.fleet[name].script(script, label=label),
            [host.name for host in self.datacenter.hosts],
        )


def kill_service(fleet: Fleet, host: Host, service: str) -> None:
    """SIGKILL for one service; systemd starts it again, as on any host."""
    unit = str(SERVICES[service].unit)
    fleet[host.name].script(KILL_ONE.format(unit=unit), label=f"kill {service}")


def refuse_writes(fleet: Fleet, host: Host, seconds: int) -> int:
    """Let no process of the broker write to a file for a while, as on a full disk; how many
    processes met that.

    The kernel refuses with "File too large" instead of "No space left on device"; the broker takes
    the same way: its log directory is offline, and as it has no other, it ends. A disk that is
    really full would be the workstation's own.
    """
    unit = str(SERVICES["kafka"].unit)
    answer = fleet[host.name].script(
        FILL.format(unit=unit, seconds=seconds), label="refuse writes", timeout=seconds + 60
    )
    return len(answer.stdout.split())
