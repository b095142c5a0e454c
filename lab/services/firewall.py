"""The lab's security rules on the host itself, where no security group does it."""

from __future__ import annotations

from lab.roles import NAMES
from lab.services.context import Context
from lab.services.service import Service
from lab.state import File, Firewall, HostState, Key, digest
from lab.templates import render
from lab.topology import Host

RULES_FILE = "/etc/nftables.conf"
TABLE = "kafkalab"


def desired(host: Host, context: Context) -> HostState:
    if not context.own_firewall:
        return {}
    rules = context.topology.rules(context.datacenter(host), context.admin)

    def text(name: str) -> str:
        # The workstation's address may lie within a datacenter's network, and is yet no host.
        return render("nftables.conf.j2", rules=rules, admin=context.admin, digest=name)

    name = digest(text(""))
    return {
        Key("file", RULES_FILE): File(text(name), 0o755),
        Key("firewall", TABLE): Firewall(name),
    }


SERVICE = Service(
    name="firewall",
    summary="Load the security rules on every host.",
    task="none",
    roles=NAMES,
    desired=desired,
)
