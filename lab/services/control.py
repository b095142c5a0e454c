"""The control host: Kafka's tools on the PATH, and where the cluster is."""

from __future__ import annotations

from lab import artifacts
from lab.services.context import Context
from lab.services.java import logs
from lab.services.login import profile
from lab.services.service import Service
from lab.state import HostState
from lab.topology import Host


def desired(host: Host, context: Context) -> HostState:
    return {
        **logs(artifacts.kafka(context.datacenter(host).config.version)),
        **profile(host, context),
    }


SERVICE = Service(
    name="control",
    summary="Put Kafka's tools on the control host.",
    roles=("control",),
    desired=desired,
    artifacts=lambda lab, datacenter: (artifacts.kafka(datacenter.version),),
    packages=("java",),
)
