"""What a machine of its own is to have, and what a container in its place is spared."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lab import state
from lab.file import load
from lab.packages import Family
from lab.services.base import TOOLS
from lab.services.context import Context
from lab.services.registry import desired_state
from lab.state import Change, HostState, Key, attainable, diff
from lab.topology import EXTERNAL_PORT, build
from scripts.hosts.change import change_script
from scripts.hosts.read import parse, read_script
from tests.labs import DIGESTS

LAB_FILE = Path(__file__).parents[2] / "lab.toml"
CLOCK = Key("ability", "clock")


def machine(
    role: str, family: Family, only: tuple[str, ...] | None = ("hosts",)
) -> HostState:
    topology = build(load(LAB_FILE).lab)
    host = topology.datacenters[0].by_role(role)[0]
    context = Context(
        topology, DIGESTS, {(host.name, EXTERNAL_PORT): ("203.0.113.9", 9094)},
        own_firewall=False, machine=True, family=family,
    )
    return desired_state(host, context, only)


@pytest.mark.parametrize(("role", "family", "packages", "clock"), [
    ("kafka", "debian", {"java", "chrony", "kcat"}, "chrony.service"),
    ("zookeeper", "debian", {"java", "chrony"}, "chrony.service"),
    ("kafka", "amazon", {"java", "chrony"}, "chronyd.service"),
])
def test_packages_and_units_are_those_of_the_family(
    role: str, family: Family, packages: set[str], clock: str
) -> None:
    found = machine(role, family, None)
    assert {key.name for key in found if key.kind == "package"} == packages | set(TOOLS)
    assert {key.name for key in found if key.kind == "unit"} == {clock, f"{role}.service"}
    assert not [key for key in found if key.kind == "firewall"]


def test_a_host_that_may_not_set_its_clock_needs_no_clock_daemon() -> None:
    want = machine("kafka", "debian")
    ability = want[CLOCK]
    assert isinstance(ability, state.Ability)
    unable = {CLOCK: state.Ability(ability.needed_for, there=False)}
    changed = {change.key for change in diff(unable, attainable(want, unable))}
    assert changed == want.keys() - {CLOCK, *ability.needed_for}
    able = {CLOCK: ability}
    assert {change.key for change in diff(able, attainable(want, able))} == want.keys() - {CLOCK}


def test_what_is_there_without_the_ability_is_left_there() -> None:
    want = machine("kafka", "debian")
    ability = want[CLOCK]
    assert isinstance(ability, state.Ability)
    have = {
        **want, CLOCK: state.Ability(ability.needed_for, there=False),
        Key("unit", "chrony.service"): state.Unit("", running=False),
    }
    assert diff(have, attainable(want, have)) == ()


def test_the_read_tells_what_the_kernel_says() -> None:
    """Against another program's reading of the same bounding set."""
    want = {CLOCK: state.Ability(())}
    done = subprocess.run(
        ["bash", "-s"], input=read_script(want), text=True, capture_output=True, check=True
    )
    found = parse(done.stdout, want, host="here")
    line = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if "CapBnd" in line
    )
    may = bool(int(line.split()[1], 16) & (1 << 25))
    assert found == {CLOCK: state.Ability((), there=may)}


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(("program", "expected"), [
    ("apt-get", "openjdk-17-jre-headless chrony kcat"),
    ("dnf", "java-17-amazon-corretto-headless chrony"),
])
def test_each_family_installs_by_its_own_names(
    tmp_path: Path, program: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.hosts.change.INSTALLING", str(tmp_path / "installing"))
    for name in ("mkdir", "touch", "rm"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    tool = tmp_path / program
    tool.write_text(f'#!/bin/bash\necho "$*" >>{tmp_path}/calls\n')
    tool.chmod(0o755)
    changes = [  # the tool itself is there as soon as it has run
        Change(Key("package", name), None, state.Package(str(tool)))
        for name in ("java", "chrony", "kcat")
    ]
    done = subprocess.run(
        ["/bin/bash", "-s"], input=change_script(changes), text=True,
        capture_output=True, check=False, env={"PATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls").read_text().splitlines()[-1].endswith(expected)
