"""Prometheus: whom it asks, what it warns of, and the page on which its numbers are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.services import alertmanager, lag_exporter
from lab.services.agents import PREFIX
from lab.services.context import Context
from lab.services.daemon import Daemon
from lab.services.monitored import advise, check, is_place, seen
from lab.services.service import Port, Service
from lab.state import Directory, File, HostState, Key
from lab.templates import render
from lab.topology import Host

if TYPE_CHECKING:
    from lab.model import Lab

NAME = "prometheus"
PORT = 9090
DATA = f"/data/{NAME}"
FOLDER = f"/etc/{NAME}-lab"  # Debian's own settings are in the folder without -lab
CONFIG, RULES = f"{FOLDER}/prometheus.yml", f"{FOLDER}/rules.yml"
PAGES = f"{FOLDER}/pages"  # it serves them itself, under /user/
PAGE = "/user/"
MEMORY_MB = 90
MOST = "500MB"  # of what it keeps, whatever its age


@dataclass(frozen=True)
class Target:
    """What is asked, under the name by which people know it."""

    address: str
    datacenter: str
    instance: str


@dataclass(frozen=True)
class Job:
    """What is asked of several hosts alike. by_datacenter: it tells of a datacenter by its name."""

    name: str
    path: str
    targets: tuple[Target, ...]
    by_datacenter: bool = False


LAG = "lag"


def jobs(host: Host, context: Context) -> Iterator[Job]:
    """All that Prometheus asks, from its own host."""
    found: dict[tuple[str, str], list[Target]] = {}
    for one in context.scraped:
        target = Target(f"{one.host.address}:{one.port}", one.host.datacenter, one.host.name)
        found.setdefault((one.service.removeprefix(PREFIX), one.path), []).append(target)
    for (name, path), targets in found.items():
        yield Job(name, path, tuple(targets))
    here = f"{host.address}:{lag_exporter.PORT}"
    lab = context.topology.config
    yield Job(LAG, "/metrics", tuple(
        Target(here, one.name, host.name)
        for one in context.topology.datacenters if one.name in seen(lab)
    ), by_datacenter=True)


def process(host: Host, context: Context) -> Daemon:
    from lab.monitoring.alerts import alerts  # noqa: PLC0415 - few labs are monitored

    lab = context.topology.config
    scrape_s = lab.monitoring.scrape_s
    return Daemon(
        name=NAME,
        description="Prometheus",
        documentation="https://prometheus.io/docs/",
        command=(
            "/usr/bin/prometheus", f"--config.file={CONFIG}", f"--storage.tsdb.path={DATA}",
            f"--storage.tsdb.retention.time={lab.monitoring.retention_h}h",
            f"--storage.tsdb.retention.size={MOST}", "--storage.tsdb.wal-compression",
            f"--web.listen-address={host.address}:{PORT}", f"--web.user-assets={PAGES}",
            "--log.level=warn",
        ),
        data=DATA,
        user="lab-prometheus",
        files={
            CONFIG: File(render(
                "prometheus.yml.j2", lab=lab.name, scrape_s=scrape_s, rules=RULES,
                alertmanager=f"{host.address}:{alertmanager.PORT}", jobs=list(jobs(host, context)),
            )),
            RULES: File(render(
                "rules.yml.j2", alerts=alerts(lab, seen(lab)), scrape_s=scrape_s,
            )),
        },
    )


def desired(host: Host, context: Context) -> HostState:
    """The page. It is read anew at every look, so nothing restarts for it."""
    from lab.monitoring.page import page  # noqa: PLC0415 - few labs are monitored

    del host
    lab = context.topology.config
    return {
        Key("directory", FOLDER): Directory(),
        Key("directory", PAGES): Directory(),
        Key("file", f"{PAGES}/index.html"): File(page(lab, seen(lab))),
    }


def memory_mb(lab: Lab) -> int:
    """More hosts mean more series: some 1 MB for each."""
    return MEMORY_MB + sum(
        one.count("kafka") + one.count("zookeeper") + one.count("controller")
        for one in lab.datacenters
    )


SERVICE = Service(
    name=NAME,
    summary="Set up Prometheus.",
    task="none",
    roles=("control",),
    wanted=is_place,
    desired=desired,
    process=process,
    ports=(Port(PORT, scheme="http", published=15, metrics="/metrics"),),
    needs=(alertmanager.NAME,),
    asked=lambda lab: ("prometheus",),  # in the image of a lab that asks for it alone
    memory_mb=memory_mb,
    check=check,
    advise=advise,
)
