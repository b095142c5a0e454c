"""What lets JVMs tell Prometheus of themselves: an agent in each, with the names that it may tell.

A service for each kind of JVM, for two kinds may share a host. None has a process of its own: the
agent is part of the other one's, which restarts for it as for any other change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import artifacts
from lab.services import connect, controller, kafka, zookeeper
from lab.services.context import Context
from lab.services.monitored import is_seen
from lab.services.service import Extension, Port, Service
from lab.state import File
from lab.templates import render
from lab.topology import Host

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab

PREFIX = "jmx-"
# What a JVM has beyond what it has without, by scrapes of an hour or of every second.
MEMORY_MB = 30


@dataclass(frozen=True)
class Agent:
    """Of one kind of JVM: the service that it is in, its port, the file with the names."""

    of: Service
    port: int
    names: str

    @property
    def config(self) -> str:
        return f"/etc/{self.of.name}/jmx.yml"

    def wanted(self, lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
        return (
            is_seen(lab, datacenter, role) and self.of.name in lab.monitoring.agents
            and self.of.wanted(lab, datacenter, role)
        )

    def extends(self, service: str, host: Host, context: Context) -> Extension:
        del context
        if service != self.of.name:
            return Extension()
        agent = artifacts.jmx_agent()
        jar = f"{agent.home}/libs/jmx_prometheus_javaagent-{agent.version}.jar"
        return Extension(
            options=(f"-javaagent:{jar}={host.address}:{self.port}:{self.config}",),
            files={self.config: File(render(f"jmx/{self.names}.yml"))},
            artifacts=(agent,),
        )

    def service(self) -> Service:
        return Service(
            name=f"{PREFIX}{self.of.name}",
            summary=f"Let {self.of.name} tell Prometheus of itself.",
            task="none",
            roles=self.of.roles,
            wanted=self.wanted,
            ports=(Port(self.port, scheme="http", metrics="/metrics"),),
            needs=(self.of.name,),
            artifacts=lambda lab, datacenter: (artifacts.jmx_agent(),),
            memory_mb=lambda lab: MEMORY_MB,
            extends=self.extends,
        )


AGENTS: Mapping[str, Agent] = {
    one.of.name: one for one in (
        Agent(kafka.SERVICE, 9404, "kafka"),
        Agent(controller.SERVICE, 9405, "kafka"),
        Agent(connect.SERVICE, 9406, "connect"),
        Agent(zookeeper.SERVICE, 9407, "zookeeper"),
    )
}
SERVICES: tuple[Service, ...] = tuple(one.service() for one in AGENTS.values())
