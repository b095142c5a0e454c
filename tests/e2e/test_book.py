"""What a book about Kafka has its reader type on the hosts, typed by the user who logs in."""

from __future__ import annotations

import subprocess

import pytest

from lab.topology import Host
from tests.e2e.lab_under_test import Lab, Run

pytestmark = [pytest.mark.host, pytest.mark.area("learning")]

BIN = "/usr/local/kafka/bin"
TOPIC = "student-basic01"
# Nine letters each, none of them ASCII.
GROUPS = ("첫번째소비자그룹일", "두번째소비자그룹이")
RECORDS = ("오늘의 주문", "내일의 배송")
CHAPTER_3 = f"""
set -e
type -P curl jq less nano netstat ping vi xxd >/dev/null
ping -c 1 -W 5 @NEIGHBOUR@ >/dev/null
netstat -ntl | grep -q :9092
curl --version >/dev/null
systemctl status kafka-server | grep -o 'kafka.service - Apache Kafka'
cd /data/kafka-logs
cat replication-offset-checkpoint | head -1
cd {TOPIC}-0
cat leader-epoch-checkpoint | head -1
xxd 00000000000000000000.log | head -1 | cut -c 1-9
{BIN}/kafka-dump-log.sh --print-data-log --files $PWD/00000000000000000000.log |
  grep -o 'payload: .*'
grep -q 'started (kafka.server.KafkaServer)' /usr/local/kafka/logs/server.log
grep -o '^num.partitions=.' /usr/local/kafka/config/server.properties
! touch /data/kafka-logs/mine 2>/dev/null
"""


def typed(lab: Lab, host: Host, script: str) -> Run:
    """What a login shell on a host says to a script."""
    return lab.fab("ssh", host.name, stdin=script, expect=None)


def test_a_reader_finds_commands_files_and_units_where_the_book_has_them(lab: Lab) -> None:
    broker, control = lab.of("kafka")[0], lab.of("control")[0]
    made = typed(lab, control, f"""
set -e
{BIN}/kafka-topics.sh --bootstrap-server {broker.fqdn}:9092 --create --topic {TOPIC} \\
  --partitions 1 --replication-factor 3
echo '{RECORDS[0]}' | kcat -b {broker.fqdn}:9092 -P -t {TOPIC}
""")
    assert made.status == 0, made
    run = typed(lab, broker, CHAPTER_3.replace("@NEIGHBOUR@", lab.of("zookeeper")[0].fqdn))
    assert run.status == 0, run
    assert run.out.splitlines() == [
        "kafka.service - Apache Kafka", "0", "0", "00000000:", f"payload: {RECORDS[0]}",
        "num.partitions=3",
    ], run
    server = typed(lab, lab.of("zookeeper")[0], (
        "set -e; systemctl is-active zookeeper-server; ls /data/zk/version-2 >/dev/null\n"
        "grep -o '^dataDir=.*' /usr/local/zookeeper/conf/zoo.cfg\n"
        "test -s /usr/local/kafka/logs/zookeeper.log"
    ))
    assert (server.status, server.out.split()) == (0, ["active", "dataDir=/data/zk"]), server
    logs = lab.fab("logs", broker.name, "kafka-server", "--lines", "1000").out
    assert "started (kafka.server.KafkaServer)" in logs


def test_two_groups_with_korean_names_are_two(lab: Lab) -> None:
    """Each gets every record, in letters; the brokers and their logs have the names, too."""
    from confluent_kafka.admin import AdminClient

    broker, control = lab.of("kafka")[0], lab.of("control")[0]
    tools = f"--bootstrap-server {broker.fqdn}:9092 --topic student-korean"
    records = "\\n".join(RECORDS)
    script = (
        "set -e\n"
        f"{BIN}/kafka-topics.sh {tools} --create --partitions 2 --replication-factor 3 >/dev/null\n"
        f"printf '{records}\\n' | {BIN}/kafka-console-producer.sh {tools}\n"
    )
    for group in GROUPS:  # one after the other: what the first commits, the second must not see
        script += (f"{BIN}/kafka-console-consumer.sh {tools} --group {group} --from-beginning "
                   "--max-messages 2 --timeout-ms 20000 2>/dev/null\n")
    run = typed(lab, control, script)
    assert sorted(run.out.split("\n")) == ["", *sorted(RECORDS * 2)], run
    admin = AdminClient({"bootstrap.servers": lab.bootstrap()})
    groups = {one.group_id for one in admin.list_consumer_groups().result(10).valid}
    assert set(GROUPS) <= groups
    for source in ("cat /usr/local/kafka/logs/server.log", "journalctl -q -u kafka -o cat"):
        said = "".join(lab.inside(host, f"{source} | grep GroupCoordinator || true")
                       for host in lab.of("kafka"))
        assert all(f" group {group} " in said for group in GROUPS), source
    admin.delete_topics(["student-korean", TOPIC])


def test_every_way_in_has_a_utf_8_locale(lab: Lab) -> None:
    """A shell, a command without one, as root, and a program that systemd or the engine starts."""
    host = lab.of("control")[0]
    run = typed(lab, host, (
        "locale charmap\nsudo locale charmap\nsudo su - student -c 'locale charmap'\n"
        "sudo systemd-run --quiet --pipe --wait locale charmap\n"
    ))
    said = run.out
    # Whatever the client's own locale is, and without what `fab ssh` tells the host.
    for words in (["locale", "charmap"], ["bash", "-lc", "'locale charmap'"]):
        done = subprocess.run([
            "ssh", "-F", "/dev/null", "-i", str(lab.state / "id_ed25519"),
            *(f"-o{option}" for option in (
                "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR",
                "SendEnv=LANG LC_ALL",
            )),
            "-p", str(host.ssh_port), "student@127.0.0.1", *words,
        ], capture_output=True, text=True, check=False, timeout=30,
            env={"LC_ALL": "ko_KR.EUC-KR", "LANG": "C", "PATH": "/usr/bin:/bin"})
        said += done.stdout + done.stderr
    said += lab.inside(host, "locale charmap")
    assert said.split() == ["UTF-8"] * 7, run


def test_a_key_that_a_reader_adds_opens_one_host_from_another(lab: Lab) -> None:
    broker, control = lab.of("kafka")[0], lab.of("control")[0]
    key = typed(lab, control, (
        "rm -f .ssh/book*; mkdir -p .ssh; ssh-keygen -q -t ed25519 -N '' -f .ssh/book\n"
        "cat .ssh/book.pub\n"
    )).out.strip()
    login = (f"ssh -o BatchMode=yes -o StrictHostKeyChecking=no -i .ssh/book {broker.fqdn} "
             "hostname; rm -f .ssh/known_hosts\n")
    assert "Permission denied" in typed(lab, control, login).err
    typed(lab, broker, f"mkdir -p -m 700 .ssh; echo '{key}' >.ssh/authorized_keys\n")
    assert typed(lab, control, login).out == f"{broker.name}\n"
    typed(lab, broker, "rm -r .ssh\n")
