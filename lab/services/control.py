"""The control host: Kafka's tools on the PATH, and where the cluster is."""

from __future__ import annotations

from lab import artifacts
from lab.artifacts import PREFIX
from lab.services.context import Context
from lab.services.service import Service
from lab.state import File, HostState, Key
from lab.topology import ZOOKEEPER_CLIENT_PORT, Host


def desired(host: Host, context: Context) -> HostState:
    datacenter = context.datacenter(host)
    ensemble = ",".join(
        f"{peer.fqdn}:{ZOOKEEPER_CLIENT_PORT}" for peer in datacenter.by_role("zookeeper")
    )
    return {
        Key("file", "/etc/profile.d/kafkalab.sh"): File(
            f"export PATH=$PATH:{PREFIX}/kafka/bin\n"
            f"export BOOTSTRAP={context.internal(datacenter).servers}\n"
            f"export ZOOKEEPER={ensemble}\n"
        ),
    }


SERVICE = Service(
    name="control",
    summary="Put Kafka's tools on the control host.",
    roles=("control",),
    desired=desired,
    artifacts=lambda lab: (artifacts.kafka(lab.kafka.version),),
    packages=("java",),
)
