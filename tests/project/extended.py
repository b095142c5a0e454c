"""What a lab has of the service that docs/extending.md adds.

test_extending.py runs this in a copy of the project that has the service; by itself pytest does not
collect it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import scripts
from docs import tables
from lab import state
from lab.file import parse
from lab.services.daemon import Daemon
from lab.services.local import local_context
from lab.services.registry import SERVICES, desired_state, published, retired, software
from lab.state import Key
from lab.topology import Topology, build
from scripts.drivers.driver import Driver, Site
from scripts.drivers.registry import drivers_of
from scripts.hosts.converge import HostPlan
from scripts.operations import described, plan as planning, status
from scripts.operations.rolling import roll
from scripts.workstation.memory import needed_mb
from scripts.workstation.screen import Progress
from tests import toy
from tests.fakes import FakeFleet, FakeHost

PROJECT = Path(__file__).parents[2]
CONTROL = "ann-dc1-ctl01"
UNIT = Key("unit", "web.service")


def topology(enabled: bool) -> Topology:
    return build(parse({
        "owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
        "web": {"enabled": enabled},
    }).lab)


WITH, WITHOUT = topology(True), topology(False)
CONTEXT = local_context(WITH, {})
HOST = next(host for host in WITH.hosts if host.name == CONTROL)


def site(*hosts: FakeHost) -> Site:
    return Site(FakeFleet(hosts), CONTEXT, WITH.datacenters[0])


@pytest.fixture
def progress() -> Iterator[Progress]:
    with Progress("test", []) as shown:
        yield shown


def stale() -> dict[str, HostPlan]:
    change = state.Change(UNIT, state.Unit("older"), state.Unit("newer"))
    return {CONTROL: HostPlan(HOST, (change,))}


def test_the_plan_shows_its_files_and_its_start() -> None:
    changes = state.diff({}, desired_state(HOST, CONTEXT))
    lines = list(described.describe_host(HostPlan(HOST, changes)))
    assert "    +++ /etc/web/index.html (wanted)" in lines
    assert "    +<h1>A Kafka lab</h1>" in lines
    begin = "    +ExecStart=/usr/bin/python3 -m http.server 8090 --bind 10.1.0.10 "
    assert any(line.startswith(begin) for line in lines)
    assert "    start web.service" in lines


def test_the_plan_announces_its_restart_and_up_makes_it(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(planning._restarts(site(), stale())) == [f"{CONTROL} web"]
    monkeypatch.setattr(Driver, "silent", lambda driver, place, host: "")
    host = FakeHost(CONTROL, {"restart web": ""})
    assert roll({"dc1": site(host)}, stale(), progress) == 1
    assert host.labels == ["restart web"]


def test_it_is_stopped_where_it_is_no_longer_wanted() -> None:
    host = next(host for host in WITHOUT.hosts if host.name == CONTROL)
    assert UNIT in retired(host, WITHOUT)
    assert UNIT not in desired_state(host, local_context(WITHOUT, {}))


def test_its_memory_counts() -> None:
    assert needed_mb(WITH.hosts, WITH) - needed_mb(WITHOUT.hosts, WITHOUT) == 20


def test_its_port_is_published() -> None:
    assert {port.number: local for port, local in published(HOST, WITH).items()}[8090] == 20990
    assert CONTEXT.reached[CONTROL, 8090] == ("127.0.0.1", 20990)


def test_status_has_its_part() -> None:
    found = status.collect(FakeFleet([]), WITH, WITH.hosts, {}, CONTEXT)
    assert found["datacenters"][0]["web"] == {"hosts": {}}
    control = next(h for h in found["datacenters"][0]["hosts"] if h["name"] == CONTROL)
    assert "web" in control["roles"]


def test_verify_asks_its_driver() -> None:
    driver = next(one for one in drivers_of(site()) if one.name == "web")
    assert type(driver).__module__ == "scripts.drivers.web"


def test_fab_lists_its_task_and_the_documentation_its_options() -> None:
    assert "web" in scripts.namespace.task_names
    text = (PROJECT / "docs/lab-file.md").read_text()
    assert "web" in tables.documented(text)
    assert "| `enabled` | `false` | whether there is a page |" in text


def test_the_toy_of_other_tests_is_this_service() -> None:
    """As far as it can be where the lab file has no [web]."""
    mine = SERVICES["web"]
    options = {"wanted": mine.wanted, "desired": mine.desired, "process": mine.process}
    assert replace(toy.SERVICE, **options, memory_mb=mine.memory_mb) == mine
    assert mine.process is not None
    whole = mine.process(HOST, CONTEXT)
    assert isinstance(whole, Daemon)
    assert replace(toy.process(HOST, CONTEXT), files=whole.files) == whole


def test_it_needs_nothing_that_the_lab_does_not_have() -> None:
    assert software(WITH) == software(WITHOUT)
    assert SERVICES["web"].artifacts(WITH.config, WITH.config.datacenters[0]) == ()
