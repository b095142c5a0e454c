"""A host as a container: the words that run it, and what its labels tell of it later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lab.topology import EXTERNAL_PORT, SSH_PORT
from scripts.platforms import Instance
from scripts.platforms.local.keys import LOGIN_LABEL, mark

if TYPE_CHECKING:
    from lab.topology import Host
    from scripts.platforms.local.engine import Container, Engine

LOOPBACK = "127.0.0.1"
USER = "student"  # whom host/setup.sh makes
LAB_LABEL = "kafkalab.lab"
HOST_LABEL = "kafkalab.host"
# kafkalab.port.3000 = 20801: a port of a service, and where the workstation has it. Not among the
# labels that may not move: a host that lacks one is as good, but for that port.
PORT_LABEL = "kafkalab.port"
_ADDRESS, _SSH_PORT = "kafkalab.address", "kafkalab.ssh-port"


def placing(host: Host) -> dict[str, str]:
    """The labels that tell where a host is reached: fixed for its whole life."""
    external = {} if host.external_port is None else {
        "kafkalab.external-port": str(host.external_port),
    }  # fmt: skip
    return {_ADDRESS: str(host.address), _SSH_PORT: str(host.ssh_port), **external}


def instance(name: str, container: Container, host_key: str | None) -> Instance:
    """The host that a container is, as its labels have it."""
    return Instance(
        name=name, id=container.id, running=container.running, ssh_host=LOOPBACK,
        ssh_port=int(container.labels[_SSH_PORT]), user=USER, host_key=host_key,
        address=container.labels[_ADDRESS], ports=_ports(container),
    )


def _ports(container: Container) -> dict[int, int]:
    begin = f"{PORT_LABEL}."
    return {
        int(label.removeprefix(begin)): int(value)
        for label, value in container.labels.items() if label.startswith(begin)
    }


def run_words(
    engine: Engine, host: Host, *, lab: str, network: str, image: str, login: str,
    roles: Sequence[str], ports: Mapping[int, int],
) -> list[str]:
    """What `engine` is told to run `host` on `network`; the public key `login` opens it.

    roles: what it is there for. ports: the workstation's port for each that its services publish.
    """
    labels = {
        LAB_LABEL: lab,
        HOST_LABEL: host.name,
        "kafkalab.datacenter": host.datacenter,
        # Not joined with a comma, which Docker's list of labels uses itself.
        "kafkalab.roles": " ".join(roles),
        LOGIN_LABEL: mark(login),
        **{f"{PORT_LABEL}.{port}": str(local) for port, local in ports.items()},
        **placing(host),
    }
    return [
        "run", "--detach", "--tty", "--pull", "never",
        "--name", f"{lab}.{host.name}", "--hostname", host.name,
        *(word for key, value in labels.items() for word in ("--label", f"{key}={value}")),
        "--network", network, "--ip", str(host.address), *_hardware_address(engine, host),
        "--publish", f"{LOOPBACK}:{host.ssh_port}:{SSH_PORT}", *_publish_external(host),
        *(word for port, local in ports.items()
          for word in ("--publish", f"{LOOPBACK}:{local}:{port}")),
        "--env", f"KAFKALAB_LOGIN_KEY={login}", *engine.host_flags(), image, "/sbin/init",
    ]  # fmt: skip


def _hardware_address(engine: Engine, host: Host) -> tuple[str, ...]:
    """A hardware address that goes with the private one: the same after every start.

    Podman makes up another one each time, of which the neighbours do not know for a while;
    Docker derives it from the private address by itself.
    """
    if engine.name != "podman":
        return ()
    octets = (0x02, 0x4B, *host.address.packed)
    return ("--mac-address", ":".join(f"{octet:02x}" for octet in octets))


def _publish_external(host: Host) -> tuple[str, ...]:
    if host.external_port is None:
        return ()
    return ("--publish", f"{LOOPBACK}:{host.external_port}:{EXTERNAL_PORT}")
