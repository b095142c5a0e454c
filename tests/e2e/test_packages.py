"""Packages of the operating system, on hosts that ask no name server: in the image and over SSH.

The service that asks for them is no part of the lab; it is registered in the process of `fab`.
"""

from __future__ import annotations

import re

import pytest

from lab.topology import Host
from scripts.platforms.local import recipe
from scripts.software.packages import INSTALLING
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab

pytestmark = [
    pytest.mark.host, pytest.mark.full("extending", sample=1, of="services that are added"),
]

# tcpdump needs a library that the base lacks; cron brings a unit that Debian starts and enables.
TOOLBOX = """
from lab.packages import SOFTWARE, Software
from lab.services.registry import SERVICES
from lab.services.service import Service

SOFTWARE["cron"] = Software("/usr/sbin/cron", {"debian": "cron"})
SERVICES["toolbox"] = Service(
    name="toolbox", summary="Install tools.", roles=("kafka",), packages=("tcpdump", "cron")
)
"""
LACKING = "! command -v tcpdump && ! command -v cron"
# What a package's own unit is: there, but neither running nor enabled.
THERE = """\
set -e
tcpdump --version 2>&1 | grep -q '^libpcap'
cron -h 2>&1 | grep -q '^usage'
[ -e /lib/systemd/system/cron.service ]
echo $(systemctl is-active cron.service) $(systemctl is-enabled cron.service)
[ -z "$(pgrep -x cron)$(dpkg --audit)$(ls -A @INSTALLING@ 2>/dev/null)" ]
[ ! -e /usr/sbin/policy-rc.d ] || ! grep -q kafkalab /usr/sbin/policy-rc.d
""".replace("@INSTALLING@", INSTALLING)
# cron's own script calls this when it is configured.
HOOK = "/usr/sbin/update-rc.d"


def containers(lab: Lab) -> list[str]:
    return sorted(lab.engine.lines(
        "ps", "--no-trunc", "--filter", f"label=kafkalab.lab={lab.name}", "--format", "{{.ID}}"
    ))


def packed(lab: Lab) -> bool:
    """Whether the lab's image has packages beyond the base."""
    image = f"{recipe.REPOSITORY}/lab:{lab.name}"
    return "kafkalab.packages" in lab.engine("image", "inspect", image).stdout


def installed(lab: Lab) -> list[str]:
    """The hosts that the last run gave packages over SSH."""
    return re.findall(r"(\S+): fetch and install packages -> 0", lab.log())


def hook(lab: Lab, host: Host, script: str) -> None:
    lab.inside(host, f"[ -e {HOOK}.own ] || mv {HOOK} {HOOK}.own\n"
                     f"printf '#!/bin/sh\n%s\n' '{script}' >{HOOK}; chmod 755 {HOOK}")


def test_packages_reach_hosts_that_exist_and_new_ones(make_lab: MakeLab) -> None:
    lab = make_lab(
        "packages", first=70, port_base=24000,
        datacenters=[{"control": 0, "zookeeper": 1, "kafka": 1}],
        sections={"kafka": {"heap_mb": 128}, "zookeeper": {"heap_mb": 32}},
    )
    lab.fab("up")
    (broker,), (zookeeper,) = lab.of("kafka"), lab.of("zookeeper")
    assert not packed(lab), "the image of a lab that asks for none has grown"
    before = containers(lab), lab.main_pids()
    lab.inside(broker, LACKING)
    plan = lab.fab("plan", before=TOOLBOX, expect=2)
    assert [line.strip() for line in plan.out.splitlines()] == [
        f"~ host {broker.name}", "+ package cron", "+ package tcpdump",
        "plan: 0 hosts to create, 1 to change, 0 restarts",
    ]
    what_fails_is_named_and_what_was_cut_off_is_repaired(lab, broker)
    assert (containers(lab), lab.main_pids()) == before, "made anew, or restarted"
    lab.inside(zookeeper, LACKING)
    assert "nothing to do" in lab.fab("up", before=TOOLBOX).out
    assert lab.fab("plan", before=TOOLBOX).out == "plan: nothing to do\n"
    a_package_of_the_base_that_was_lost_comes_back(lab, zookeeper)

    lab.fab("down")
    lab.fab("up", before=TOOLBOX)
    assert packed(lab)
    assert installed(lab) == []
    assert lab.inside(broker, THERE) == "inactive disabled\n"
    lab.fab("verify", before=TOOLBOX)
    # A host that is made for it may open raw sockets.
    assert "1 packet captured" in lab.inside(broker, (
        "ping -q -i 0.2 -c 50 127.0.0.1 >/dev/null & timeout 10 tcpdump -c 1 -i lo icmp 2>&1"
    ))


def what_fails_is_named_and_what_was_cut_off_is_repaired(lab: Lab, broker: Host) -> None:
    hook(lab, broker, "echo no room for crontabs >&2; exit 3")
    run = lab.fab("up", before=TOOLBOX, expect=1)
    assert re.match(
        rf"error: {broker.name}: .*dpkg: error processing package cron \(--configure\): "
        r".*exit status 3 \(no room for crontabs\)$", run.lines[0],
    ), run
    hook(lab, broker, "pkill -KILL -x dpkg")
    run = lab.fab("up", before=TOOLBOX, expect=1)
    assert re.match(rf"error: {broker.name}: .*dpkg", run.lines[0]), run
    assert lab.inside(broker, "dpkg --audit"), "dpkg was not cut off"
    assert "+ package cron" in lab.fab("plan", before=TOOLBOX, expect=2).out
    lab.inside(broker, f"mv {HOOK}.own {HOOK}")
    lab.fab("up", before=TOOLBOX)
    assert installed(lab) == [broker.name]
    assert lab.inside(broker, THERE) == "inactive disabled\n"


def a_package_of_the_base_that_was_lost_comes_back(lab: Lab, host: Host) -> None:
    """And one that a host never had, with its library: it was made from a base without them."""
    library = "ldconfig -p | grep libcurl.so"
    lab.inside(host, f"{library} && rm /usr/bin/java && "
                     "apt-get -qq -y autoremove --purge curl iputils-ping")
    lab.inside(host, f"! {library}")
    plan = lab.fab("plan", expect=2).out
    assert all(f"+ package {one}" in plan for one in ("java", "curl", "ping")), plan
    pid = lab.main_pid(host)
    lab.fab("up")
    assert installed(lab) == [host.name]
    assert "17." in lab.inside(host, "java --version && curl --version >/dev/null")
    lab.inside(host, "su - student -c 'ping -c 1 127.0.0.1'")
    assert lab.main_pid(host) == pid
    assert lab.fab("plan").out == "plan: nothing to do\n"
