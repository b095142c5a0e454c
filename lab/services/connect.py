"""Kafka Connect workers, on which the mirrors into their datacenter run."""

from __future__ import annotations

from lab.services.context import Context
from lab.services.java import JavaService, service_state
from lab.services.kafka import internal_factor
from lab.state import HostState
from lab.topology import CONNECT_PORT, INTERNAL_PORT, Datacenter, Host

DATA = "/data/connect"
CONVERTER = "org.apache.kafka.connect.converters.ByteArrayConverter"
# A worker that was killed is missed for this long before its tasks go to another. Where there is no
# other it would only wait for itself.
REBALANCE_DELAY_MS = 5000


def desired(host: Host, context: Context) -> HostState:
    config = context.topology.config.connect
    service = JavaService(
        name="connect",
        description="Kafka Connect",
        documentation="https://kafka.apache.org/documentation/#connect",
        main_class="org.apache.kafka.connect.cli.ConnectDistributed",
        config_path="/etc/connect/connect-distributed.properties",
        settings=settings(host, context),
        data=DATA,
        heap_mb=config.heap_mb,
        jvm_options=config.jvm_options,
        loggers={
            "org.apache.kafka.clients": "WARN",
            "org.apache.kafka.common.utils.AppInfoParser": "WARN",
            "org.apache.kafka.connect.runtime.rest.RestServer": "WARN",
            "org.eclipse.jetty": "WARN",
            "org.reflections": "ERROR",
        },
    )
    return service_state(service, context)


def internal_bootstrap(datacenter: Datacenter) -> str:
    """The INTERNAL listeners of a datacenter, as hosts of the lab take them."""
    return ",".join(f"{host.fqdn}:{INTERNAL_PORT}" for host in datacenter.by_role("kafka"))


def settings(host: Host, context: Context) -> dict[str, object]:
    """The worker's properties. REST listens on the private address only."""
    datacenter = context.datacenter(host)
    factor = internal_factor(datacenter)
    return {
        "bootstrap.servers": internal_bootstrap(datacenter),
        "group.id": f"connect-{datacenter.name}",
        "config.storage.topic": f"connect-{datacenter.name}-configs",
        "config.storage.replication.factor": factor,
        "offset.storage.topic": f"connect-{datacenter.name}-offsets",
        "offset.storage.replication.factor": factor,
        "offset.storage.partitions": 6,
        "status.storage.topic": f"connect-{datacenter.name}-status",
        "status.storage.replication.factor": factor,
        "status.storage.partitions": 3,
        "key.converter": CONVERTER,
        "value.converter": CONVERTER,
        "listeners": f"http://{host.fqdn}:{CONNECT_PORT}",
        "rest.advertised.host.name": host.fqdn,
        "connector.client.config.override.policy": "All",
        "exactly.once.source.support": "enabled",
        "plugin.discovery": "service_load",
        "scheduled.rebalance.max.delay.ms":
            REBALANCE_DELAY_MS if len(datacenter.by_role("connect")) > 1 else 0,
        "offset.flush.interval.ms": 1000,
        "task.shutdown.graceful.timeout.ms": 5000,
    }
