"""The control host: Kafka's tools on the PATH, and where the cluster is."""

from __future__ import annotations

from lab import artifacts
from lab.artifacts import PREFIX
from lab.services.context import Context
from lab.services.java import logs
from lab.services.quorum import quorum
from lab.services.service import Service
from lab.services.tools import PROFILE, exports
from lab.services.zookeeper import keeping
from lab.state import File, HostState, Key
from lab.topology import Host


def desired(host: Host, context: Context) -> HostState:
    datacenter = context.datacenter(host)
    keepers = []
    if datacenter.config.quorum:
        keepers.append(f"CONTROLLERS={quorum(datacenter)}")
    if datacenter.config.servers:
        keepers.append(f"ZOOKEEPER={keeping(datacenter)['zookeeper.connect']}")
    return {
        **logs(artifacts.kafka(datacenter.config.version)),
        Key("file", PROFILE): File(
            f"export PATH=$PATH:{PREFIX}/kafka/bin\n"
            f"export BOOTSTRAP={context.internal(datacenter).servers}\n"
            + "".join(f"{line}\n" for line in exports(context.internal(datacenter)))
            + "".join(f"export {keeper}\n" for keeper in keepers)
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
