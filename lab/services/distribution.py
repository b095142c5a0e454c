"""The unpacked Kafka distribution and the user that its services run as."""

from __future__ import annotations

from lab.services.context import KAFKA_USER, PREFIX, Context
from lab.state import Archive, HostState, Key, Link, User
from lab.topology import Host


def desired(host: Host, context: Context) -> HostState:
    del host  # every host has the same
    return {
        Key("user", KAFKA_USER): User(home="/nonexistent"),
        Key("archive", context.home): Archive(context.sha256),
        Key("link", f"{PREFIX}/kafka"): Link(context.home),
    }
