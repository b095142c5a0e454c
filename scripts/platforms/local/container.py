"""A host as a container: the words that run it, and what its labels tell of it later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from lab.services.context import LANG
from lab.services.local import LOOPBACK
from lab.standing import REPLACE, Obstacle, Standing
from lab.topology import EXTERNAL_PORT, SSH_PORT
from scripts.platforms import Instance
from scripts.platforms.local.keys import LOGIN_LABEL, mark
from scripts.platforms.local.network import NETWORK_LABEL, Network, hardware_address

if TYPE_CHECKING:
    from lab.topology import Host
    from scripts.platforms.local.engine import Container, Engine

USER = "student"  # whom host/setup.sh makes
LAB_LABEL = "kafkalab.lab"
HOST_LABEL = "kafkalab.host"
# kafkalab.port.3000 = 20801: a port of a service, and where the workstation has it. Not among the
# labels that may not move: a host that lacks one is as good, but for that port.
PORT_LABEL = "kafkalab.port"
DATACENTER_LABEL, ROLES_LABEL = "kafkalab.datacenter", "kafkalab.roles"
FQDN_LABEL = "kafkalab.fqdn"
_ADDRESS, _SSH_PORT = "kafkalab.address", "kafkalab.ssh-port"
_EXTERNAL_PORT = "kafkalab.external-port"


def placing(host: Host) -> dict[str, str]:
    """The labels that tell where a host is reached: fixed for its whole life."""
    external = {} if host.external_port is None else {
        _EXTERNAL_PORT: str(host.external_port),
    }  # fmt: skip
    return {_ADDRESS: str(host.address), _SSH_PORT: str(host.ssh_port), **external}


def moved(hosts: Iterable[Host], there: Mapping[str, Container]) -> Iterator[Obstacle]:
    """Hosts whose address or ports would change; their data is not thrown away for that."""
    for host in hosts:
        if (one := there.get(host.name)) is None:
            continue
        for key, value in placing(host).items():
            if one.labels.get(key) != value:
                yield Obstacle(
                    host.name,
                    f"{key.removeprefix('kafkalab.')} is {one.labels.get(key)} and would have to "
                    f"become {value}, which a host that exists cannot do",
                    f"undo that change in the lab file, or {REPLACE}", ends=True,
                )
                break


def is_host(container: Container) -> bool:
    """Whether it is a host of some lab. The lab's own label says less: images hand it on."""
    return HOST_LABEL in container.labels


def instance(name: str, container: Container, host_key: str | None) -> Instance:
    """The host that a container is, as its labels have it."""
    return Instance(
        name=name, id=container.id, running=container.running, ssh_host=LOOPBACK,
        ssh_port=int(container.labels[_SSH_PORT]), user=USER, host_key=host_key,
        address=container.labels[_ADDRESS], ports=_ports(container),
    )


def standing(name: str, container: Container, domain: str) -> Standing:
    """The host as it was made. Hosts of before that label have the lab's `domain` of today."""
    labels = container.labels
    role, *carries = labels.get(ROLES_LABEL, "").split() or [""]
    return Standing(
        name=name, fqdn=labels.get(FQDN_LABEL, f"{name}.{domain}"),
        datacenter=labels.get(DATACENTER_LABEL, ""),
        role=role, carries=tuple(carries),
        address=IPv4Address(labels[_ADDRESS]),
        ports=tuple(int(labels[key]) for key in (_SSH_PORT, _EXTERNAL_PORT) if key in labels),
    )


def every_port(container: Container) -> frozenset[int]:
    """All ports of the workstation that lead to a host while it runs."""
    reached = (int(container.labels[key]) for key in (_SSH_PORT, _EXTERNAL_PORT)
               if key in container.labels)
    return frozenset((*reached, *_ports(container).values()))


def _ports(container: Container) -> dict[int, int]:
    begin = f"{PORT_LABEL}."
    return {
        int(label.removeprefix(begin)): int(value)
        for label, value in container.labels.items() if label.startswith(begin)
    }


def run_words(
    engine: Engine, host: Host, *, lab: str, network: tuple[str, Network], image: str, login: str,
    roles: Sequence[str], ports: Mapping[int, int], capabilities: Sequence[str] = (),
    cgroups: Sequence[str] = (),
) -> list[str]:
    """What `engine` is told to run `host` on `network`, by name; the public key `login` opens it.

    roles: what it is there for. ports: the workstation's port for each that its services publish.
    capabilities: what its programs need beyond what every host is allowed. cgroups: what the module
    of that name says.
    """
    labels = {
        LAB_LABEL: lab,
        HOST_LABEL: host.name,
        DATACENTER_LABEL: host.datacenter,
        FQDN_LABEL: host.fqdn,
        NETWORK_LABEL: network[1].label,
        # Not joined with a comma, which Docker's list of labels uses itself.
        ROLES_LABEL: " ".join(roles),
        LOGIN_LABEL: mark(login),
        **{f"{PORT_LABEL}.{port}": str(local) for port, local in ports.items()},
        **placing(host),
    }
    return [
        "run", "--detach", "--tty", "--pull", "never",
        "--name", f"{lab}.{host.name}", "--hostname", host.name,
        *(word for key, value in labels.items() for word in ("--label", f"{key}={value}")),
        "--network", network[0], "--ip", str(host.address),
        *hardware_address(str(host.address), engine),
        "--publish", f"{LOOPBACK}:{host.ssh_port}:{SSH_PORT}", *_publish_external(host),
        *(word for port, local in ports.items()
          for word in ("--publish", f"{LOOPBACK}:{local}:{port}")),
        "--env", f"KAFKALAB_LOGIN_KEY={login}", "--env", f"LANG={LANG}",
        *(word for one in capabilities for word in ("--cap-add", one)),
        *engine.host_flags(), *cgroups, image, "/sbin/init",
    ]  # fmt: skip


def _publish_external(host: Host) -> tuple[str, ...]:
    if host.external_port is None:
        return ()
    return ("--publish", f"{LOOPBACK}:{host.external_port}:{EXTERNAL_PORT}")
