"""The lab's security rules: what is closed is closed, from other hosts and from the workstation."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.topology import SECURE_OFFSET, USERS_OFFSET
from scripts.clients.tls import refusal
from tests.e2e.lab_under_test import Lab, answers, until

pytestmark = [pytest.mark.host, pytest.mark.area("security")]

PORTS = {"control": 22, "zookeeper": 2181, "kafka": 9092}


def test_within_a_datacenter_everything_is_open(lab: Lab) -> None:
    control = lab.of("control")[0]
    for role in ("zookeeper", "kafka"):
        for port in (22, PORTS[role]):
            assert lab.open_between(control, lab.of(role)[1], port), (role, port)
    assert lab.open_between(*lab.of("zookeeper")[:2], 3888)


def test_between_datacenters_without_a_link_everything_is_closed(lab: Lab) -> None:
    stranger = lab.of("kafka", "dc2")[0]
    probes = [
        *((stranger, lab.of(role)[0], port) for role, port in PORTS.items()),
        (stranger, lab.of("kafka")[0], 9094),
        (lab.of("control")[0], lab.of("zookeeper", "dc2")[0], 2181),
    ]
    with ThreadPoolExecutor() as pool:  # each takes its two seconds
        assert not any(pool.map(lambda probe: lab.open_between(*probe), probes))


def test_lab_ports_are_what_the_workstation_may_reach(lab: Lab) -> None:
    """A port outside of the range is closed also where it is published; SSH never is."""
    broker, server = lab.of("kafka")[0], lab.of("zookeeper")[0]
    external = broker.external_port or 0
    before = lab.main_pids()
    for ports, kafka_open, zookeeper_open in (
        ("1024-9000", False, True), ("9094", True, False), ("0-65535", True, True),
    ):
        lab.sections["network"] = {"lab_ports": ports}
        lab.write()
        lab.fab("hosts")
        assert greeted(broker.ssh_port)
        assert answers(external, 1) is kafka_open, ports
        assert reached(str(server.address), 2181) is zookeeper_open, ports
        # The datacenter's own traffic is another rule's.
        assert lab.open_between(lab.of("control")[0], server, 2181)
    assert lab.main_pids() == before, "`fab hosts` touches no service"


# The workstation is taken for another machine; the rest of the lab is as it should be.
LOCKED_OUT = """
import dataclasses, os, signal
from ipaddress import IPv4Network
from scripts.hosts import firewall, fleet
from scripts.platforms import local
real = local.local_context
local.local_context = lambda *words: dataclasses.replace(
    real(*words), admin=(IPv4Network("203.0.113.9/32"),)
)
firewall.UNDO_SECONDS, firewall.PATIENCE, fleet.BOOT_SECONDS = 8, 1, 0
"""
KILLED = """
firewall.confirm = lambda host: os.kill(os.getpid(), signal.SIGKILL)
"""


def test_rules_that_let_nobody_in_are_taken_back(lab: Lab) -> None:
    """By the run that finds it out; and where that is killed, by each host itself."""
    hosts = lab.topology.datacenter("dc2").hosts
    rules = {host.name: lab.inside(host, "nft list table inet kafkalab") for host in hosts}
    narrow = ("hosts", "--datacenter", "dc2")

    def in_order() -> None:
        assert all(greeted(host.ssh_port) for host in hosts)
        assert {host.name: lab.inside(host, "nft list table inet kafkalab") for host in hosts} \
            == rules
        assert lab.fab("plan").out == "plan: nothing to do\n"

    run = lab.fab(*narrow, expect=1, before=LOCKED_OUT)
    said = "no new connection with the changed security rules; the old ones are back"
    assert sorted(run.lines) == sorted(
        f"error: {host.name}: {said} (mend the lab file, then run `fab up` again)"
        for host in hosts
    )
    in_order()
    lab.fab(*narrow, expect=-signal.SIGKILL, before=LOCKED_OUT + KILLED)
    until(lambda: all(lets_in(host.ssh_port) for host in hosts), "SSH to dc2", 30)
    until(lambda: not any(
        "kafkalab-firewall" in lab.inside(host, "systemctl list-timers --no-legend")
        for host in hosts
    ), "no host has a timer left", 30)
    in_order()
    lab.fab("verify", "--datacenter", "dc2")


def test_the_rules_come_back_when_a_host_boots(lab: Lab) -> None:
    """Before anybody converges it: they are loaded by a service of the host's own."""
    host = lab.of("zookeeper", "dc2")[0]
    assert lab.inside(host, "systemctl is-enabled nftables").strip() == "enabled"
    lab.inside(host, "nft delete table inet kafkalab; systemctl restart nftables")
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert not lab.open_between(lab.of("control")[0], host, 2181)


def test_ports_are_published_on_the_loopback_address_only(lab: Lab) -> None:
    names = [f"{lab.name}.{host.name}" for host in lab.topology.hosts]
    found = json.loads(lab.engine("inspect", *names).stdout)
    published = [
        (binding["HostIp"], int(binding["HostPort"]))
        for one in found for bindings in one["HostConfig"]["PortBindings"].values()
        for binding in bindings
    ]
    assert {address for address, _ in published} == {"127.0.0.1"}
    kept = [host.ssh_port + offset for host in lab.topology.hosts if host.role == "kafka"
            for offset in (SECURE_OFFSET, USERS_OFFSET)]
    assert sorted(port for _, port in published) == sorted((*lab.ports(), *kept))
    listening = subprocess.run(
        ["ss", "-Hltn"], capture_output=True, text=True, check=True
    ).stdout.split()
    strays = [entry for entry in listening for port in (*lab.ports(), *kept)
              if entry.endswith(f":{port}") and entry != f"127.0.0.1:{port}"]
    assert strays == []
    gateway = str(lab.topology.gateway)  # another address of the workstation itself
    # Nobody is there before the lab file says so.
    assert all(refusal(("127.0.0.1", port)) for port in kept)
    for port in lab.ports():
        assert answers(port)
        assert not reached(gateway, port), f"{gateway}:{port}"


def test_every_host_has_a_key_of_its_own(lab: Lab) -> None:
    keys = {lab.inside(host, "cat /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
            for host in lab.topology.hosts}
    assert len(keys) == len(lab.topology.hosts)


def test_a_host_takes_the_labs_key_and_nothing_else(lab: Lab) -> None:
    host = lab.of("control")[0]
    said = subprocess.run(
        ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
         "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentityFile=/dev/null",
         "-o", "IdentityAgent=none", "-p", str(host.ssh_port), "student@127.0.0.1", "true"],
        capture_output=True, text=True, check=False, timeout=30,
    )
    assert said.returncode == 255
    assert "Permission denied (publickey)" in said.stderr


def test_services_run_as_a_user_without_rights(lab: Lab) -> None:
    for role in ("zookeeper", "kafka"):
        host = lab.of(role)[0]
        owner = lab.inside(host, f"ps -o user= -p {lab.main_pid(host)}").strip()
        assert owner == "kafka"
        shell = lab.inside(host, "getent passwd kafka").strip().rpartition(":")[2]
        assert shell == "/usr/sbin/nologin"


def reached(address: str, port: int) -> bool:
    """Whether a connection from the workstation to one of its networks comes about."""
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def lets_in(port: int) -> bool:
    try:
        return greeted(port)
    except OSError:
        return False


def greeted(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as stream:
        return stream.recv(4) == b"SSH-"
