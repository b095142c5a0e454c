"""What breaks on hosts: processes that die, files that people edit, hosts that stop or change."""

from __future__ import annotations

import re

import pytest

from lab.endpoint import Endpoint
from lab.topology import Host
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, killed_at_last, until

pytestmark = [
    pytest.mark.host, pytest.mark.full("faults", sample=2, of="what may befall a host"),
]

PROPERTIES = "/etc/kafka/server.properties"
REASON = re.compile(r"^error: .*cluster\.id.*$", re.MULTILINE | re.IGNORECASE)


def registered(lab: Lab) -> tuple[int, ...]:
    """The brokers of dc1 that a client sees, and only while every partition has all replicas."""
    from scripts.clients.kafka import Cluster
    from scripts.errors import LabError

    try:
        view = Cluster("dc1", Endpoint(lab.bootstrap()), (1, 2, 3)).view(2)
    except LabError:
        return ()
    return () if view.under_replicated else view.brokers


def whole(lab: Lab) -> None:
    until(lambda: registered(lab) == (1, 2, 3), "three brokers with all replicas", 60)


SERVES = {"zookeeper": "LEADER ELECTION TOOK", "kafka": "started (kafka.server.KafkaServer)"}


@pytest.mark.parametrize("role", ["zookeeper", "kafka"])
def test_a_service_that_is_killed_comes_back_by_itself(lab: Lab, role: str) -> None:
    """A broker may need two tries: until its old session is over, its place is taken."""
    host = lab.of(role)[0]
    serves = f"journalctl -u {role} -o cat | grep -cF {SERVES[role]!r}"
    before = lab.main_pid(host), int(lab.inside(host, serves))
    lab.inside(host, f"kill -9 {before[0]}")
    until(lambda: int(lab.inside(host, serves)) > before[1], f"{role} on {host.name} serves", 60)
    assert lab.main_pid(host) not in (0, before[0])
    whole(lab)
    # It is well again once it has stayed for some seconds; and nothing but time has made it so.
    until(lambda: lab.start("plan").wait(60) == 0, "its restart is over", 60)
    assert lab.fab("status", "--json").json["healthy"]
    assert lab.fab("plan").out == "plan: nothing to do\n"


def test_up_waits_for_hosts_that_somebody_has_just_restarted(lab: Lab) -> None:
    """Nothing is to do on them, and their services serve nobody yet."""
    for host in (lab.of("kafka")[1], lab.of("zookeeper")[0]):
        lab.engine("restart", "--time", "1", f"{lab.name}.{host.name}")
        lab.fab("up")
        lab.fab("status")


# Two settings that Kafka accepts by themselves, and not together: only a broker can tell.
IMPATIENT = "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms"


def test_a_setting_that_only_a_broker_refuses_leaves_it_with_its_former_ones(lab: Lab) -> None:
    """It is told soon, in one line, and nothing is broken by it; also where the host was killed
    while the broker was started in vain."""
    broker, = lab.of("kafka", "dc2")
    before = lab.inside(broker, f"cat {PROPERTIES}")
    lab.settings["replica.socket.timeout.ms"] = 100
    lab.write()
    run = lab.fab("kafka", "--datacenter", "dc2", expect=1)
    assert run.seconds < 60, run
    assert run.lines[0].startswith(f"error: {broker.name}: "), run
    assert IMPATIENT in run.lines[0], run
    assert run.lines[0].endswith("; it goes on with its former settings"), run
    assert lab.inside(broker, f"cat {PROPERTIES}") == before
    assert lab.fab("status", "--datacenter", "dc2", "--json").json["healthy"]
    plan = lab.fab("plan", "--datacenter", "dc2", expect=2).out.splitlines()
    assert {"    +replica.socket.timeout.ms=100", "    restart kafka.service"} <= set(plan)
    process = lab.start("kafka", "--datacenter", "dc2")
    with killed_at_last(process):
        tried = f"grep -c '^replica.socket.timeout.ms=100$' {PROPERTIES}"
        until(lambda: lab.inside(broker, tried, check=False) == "1\n", "the file is there")
        lab.engine("kill", f"{lab.name}.{broker.name}")
    run = lab.fab("up", "--datacenter", "dc2", expect=1)
    assert run.seconds < 60, run
    assert run.lines[0].endswith("; it goes on with its former settings"), run
    del lab.settings["replica.socket.timeout.ms"]  # others have changed some, too
    lab.write()
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert lab.fab("status", "--datacenter", "dc2", "--json").json["healthy"]


def test_a_service_that_cannot_start_is_seen_at_any_moment(lab: Lab) -> None:
    """With its reason: while systemd starts it in a circle, it takes turns at running and waiting.
    """
    broker, = lab.of("kafka", "dc2")
    lab.inside(broker, (
        f"echo replica.socket.timeout.ms=100 >>{PROPERTIES}; systemctl restart kafka"
    ))
    repair = re.compile(rf"    repair kafka.service: restarted \w+.*, .*{re.escape(IMPATIENT)}")

    def seen() -> bool:
        return bool(repair.search(lab.fab("plan", "--datacenter", "dc2", expect=2).out))

    until(seen, "that it cannot start")
    assert all(seen() for _ in range(3))
    assert IMPATIENT in lab.fab("status", "--datacenter", "dc2", expect=1).out
    lab.fab("up", "verify")
    assert lab.fab("plan").out == "plan: nothing to do\n"


