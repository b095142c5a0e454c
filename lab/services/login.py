"""What a login shell knows where people use Kafka's tools: these, and where the cluster is."""

from __future__ import annotations

from lab.artifacts import PREFIX
from lab.services.context import Context
from lab.services.quorum import quorum
from lab.services.secured import open_to_all
from lab.services.tools import PROFILE, exports
from lab.services.zookeeper import keeping
from lab.state import File, HostState, Key
from lab.topology import Host


def profile(host: Host, context: Context) -> HostState:
    """For the control host, or for brokers of a datacenter that has none. Other brokers' hosts know
    only what closed brokers have to be told: exercises have people type there, too, and it is
    emptied when a lab goes back to plaintext. Else nothing."""
    datacenter = context.datacenter(host)
    said = "".join(f"{line}\n" for line in exports(context.internal(datacenter)))
    if host not in (datacenter.by_role("control") or datacenter.by_role("kafka")):
        closed = host.role == "kafka" and not open_to_all(context)
        return {Key("file", PROFILE): File(said)} if closed else {}
    keepers = []
    if datacenter.config.quorum:
        keepers.append(f"CONTROLLERS={quorum(datacenter)}")
    if datacenter.config.servers:
        keepers.append(f"ZOOKEEPER={keeping(datacenter)['zookeeper.connect']}")
    return {
        Key("file", PROFILE): File(
            f"export PATH=$PATH:{PREFIX}/kafka/bin\n"
            f"export BOOTSTRAP={context.internal(datacenter).servers}\n"
            + said
            + "".join(f"export {keeper}\n" for keeper in keepers)
        ),
    }
