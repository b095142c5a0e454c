"""The lab in order: up, verify, plan, and that nothing happens where nothing is to do."""

from __future__ import annotations

import re
import stat
import subprocess
import sys

import pytest

from tests.e2e.lab_under_test import PROJECT, Lab, Run

pytestmark = pytest.mark.host

CHECKS = (
    "quorum", "brokers", "topic", "write outside", "write inside", "read outside", "read inside",
    "clean-up",
)


def test_up_creates_every_host_and_says_so(shared: tuple[Lab, Run]) -> None:
    lab, up = shared
    hosts = lab.topology.hosts
    assert len(hosts) == 9
    assert "9 hosts created" in up.out
    assert "9 of 9 hosts changed" in up.out
    listed = lab.engine.lines(
        "ps", "--filter", f"label=kafkalab.lab={lab.name}", "--format", "{{.Names}}"
    )
    assert sorted(listed) == sorted(f"{lab.name}.{host.name}" for host in hosts)


def test_verify_proves_each_datacenter(lab: Lab) -> None:
    run = lab.fab("verify")
    for datacenter in ("dc1", "dc2"):
        for check in CHECKS:
            assert re.search(rf"{datacenter} +(zookeeper|kafka) +{check} +ok ", run.out), run
    assert "verified dc1, dc2" in run.out


def test_verify_leaves_no_topic_and_no_group(lab: Lab) -> None:
    from confluent_kafka.admin import AdminClient

    lab.fab("verify", "--datacenter", "dc1")
    admin = AdminClient({"bootstrap.servers": lab.bootstrap()})
    groups = admin.list_consumer_groups().result(10).valid
    names = [*admin.list_topics(timeout=10).topics, *(group.group_id for group in groups)]
    assert [name for name in names if "verify" in name] == []


def test_plan_of_a_lab_in_order_is_empty(lab: Lab) -> None:
    assert lab.fab("plan").out == "plan: nothing to do\n"


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    before = {name: lab.main_pids(name) for name in ("dc1", "dc2")}
    for task in ("up", "hosts", "zookeeper", "kafka", "up"):
        run = lab.fab(task)
        assert re.fullmatch(r"\d hosts? in order, nothing to do, [\d.]+ s\n", run.out), run
        assert not re.search(r": (change|restart|upload)", lab.log()), run
    assert {name: lab.main_pids(name) for name in ("dc1", "dc2")} == before


def test_a_dry_run_and_hosts_of_fabs_own_leave_a_lab_alone(lab: Lab) -> None:
    """Nothing is removed, restarted, or done to other hosts than those that are named."""
    broker, pids = lab.of("kafka")[0], lab.main_pids()
    for task in ("up", "kafka", "zookeeper", "hosts", "control"):
        assert lab.fab("--dry", task).out == "plan: nothing to do\n"
    said = lab.fab("down", "-R").out
    for host in lab.topology.hosts:
        assert f"would remove container {lab.name}.{host.name}\n" in said
    assert "cannot be narrowed to hosts" in lab.fab("-H", broker.name, "down", expect=2).err
    assert "1 host in order, nothing to do" in lab.fab("-H", broker.name, "kafka").out
    two = f"{broker.name},{lab.of('zookeeper')[0].name}"
    assert lab.fab("-H", two, "up").out.count("2 hosts in order, nothing to do") == 1
    assert lab.main_pids() == pids


def test_datacenter_and_host_narrow_what_is_looked_at(lab: Lab) -> None:
    assert lab.fab("up", "--datacenter", "dc2").out.startswith("2 hosts in order")
    assert "dc1" not in lab.log()
    assert lab.fab("up", "--host", "ann-dc1-zk02,ann-dc1-kafka03").out.startswith("2 hosts")
    status = lab.fab("status", "--json", "--datacenter", "dc2").json
    assert [datacenter["name"] for datacenter in status["datacenters"]] == ["dc2"]


def test_names_resolve_on_every_host(lab: Lab) -> None:
    """And what else was in /etc/hosts is still there."""
    for host in (lab.of("control")[0], lab.of("kafka", "dc2")[0]):
        for other in lab.topology.hosts:
            found = lab.inside(host, f"getent hosts {other.name} {other.fqdn}").split()
            assert found[0] == str(other.address)
        assert "localhost" in lab.inside(host, "grep ^127 /etc/hosts")


def test_a_student_has_the_tools_on_the_control_host(lab: Lab) -> None:
    said = lab.inside(lab.of("control")[0], (
        "su - student -c 'type -P kafka-topics.sh; echo $BOOTSTRAP; echo $ZOOKEEPER; "
        "kafka-topics.sh --bootstrap-server $BOOTSTRAP --list'"
    )).splitlines()
    assert said[0] == "/usr/local/kafka/bin/kafka-topics.sh"
    assert said[1].split(",") == [f"{host.fqdn}:9092" for host in lab.of("kafka")]
    assert said[2].split(",") == [f"{host.fqdn}:2181" for host in lab.of("zookeeper")]


