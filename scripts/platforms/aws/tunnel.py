"""A way to hosts that this machine does not reach itself: through Session Manager or a bastion.

Every port of a host that is used from here gets one on 127.0.0.1, the one that a local lab would
have. So brokers can say where their clients reach them, and whatever reaches a local lab reaches
this one, while `fab tunnel` runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.counted import counted
from lab.services.registry import published
from lab.topology import EXTERNAL_PORT, SSH_PORT, Host, Topology
from scripts.errors import LabError, TimeoutExpired, few
from scripts.platforms import sshd
from scripts.workstation.held import Held

if TYPE_CHECKING:
    from scripts.platforms.aws import Aws
    from scripts.platforms.aws.inventory import Machine

HERE = "127.0.0.1"
OPENED_S = 60.0  # what it may take until the first host answers through it
POLL_S = 0.5
PROGRAMS = {
    "aws": "install the AWS CLI with its Session Manager plugin", "ssh": "install OpenSSH's client",
}
# AWS's own document (Systems Manager user guide, "Starting a session (port forwarding to remote
# host)"): from the instance's agent to an address that the instance reaches, here its own.
DOCUMENT = "AWS-StartPortForwardingSessionToRemoteHost"


@dataclass(frozen=True)
class Forward:
    """One port of a machine, and the one on 127.0.0.1 that leads there."""

    machine: Machine
    port: int
    local: int


def ports(host: Host, topology: Topology) -> dict[int, int]:
    """The ports of a host that are used from here: the host's own, and that on 127.0.0.1."""
    found = {SSH_PORT: host.ssh_port}
    if host.external_port is not None:
        found[EXTERNAL_PORT] = host.external_port
    return found | {port.number: local for port, local in published(host, topology).items()}


def forwards(topology: Topology, there: Mapping[str, Machine]) -> list[Forward]:
    """Every port of every host that runs."""
    return [
        Forward(there[host.name], port, local)
        for host in topology.hosts if host.name in there and there[host.name].running
        for port, local in ports(host, topology).items()
    ]


def commands(
    bastion: str | None, wanted: Sequence[Forward], endpoint_url: str | None
) -> list[list[str]]:
    """What is to run: one `ssh` for all through a bastion, or one session for each port."""
    if bastion:
        target, _, port = bastion.partition(":")
        argv = ["ssh", "-N", "-oBatchMode=yes", "-oExitOnForwardFailure=yes",
                "-oServerAliveInterval=15", *(["-p", port] if port else [])]
        for one in wanted:
            argv += ["-L", f"{HERE}:{one.local}:{one.machine.private}:{one.port}"]
        return [[*argv, target]]
    return [
        ["aws", *(["--endpoint-url", endpoint_url] if endpoint_url else []),
         "--region", one.machine.region, "ssm", "start-session", "--target", one.machine.id,
         "--document-name", DOCUMENT, "--parameters", json.dumps({
             "host": [one.machine.private], "portNumber": [str(one.port)],
             "localPortNumber": [str(one.local)],
         })]
        for one in wanted
    ]


def hold(aws: Aws, say: Callable[[str], None]) -> None:
    """Open the way to every host that runs, and hold it until somebody says Ctrl-C.

    Raises LabError when there is no host, when a program is missing, or when one ends by itself,
    with its last words.
    """
    config = aws.topology.config.aws
    wanted = forwards(aws.topology, aws.machines())
    if not wanted:
        raise LabError("no host of the lab runs in AWS", hint=aws.steps.absent)
    with Held() as held:
        for argv in commands(config.bastion, wanted, aws.clients.endpoint_url):
            held.start(argv, hint=PROGRAMS[argv[0]])
        _await(held, [one for one in wanted if one.port == SSH_PORT])
        say(f"{counted(len(wanted), 'port')} of {aws.topology.lab} on {HERE}, through "
            f"{config.bastion or 'Session Manager'}; Ctrl-C ends it")
        try:
            while True:
                held.check()
                time.sleep(POLL_S)
        except KeyboardInterrupt:
            say("the tunnel is closed")


def _await(held: Held, wanted: Iterable[Forward]) -> None:
    """Wait until sshd of every host answers through its port here."""
    deadline = time.monotonic() + OPENED_S
    late = list(wanted)
    while late := [one for one in late if not sshd.answers(HERE, one.local)]:
        held.check()
        if time.monotonic() > deadline:
            raise TimeoutExpired(
                f"no sshd through the tunnel after {OPENED_S:g} s",
                where=few([one.machine.name for one in late]),
                hint=held.said or "is the bastion's own address in aws.admin_cidrs?",
            )
        time.sleep(POLL_S)
