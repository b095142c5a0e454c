"""Hosts under Docker get control groups of their own wherever its daemon can give them some."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from scripts.platforms.local.cgroups import EMPTY, OF_THE_MACHINE, OWN, WRITABLE, docker_flags
from tests.local_bench import ENGINES, Bench

SECCOMP = "name=seccomp"
CONFINED = st.sampled_from(["name=apparmor", "name=selinux", "name=userns", "name=rootless"])


@pytest.mark.parametrize(("version", "server", "security", "expected"), [
    ("1", "20.10.24+dfsg1", (), (OWN, *EMPTY)),
    ("2", "20.10.24+dfsg1", ("name=cgroupns",), (OWN, *EMPTY)),
    ("2", "28.0.0", ("name=apparmor",), (OWN, *WRITABLE)),
    ("2", "29.5.2", (), (OWN, *WRITABLE)),
    ("1", "28.0.0", (), (OWN, *EMPTY)),  # the option is for version 2 alone
    ("2", "dev", (), (OWN, *EMPTY)),
    ("2", "27.5.1", ("name=apparmor",), OF_THE_MACHINE),
    ("1", "28.0.0", ("name=selinux",), OF_THE_MACHINE),
    ("2", "28.0.0", ("name=userns",), OF_THE_MACHINE),
])
def test_a_host_has_its_own_tree_where_it_can(
    version: str, server: str, security: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert docker_flags(version, server, (SECCOMP, *security)) == expected


@given(st.sampled_from("12"), st.text(), st.sets(CONFINED))
def test_the_machines_tree_is_the_last_resort(
    version: str, server: str, security: set[str]
) -> None:
    found = docker_flags(version, server, security)
    assert (OWN in found) != ("--cgroupns=host" in found)
    assert security or OWN in found


@ENGINES
def test_the_daemon_is_asked_once_for_all_hosts(bench: Bench) -> None:
    bench.local().create({})
    docker = bench.fake.name == "docker"
    assert len(bench.fake.made("info")) == docker
    for one in bench.fake.containers.values():
        assert (OWN in one.argv) is docker
        assert ("/sys/fs/cgroup" in [b for a, b in pairwise(one.argv) if a == "--tmpfs"]) is docker
        assert not [word for word in one.argv if word.startswith("/sys/fs/cgroup:")]
