"""The control host: Kafka's tools on the PATH, and where the cluster is."""

from __future__ import annotations

from lab.services.context import PREFIX, Context
from lab.state import File, HostState, Key
from lab.topology import INTERNAL_PORT, ZOOKEEPER_CLIENT_PORT, Host


def desired(host: Host, context: Context) -> HostState:
    datacenter = context.datacenter(host)
    brokers = ",".join(f"{peer.fqdn}:{INTERNAL_PORT}" for peer in datacenter.by_role("kafka"))
    ensemble = ",".join(
        f"{peer.fqdn}:{ZOOKEEPER_CLIENT_PORT}" for peer in datacenter.by_role("zookeeper")
    )
    return {
        Key("file", "/etc/profile.d/kafkalab.sh"): File(
            f"export PATH=$PATH:{PREFIX}/kafka/bin\n"
            f"export BOOTSTRAP={brokers}\n"
            f"export ZOOKEEPER={ensemble}\n"
        ),
    }
