"""How far groups are behind, for Prometheus: one small program for all clusters that it sees.

It speaks the few requests that it needs of Kafka's protocol itself (programs/kafka_wire.py), with
Python alone. Debian's client for Python is too old to list the offsets of all groups, and there is
none for Amazon Linux; a JVM takes six times the memory.
"""

from __future__ import annotations

import json

from lab.services.context import Context
from lab.services.daemon import Daemon
from lab.services.monitored import is_place, seen
from lab.services.programs import program
from lab.services.secured import own_key
from lab.services.service import Port, Service
from lab.state import File
from lab.topology import Host

NAME = "lag-exporter"
PORT = 9308  # kafka_exporter's
MEMORY_MB = 30
PROGRAMS = ("kafka_wire.py", "lag_exporter.py")
FOLDER = f"/etc/{NAME}"
USER = "lab-lag-exporter"
CONFIG = f"{FOLDER}/clusters.json"


def process(host: Host, context: Context) -> Daemon:
    topology = context.topology
    endpoints = {
        one.name: context.internal(one, FOLDER)
        for one in topology.datacenters if one.name in seen(topology.config)
    }
    clusters = {name: one.servers.split(",") for name, one in endpoints.items()}
    config = {"listen": [str(host.address), PORT], "clusters": clusters}
    if signed := {name: one.ca for name, one in endpoints.items() if one.ca}:
        config["signed"] = signed
    if keys := {name: one.key for name, one in endpoints.items() if one.key}:
        config["keys"] = keys
    return Daemon(
        name=NAME,
        description="How far consumer groups are behind, for Prometheus",
        documentation="https://github.com/danielqsj/kafka_exporter",
        command=(
            "/usr/bin/env", f"PYTHONPATH={FOLDER}",
            "/usr/bin/python3", "-m", "programs.lag_exporter", CONFIG,
        ),
        data=f"/data/{NAME}",
        user=USER,
        files={
            **{f"{FOLDER}/programs/{name}": File(program(name)) for name in PROGRAMS},
            **own_key(context, FOLDER, USER),
            CONFIG: File(json.dumps(config, indent=1) + "\n"),
        },
    )


SERVICE = Service(
    name=NAME,
    summary="Let Prometheus know how far groups are behind.",
    task="none",
    roles=("control",),
    wanted=is_place,
    process=process,
    ports=(Port(PORT, scheme="http"),),
    needs=("kafka",),
    memory_mb=lambda lab: MEMORY_MB,
)
