"""What a login shell knows where people use Kafka's tools: these, and where the cluster is."""

from __future__ import annotations

from lab.artifacts import PREFIX
from lab.services.context import Context
from lab.services.quorum import quorum
from lab.services.tools import PROFILE, exports
from lab.services.zookeeper import keeping
from lab.state import File, HostState, Key
from lab.topology import Host


def profile(host: Host, context: Context) -> HostState:
    """For the control host, or for brokers of a datacenter that has none; else nothing."""
    datacenter = context.datacenter(host)
    if host not in (datacenter.by_role("control") or datacenter.by_role("kafka")):
        return {}
    keepers = []
    if datacenter.config.quorum:
        keepers.append(f"CONTROLLERS={quorum(datacenter)}")
    if datacenter.config.servers:
        keepers.append(f"ZOOKEEPER={keeping(datacenter)['zookeeper.connect']}")
    return {
        Key("file", PROFILE): File(
            f"export PATH=$PATH:{PREFIX}/kafka/bin\n"
            f"export BOOTSTRAP={context.internal(datacenter).servers}\n"
            + "".join(f"{line}\n" for line in exports(context.internal(datacenter)))
            + "".join(f"export {keeper}\n" for keeper in keepers)
        ),
    }
