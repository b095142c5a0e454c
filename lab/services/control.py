"""The control host: Kafka's tools on the PATH, and where the cluster is."""

from __future__ import annotations

from lab import artifacts
from lab.artifacts import PREFIX
from lab.services.context import Context
from lab.services.java import logs
from lab.services.quorum import quorum
from lab.services.service import Service
from lab.state import File, HostState, Key
from lab.topology import ZOOKEEPER_CLIENT_PORT, Host


def desired(host: Host, context: Context) -> HostState:
    datacenter = context.datacenter(host)
    keeper = f"CONTROLLERS={quorum(datacenter)}" if datacenter.config.kraft else (
        "ZOOKEEPER=" + ",".join(
            f"{peer.fqdn}:{ZOOKEEPER_CLIENT_PORT}" for peer in datacenter.by_role("zookeeper")
        )
    )
    return {
        **logs(artifacts.kafka(datacenter.config.version)),
        Key("file", "/etc/profile.d/kafkalab.sh"): File(
            f"export PATH=$PATH:{PREFIX}/kafka/bin\n"
            f"export BOOTSTRAP={context.internal(datacenter).servers}\n"
            f"export {keeper}\n"
        ),
    }


SERVICE = Service(
    name="control",
    summary="Put Kafka's tools on the control host.",
    roles=("control",),
    desired=desired,
    artifacts=lambda lab, datacenter: (artifacts.kafka(datacenter.version),),
    packages=("java",),
)
