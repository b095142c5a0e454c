"""What every host has: the names of all hosts, the time zone, kernel settings, bounded logs."""

from __future__ import annotations

from lab.services.context import Context
from lab.state import Block, File, HostState, Key, Link, Package, Resource, Sysctl, Unit
from lab.templates import properties, render
from lab.topology import Host

# Kafka documentation, "OS" (maps of log segments, little swapping) and "Socket settings for
# long-distance links" (room for the socket buffers that MirrorMaker asks for).
SYSCTLS = {
    "net.core.rmem_max": "2097152",
    "net.core.wmem_max": "2097152",
    "vm.max_map_count": "262144",
    "vm.swappiness": "1",
}
AT_MOST = ("vm.swappiness",)
JOURNAL_MB = 200
CHRONY_UNIT = "chrony.service"


def desired(host: Host, context: Context) -> HostState:
    del host  # every host has the same
    timezone = context.topology.config.timezone
    state: dict[Key, Resource] = {
        Key("package", "java"): Package("/usr/bin/java"),
        Key("block", "/etc/hosts"): Block(render("hosts.j2", hosts=context.topology.hosts)),
        Key("link", "/etc/localtime"): Link(f"/usr/share/zoneinfo/{timezone}"),
        Key("file", "/etc/timezone"): File(f"{timezone}\n"),
        Key("file", "/etc/sysctl.d/90-kafkalab.conf"): File(properties(SYSCTLS)),
        **{
            Key("sysctl", name): Sysctl(value, at_least=name not in AT_MOST)
            for name, value in SYSCTLS.items()
        },
    }
    if context.machine:
        state[Key("file", "/etc/systemd/journald.conf.d/kafkalab.conf")] = File(
            render("journald.conf.j2", max_use_mb=JOURNAL_MB)
        )
        state[Key("package", "chrony")] = Package("/usr/sbin/chronyd")
        state[Key("unit", CHRONY_UNIT)] = Unit(digest="")
    return state