def test_a_stopped_broker_shows_in_status_and_fails_verify(lab: Lab) -> None:
    host = lab.of("kafka")[1]
    lab.inside(host, "systemctl stop kafka")
    found = lab.fab("status", "--json", expect=1).json
    dc1 = found["datacenters"][0]
    assert (found["healthy"], dc1["healthy"]) == (False, False)
    assert f"kafka on {host.name}: inactive (dead)" in dc1["problems"]
    assert any(problem.startswith("broker 2 not registered") for problem in dc1["problems"])
    assert found["datacenters"][1]["healthy"]
    out = lab.fab("status", expect=1).out
    assert f"problem: dc1: kafka on {host.name}: inactive (dead)" in out
    # It may take long to come: verify waits, here for a shorter time.
    impatient = "import scripts.drivers.proof; scripts.drivers.proof.READY_SECONDS = 2"
    run = lab.fab("verify", before=impatient, expect=1)
    assert re.search(r"dc1 +kafka +brokers +failed ", run.out), run
    assert re.search(r"dc2 +kafka +clean-up +ok ", run.out), run
    assert [line.startswith("failed: dc1: brokers: dc1: still not healthy after 2 s: broker 2 not")
            for line in run.lines] == [True], run
    run = lab.fab("plan", expect=2)
    assert f"~ host {host.name}\n    start kafka.service\n" in run.out
    lab.fab("up")
    whole(lab)


def test_drift_is_shown_and_undone(lab: Lab) -> None:
    """A hand in each kind of thing that the lab looks after."""
    broker, server, control = lab.of("kafka")[0], lab.of("zookeeper")[1], lab.of("control")[0]
    lab.inside(broker, f"sed -i s/num.io.threads=4/num.io.threads=1/ {PROPERTIES}")
    lab.inside(server, "nft delete table inet kafkalab; chmod 0600 /etc/zookeeper/zoo.cfg")
    lab.inside(control, (
        f"sed 's/{broker.address}/10.99.9.9/' /etc/hosts >/tmp/hosts && cat /tmp/hosts >/etc/hosts;"
        "ln -sfn /usr/share/zoneinfo/Asia/Tokyo /etc/localtime; rm /etc/profile.d/kafkalab.sh"
    ))
    plan = lab.fab("plan", expect=2).out
    for line in (
        f"    --- {PROPERTIES} (on the host)", "    -num.io.threads=1", "    +num.io.threads=4",
        "    + firewall kafkalab", "    ~ file /etc/zookeeper/zoo.cfg",
        f"    -10.99.9.9 {broker.fqdn} {broker.name}", "    ~ link /etc/localtime",
        "    +++ /etc/profile.d/kafkalab.sh (wanted)",
    ):
        assert line in plan.splitlines(), f"{line!r} is not in\n{plan}"
    # Whether the broker ran with the edited file, nobody knows: it restarts.
    first = plan.partition("in this order:\n")[2].splitlines()[0]
    assert first.split()[:2] == [broker.name, "kafka"]
    lab.fab("up")
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert "num.io.threads=4" in lab.inside(broker, f"cat {PROPERTIES}")
    assert f"{broker.address} {broker.fqdn}" in lab.inside(control, "cat /etc/hosts")


def test_a_setting_edited_and_loaded_by_hand_does_not_stay_in_the_process(lab: Lab) -> None:
    """Writing the file anew is not enough where the broker was restarted with the edited one.

    It was edited as books have it: under their path, with their editor, their name of the unit.
    """
    host = lab.of("kafka", "dc2")[0]
    first = lab.main_pid(host)
    lab.inside(host, (
        "vi -es -c %s/num.io.threads=4/num.io.threads=2/ -c wq "
        "/usr/local/kafka/config/server.properties && systemctl restart kafka-server"
    ))
    before = lab.main_pid(host)
    assert before != first
    assert "num.io.threads=2" in lab.inside(host, f"cat {PROPERTIES}")
    assert f"{host.name} kafka" in lab.fab("plan", expect=2).out.partition("restarts,")[2]
    lab.fab("up")
    assert lab.main_pid(host) != before
    assert lab.fab("plan").out == "plan: nothing to do\n"


def test_a_lost_jar_is_noticed_and_replaced(lab: Lab) -> None:
    host = lab.of("kafka")[2]
    lab.inside(host, "rm /usr/local/kafka/libs/zookeeper-[0-9]*.jar")
    plan = lab.fab("plan", expect=2).out
    assert f"~ host {host.name}\n    ~ archive /usr/local/kafka_2.13-" in plan
    lab.fab("up")
    assert lab.inside(host, "ls /usr/local/kafka/libs/zookeeper-[0-9]*.jar")
    assert lab.fab("plan").out == "plan: nothing to do\n"


