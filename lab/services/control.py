"""The control host: Kafka's tools on the PATH, and where the cluster is."""

from __future__ import annotations

from lab import artifacts
from lab.artifacts import PREFIX
from lab.services.context import Context
from lab.services.java import logs
from lab.services.quorum import quorum
from lab.services.secured import CLIENT, KCAT
from lab.services.service import Service
from lab.services.zookeeper import keeping
from lab.state import File, HostState, Key
from lab.topology import Datacenter, Host


def desired(host: Host, context: Context) -> HostState:
    datacenter = context.datacenter(host)
    keepers = []
    if datacenter.config.quorum:
        keepers.append(f"CONTROLLERS={quorum(datacenter)}")
    if datacenter.config.servers:
        keepers.append(f"ZOOKEEPER={keeping(datacenter)['zookeeper.connect']}")
    return {
        **logs(artifacts.kafka(datacenter.config.version)),
        Key("file", "/etc/profile.d/kafkalab.sh"): File(
            f"export PATH=$PATH:{PREFIX}/kafka/bin\n"
            f"export BOOTSTRAP={context.internal(datacenter).servers}\n"
            + _closed(context, datacenter)
            + "".join(f"export {keeper}\n" for keeper in keepers)
        ),
    }


def _closed(context: Context, datacenter: Datacenter) -> str:
    """What tools need to be told of a closed cluster; kcat reads the variable itself."""
    if not context.internal(datacenter).settings:
        return ""
    return f"export CLIENT={CLIENT}\nexport KCAT_CONFIG={KCAT}\n"


SERVICE = Service(
    name="control",
    summary="Put Kafka's tools on the control host.",
    roles=("control",),
    desired=desired,
    artifacts=lambda lab, datacenter: (artifacts.kafka(datacenter.version),),
    packages=("java",),
)
