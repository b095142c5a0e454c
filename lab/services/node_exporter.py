"""What hosts tell Prometheus of themselves: processors, memory, disks, networks."""

from __future__ import annotations

from lab.roles import NAMES
from lab.services.context import Context
from lab.services.daemon import Daemon
from lab.services.monitored import is_seen
from lab.services.service import Port, Service
from lab.topology import Host

NAME = "node-exporter"
PORT = 9100
MEMORY_MB = 20
# The few that dashboards and alerts ask for: each other one is read at every scrape, too.
COLLECTORS = ("cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "stat", "time")
# What containers share with the workstation, or what is no disk.
UNSEEN = "^/(dev|proc|run|sys|tmp|var/log/journal|etc/(hosts|hostname|resolv.conf))($|/)"
# Its own choice without `overlay`: that is a container's disk.
NO_DISK = ("^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
           "iso9660|mqueue|nsfs|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|"
           "tracefs)$")


def process(host: Host, context: Context) -> Daemon:
    del context
    return Daemon(
        name=NAME,
        description="Prometheus' exporter of hosts",
        documentation="https://github.com/prometheus/node_exporter",
        command=(
            "/usr/bin/prometheus-node-exporter", f"--web.listen-address={host.address}:{PORT}",
            "--collector.disable-defaults", *(f"--collector.{one}" for one in COLLECTORS),
            f"--collector.filesystem.mount-points-exclude={UNSEEN}",
            f"--collector.filesystem.fs-types-exclude={NO_DISK}",
            "--web.disable-exporter-metrics", "--log.level=warn",
        ),
        data=f"/data/{NAME}",
        user="lab-node-exporter",
    )


SERVICE = Service(
    name=NAME,
    summary="Let hosts tell Prometheus of themselves.",
    task="none",
    roles=NAMES,
    wanted=is_seen,
    process=process,
    ports=(Port(PORT, scheme="http", metrics="/metrics"),),
    asked=lambda lab: ("node-exporter",),  # in the image of a lab that asks for it alone
    memory_mb=lambda lab: MEMORY_MB,
)
