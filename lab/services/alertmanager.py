"""Where Prometheus' alerts come together. It tells nobody: who wants to know asks `fab alerts`."""

from __future__ import annotations

from lab.services.context import Context
from lab.services.daemon import Daemon
from lab.services.monitored import is_place
from lab.services.service import Port, Service
from lab.state import File
from lab.templates import render
from lab.topology import Host

NAME = "alertmanager"
PORT = 9093  # on a control host, which has no controller of KRaft
DATA = f"/data/{NAME}"
CONFIG = f"/etc/{NAME}/alertmanager.yml"
MEMORY_MB = 35


def process(host: Host, context: Context) -> Daemon:
    del context
    return Daemon(
        name=NAME,
        description="Prometheus' Alertmanager",
        documentation="https://prometheus.io/docs/alerting/latest/alertmanager/",
        command=(
            "/usr/bin/prometheus-alertmanager", f"--config.file={CONFIG}",
            f"--storage.path={DATA}", f"--web.listen-address={host.address}:{PORT}",
            "--cluster.listen-address=", "--log.level=warn",
        ),
        data=DATA,
        user="lab-alertmanager",
        files={CONFIG: File(render("alertmanager.yml.j2"))},
    )


SERVICE = Service(
    name=NAME,
    summary="Set up Alertmanager.",
    task="none",
    roles=("control",),
    wanted=is_place,
    process=process,
    ports=(Port(PORT, scheme="http", published=16, metrics="/metrics"),),
    asked=lambda lab: ("alertmanager",),  # in the image of a lab that asks for it alone
    memory_mb=lambda lab: MEMORY_MB,
)