def test_hosts_that_stopped_or_are_gone_come_back(lab: Lab) -> None:
    server, broker = lab.of("zookeeper")[2], lab.of("kafka")[1]
    lab.engine("kill", f"{lab.name}.{server.name}")
    lab.engine("rm", "--force", f"{lab.name}.{broker.name}")
    until(lambda: f"{server.name} is stopped" in lab.fab("status", expect=1).out, "it is stopped")
    assert f"{broker.name} does not exist" in lab.fab("status", expect=1).out
    run = lab.fab("kafka", expect=1)
    assert run.lines == [f"error: {broker.name}: does not exist (run `fab up`)"]
    plan = lab.fab("plan", expect=2).out
    assert f"+ host {broker.name} (kafka) at {broker.address}" in plan
    assert "plan: 2 hosts to create" in plan
    kept = {host.name: lab.main_pid(host) for host in lab.of("kafka") if host != broker}
    lab.fab("up")
    assert {host.name: lab.main_pid(host) for host in lab.of("kafka") if host != broker} == kept
    whole(lab)
    lab.fab("verify")


def new_host_key(lab: Lab, host: Host) -> None:
    lab.inside(host, (
        "set -e; cd /etc/ssh; cp -p ssh_host_ed25519_key /root/key; "
        "cp -p ssh_host_ed25519_key.pub /root/key.pub; rm ssh_host_ed25519_key*; "
        "ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key; systemctl restart ssh"
    ))


def old_host_key(lab: Lab, host: Host) -> None:
    lab.inside(host, (
        "set -e; cd /etc/ssh; cp -p /root/key ssh_host_ed25519_key; "
        "cp -p /root/key.pub ssh_host_ed25519_key.pub; systemctl restart ssh"
    ))


def logins(lab: Lab, host: Host) -> int:
    return len(re.findall("Accepted publickey", lab.inside(host, "journalctl -u ssh -o cat")))


def test_a_host_whose_key_changed_is_refused(lab: Lab) -> None:
    host = lab.of("zookeeper")[0]
    new_host_key(lab, host)
    try:
        before = logins(lab, host)
        refused = f"{host.name}: shows another host key than the one its platform told"
        for task in ("hosts", "plan", "up"):
            run = lab.fab(task, expect=1)
            assert len(run.lines) == 1, run
            assert run.lines[0].startswith(f"error: {refused}; not connected"), run
        assert f"problem: dc1: {refused}" in lab.fab("status", expect=1).out
        assert "Host key verification failed" in lab.fab("ssh", host.name, expect=255).err
        assert logins(lab, host) == before
    finally:
        old_host_key(lab, host)
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert logins(lab, host) == before + 1


def test_a_lost_key_folder_is_made_good(lab: Lab) -> None:
    """The hosts' keys come from the platform again, and the hosts get the new login key."""
    for name in ("id_ed25519", "id_ed25519.pub", "hostkeys.json"):
        (lab.state / name).unlink()
    run = lab.fab("status", expect=1)
    assert "not known there (`fab up`: add it beside those that are)" in run.out
    lab.fab("up")
    assert lab.fab("plan").out == "plan: nothing to do\n"


def test_a_change_that_fails_is_said_in_one_line(lab: Lab) -> None:
    """With the host, the step and the reason; and the next run makes the change."""
    host = lab.of("control")[0]
    lab.inside(host, "rm /etc/profile.d/kafkalab.sh; mv /usr/bin/tar /usr/bin/tar.away")
    try:
        run = lab.fab("up", expect=1)
        assert re.fullmatch(
            rf"error: {host.name}: `change` ended with \d+: write files: .*tar: command not found",
            run.lines[0],
        ), run
        assert run.lines[1:] == [f"the whole output: {lab.logs()[-1]}"]
        assert "Traceback" in lab.start("up", "--debug").communicate(timeout=60)[1]
    finally:
        lab.inside(host, "mv /usr/bin/tar.away /usr/bin/tar")
    lab.fab("up")
    assert lab.fab("plan").out == "plan: nothing to do\n"


def test_an_ensemble_that_is_lost_is_one_line_and_its_broker_says_why(make_lab: MakeLab) -> None:
    """The only ZooKeeper host is removed, as somebody might to have it made anew."""
    lab = make_lab("lost", first=40, port_base=28000, datacenters=(
        {"control": 0, "zookeeper": 1, "kafka": 1},
    ))
    lab.fab("up")
    server, = lab.of("zookeeper")
    broker, = lab.of("kafka")
    lab.engine("rm", "--force", f"{lab.name}.{server.name}")
    for line in lab.fab("verify", expect=1).lines:
        assert line.startswith(("failed: dc1: ", "error: ", "warning: ")), line
    lab.fab("up", expect=None)  # the host is made anew; the broker may not know yet
    lab.inside(broker, "systemctl restart --no-block kafka")
    found = until(lambda: REASON.search(lab.fab("up", expect=None).err), "the reason", 120)
    assert found[0].startswith("error: "), found
    told = lab.fab("status", "--json", expect=1).json
    assert told["healthy"] is False