def test_status_for_programs(lab: Lab) -> None:
    found = lab.fab("status", "--json").json
    assert (found["lab"], found["platform"], found["healthy"]) == (lab.name, "local", True)
    assert [one["name"] for one in found["datacenters"]] == ["dc1", "dc2"]
    for datacenter, wanted in zip(found["datacenters"], lab.topology.datacenters, strict=True):
        assert [host["name"] for host in datacenter["hosts"]] == [h.name for h in wanted.hosts]
        for host, meant in zip(datacenter["hosts"], wanted.hosts, strict=True):
            services = {} if meant.role == "control" else {meant.role: "running"}
            assert host["fqdn"] == meant.fqdn
            assert host["address"] == str(meant.address)
            assert host["ssh"] == f"student@127.0.0.1:{meant.ssh_port}"
            assert host["roles"] == [meant.role]
            assert host["services"] == services
        servers = {host.name for host in wanted.by_role("zookeeper")}
        quorum, kafka = datacenter["zookeeper"], datacenter["kafka"]
        assert {quorum["leader"], *quorum["followers"]} == servers
        assert len(quorum["followers"]) == len(servers) - 1
        assert kafka["bootstrap"] == lab.bootstrap(wanted.name)
        assert kafka["brokers"] == [host.number for host in wanted.by_role("kafka")]
        assert kafka["under_replicated"] == 0


def test_status_for_people(lab: Lab) -> None:
    out = lab.fab("status").out
    for host in lab.topology.hosts:
        line = next(line for line in out.splitlines() if f" {host.name} " in line)
        assert str(host.address) in line
        assert f"student@127.0.0.1:{host.ssh_port}" in line
    assert f"dc1: bootstrap {lab.bootstrap()}, 3 brokers" in out
    assert f"dc2: bootstrap {lab.bootstrap('dc2')}, 1 broker" in out


def test_readmes_client_runs_as_it_stands_there(lab: Lab) -> None:
    """Only the port is another lab's."""
    block = re.search(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert block
    program = block[1].replace("127.0.0.1:20531", lab.bootstrap().split(",")[0])
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout == "b'hello'\n"


def test_a_client_outside_needs_no_more_than_the_bootstrap_list(lab: Lab) -> None:
    from confluent_kafka import Consumer, Producer

    for datacenter in lab.fab("status", "--json").json["datacenters"]:
        servers = datacenter["kafka"]["bootstrap"]
        producer = Producer({"bootstrap.servers": servers, "acks": "all"})
        for number in range(20):
            producer.produce("outside", str(number))
        assert producer.flush(30) == 0
        consumer = Consumer({
            "bootstrap.servers": servers, "group.id": "outside", "auto.offset.reset": "earliest",
        })
        consumer.subscribe(["outside"])
        seen = {message.value() for message in consumer.consume(20, 30)}
        consumer.close()
        assert seen == {str(number).encode() for number in range(20)}


def test_ssh_gives_a_shell_as_student(lab: Lab) -> None:
    host = lab.of("zookeeper")[1]
    run = lab.fab("ssh", host.name, stdin="id -un; hostname; sudo -n id -un; exit 7\n", expect=7)
    assert run.out.split() == ["student", host.name, "root"]


def test_logs_prints_the_last_lines_of_a_service(lab: Lab) -> None:
    # However long the log is by now: what the service did last is within its last lines.
    broker = next(host for host in lab.of("kafka") if host.name == "ann-dc1-kafka02")
    last = lab.inside(broker, "journalctl -qu kafka -n 1 -o cat").strip()
    assert last in lab.fab("logs", "ann-dc1-kafka02", "kafka", "--lines", "200").out
    assert len(lab.fab("logs", "ann-dc1-zk01", "zookeeper", "--lines", "5").out.splitlines()) <= 6
    assert lab.fab("logs", "ann-dc1-kafka02", "zookeeper", expect=2).lines == [
        "error: ann-dc1-kafka02: no service zookeeper (such as kafka, ssh)",
    ]


def test_a_word_is_found_in_the_logs_of_all_hosts(lab: Lab) -> None:
    """By each broker as it started, in the order of time; a pattern that is none is told."""
    run = lab.fab("grep", r"Kafka version: 3\.", "--service", "kafka", "--since", "1d")
    brokers = {host.name for host in lab.of("kafka")}
    assert {name for name in brokers if name in run.out} == brokers, run
    times = [line[:26] for line in run.out.splitlines()]
    assert times == sorted(times)
    lab.fab("grep", "nobody ever says this", expect=1)
    (line,) = lab.fab("grep", "[", expect=2).lines
    assert line.startswith("error: '[': grep: ") and line.endswith("as grep -E takes it)")


def test_a_run_leaves_a_line_for_every_command(lab: Lab) -> None:
    lab.fab("up")
    log = lab.log()
    assert log.splitlines()[0].endswith(" fab up")
    line = re.compile(r"\d\d:\d\d:\d\d\.\d{3} ([\w.-]+): (.+) -> (\d+), \d+\.\d{3} s")
    found = [match for match in map(line.fullmatch, log.splitlines()[1:]) if match]
    assert len(found) == len(log.splitlines()) - 1, log
    for host in lab.topology.hosts:
        mine = [(m[2], m[3]) for m in found if m[1] == host.name]
        assert mine == [("connect", "0"), ("read", "0")]
    assert any(m[1] == "workstation" and " ps " in m[2] for m in found)


def test_what_the_state_folder_holds_is_nobody_elses(lab: Lab) -> None:
    assert stat.S_IMODE(lab.state.stat().st_mode) == 0o700
    assert stat.S_IMODE((lab.state / "id_ed25519").stat().st_mode) == 0o600
