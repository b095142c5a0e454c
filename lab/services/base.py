"""What every host has: the names of all hosts, time zone, locale, kernel settings, bounded logs,
and what a person types there."""

from __future__ import annotations

from lab import packages
from lab.roles import NAMES
from lab.services.context import LANG, Context
from lab.services.login import profile
from lab.services.secured import client_files
from lab.services.service import Service
from lab.state import Ability, Block, File, HostState, Key, Link, Package, Resource, Sysctl, Unit
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
CLOCK = "clock"
# What books about Kafka have their readers type. All of it is 6 MB in an image of 370; what is
# larger, such as git with its Perl, is there when the lab file asks for it.
TOOLS = ("curl", "jq", "nano", "netstat", "ping", "vi", "xxd")
KEEPERS = ("zookeeper", "controller")  # hosts that have metadata and nothing else
HOSTS = Key("block", "/etc/hosts")


def bridge(old: str, new: str) -> str:
    """A text of /etc/hosts with all of `new` and the names that only `old` has.

    Processes go by old names until they have restarted, and so do their peers.
    """
    names = {name for line in new.splitlines() for name in line.split()[1:]}
    kept = []
    for line in old.splitlines():
        address, *others = line.split() or [""]
        if left := [name for name in others if name not in names]:
            kept.append(" ".join((address, *left)) + "\n")
    return new + "".join(kept)


def desired(host: Host, context: Context) -> HostState:
    timezone = context.topology.config.timezone
    state: dict[Key, Resource] = {
        HOSTS: Block(render(
            "hosts.j2", hosts=context.topology.hosts, strangers=context.strangers,
        )),
        Key("link", "/etc/localtime"): Link(f"/usr/share/zoneinfo/{timezone}"),
        Key("file", "/etc/timezone"): File(f"{timezone}\n"),
        Key("file", "/etc/profile.d/kafkalab-locale.sh"): File(
            f"# Written by kafkalab; no other locale is sure to be there.\nexport LANG={LANG}\n"
            "unset LANGUAGE LC_ALL LC_CTYPE\n"
        ),
        Key("file", "/etc/sysctl.d/90-kafkalab.conf"): File(properties(SYSCTLS)),
        **{
            Key("sysctl", name): Sysctl(value, at_least=name not in AT_MOST)
            for name, value in SYSCTLS.items()
        },
    }
    state |= client_files(host, context)
    if host.role != "control":  # which has it of the service of that name
        state |= profile(host, context)
    if context.machine:
        state[Key("file", "/etc/systemd/journald.conf.d/kafkalab.conf")] = File(
            render("journald.conf.j2", max_use_mb=JOURNAL_MB)
        )
        if host.role not in KEEPERS:  # where verify reads and writes from the inside
            state |= wanted_package(context, "kcat")
        state |= _clock(context)
    return state


def wanted_package(context: Context, software: str) -> HostState:
    """A package, where the host's family has it."""
    if not packages.names([software], context.family):
        return {}
    return {Key("package", software): Package(packages.SOFTWARE[software].path_on(context.family))}


def _clock(context: Context) -> HostState:
    """A clock in step, on a host that may set its clock: a container may not, and need not."""
    found: dict[Key, Resource] = {
        **wanted_package(context, "chrony"),
        Key("unit", packages.unit("chrony", context.family)): Unit(digest=""),
    }
    return {Key("ability", CLOCK): Ability(needed_for=tuple(found)), **found}


SERVICE = Service(
    name="hosts",
    summary="Push /etc/hosts, time zone, security rules.",
    roles=NAMES,
    desired=desired,
    packages=TOOLS,
    asked=lambda lab: lab.hosts.tools,
)
