"""A service that the lab does not have, for tests that register one more.

It is the web page of docs/extending.md without options, driver and template, so that nothing else
has to know it; tests/project/extended.py holds the two together.
"""

from __future__ import annotations

from lab.services.context import Context
from lab.services.daemon import Daemon
from lab.services.service import Port, Service
from lab.state import File
from lab.topology import Host

PORT = 8090


def process(host: Host, context: Context) -> Daemon:
    return Daemon(
        name="web",
        description="A page about the lab",
        documentation="https://docs.python.org/3/library/http.server.html",
        command=(
            "/usr/bin/python3", "-m", "http.server", str(PORT), "--bind", str(host.address),
            "--directory", "/etc/web",
        ),
        data="/data/web",
        user="web",
        files={"/etc/web/index.html": File(f"<h1>{context.topology.lab}</h1>\n")},
    )


SERVICE = Service(
    name="web",
    summary="Serve a page about the lab.",
    roles=("control",),
    process=process,
    ports=(Port(PORT, scheme="http", published=19),),
    memory_mb=lambda lab: 20,
)
