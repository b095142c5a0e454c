"""Kafka's tools on hosts of a closed lab: they are told what brokers ask for, unless somebody did.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.artifacts import PREFIX
from lab.endpoint import Endpoint
from lab.file import parse
from lab.services import tools
from lab.services.local import local_context
from lab.services.registry import desired_state
from lab.state import File, Key, Link
from lab.topology import build

pytestmark = pytest.mark.programs

AT = "--bootstrap-server b:9192"
TOLD = "/etc/kafkalab/client.properties"


def typed(folder: Path, line: str, *, version: str = "3.9.2", client: str | None = None) -> str:
    """What Kafka's own tool is started with, where a person types a line."""
    state = tools.tools(version)
    own, links = folder / "own", folder / "bin"
    for one in (own, links):
        one.mkdir(exist_ok=True)
    script = state[Key("file", tools.SCRIPT)]
    assert isinstance(script, File) and script.mode == 0o755
    file = folder / "tool"
    file.write_text(script.text.replace(f"{PREFIX}/kafka/bin", str(own)))
    file.chmod(0o755)
    tool, *words = line.split()
    name = f"kafka-{tool}.sh"
    assert state[Key("link", f"{tools.BIN}/{name}")] == Link(tools.SCRIPT)
    (links / name).unlink(missing_ok=True)
    (links / name).symlink_to(file)
    (own / name).write_text('#!/bin/sh\necho "$@"\n')
    (own / name).chmod(0o755)
    environment = {} if client is None else {"CLIENT": client}
    return subprocess.run([str(links / name), *words], capture_output=True, text=True, check=True,
                          env=environment).stdout.strip()


@pytest.mark.parametrize(("line", "told"), [
    (f"topics {AT} --create --topic t --config a=b",
     f"--command-config {TOLD} {AT} --create --topic t --config a=b"),
    ("topics --bootstrap-server=b:9192 --list",
     f"--command-config {TOLD} --bootstrap-server=b:9192 --list"),
    (f"console-producer {AT} --topic t", f"--producer.config {TOLD} {AT} --topic t"),
    (f"console-consumer {AT} --topic t", f"--consumer.config {TOLD} {AT} --topic t"),
    ("producer-perf-test --topic t --producer-props bootstrap.servers=b:9192 acks=all",
     f"--producer.config {TOLD} --topic t --producer-props bootstrap.servers=b:9192 acks=all"),
    (f"metadata-quorum {AT} describe --status",
     f"--command-config {TOLD} {AT} describe --status"),
    (f"leader-election {AT} --all-topic-partitions",
     f"--admin.config {TOLD} {AT} --all-topic-partitions"),
    (f"cluster cluster-id {AT}", f"cluster-id {AT} --config {TOLD}"),
])
def test_what_is_typed_as_in_a_book_reaches_the_brokers(
    tmp_path: Path, line: str, told: str
) -> None:
    assert typed(tmp_path, line) == told


@pytest.mark.parametrize("line", [
    f"topics {AT} --list --command-config mine.properties",
    f"topics {AT} --list --command-config=mine.properties",
    f"console-producer {AT} --topic t --producer.config mine.properties",
    "metadata-quorum --bootstrap-controller c:9093 describe --status",
    "topics --help", "configs --zookeeper z:2181 --describe --entity-type users",
    "acls --authorizer-properties zookeeper.connect=z:2181 --list",
])
def test_what_a_person_says_himself_counts(tmp_path: Path, line: str) -> None:
    assert typed(tmp_path, line) == line.partition(" ")[2]


def test_another_file_or_none_may_be_named(tmp_path: Path) -> None:
    line = f"topics {AT} --list"
    assert typed(tmp_path, line, client="app.properties") == (
        f"--command-config app.properties {AT} --list")
    assert typed(tmp_path, line, client="") == f"{AT} --list"


def test_a_newer_release_has_one_name_for_it(tmp_path: Path) -> None:
    """With the other ones a tool says, where its output goes, that there is a newer one."""
    assert typed(tmp_path, f"console-consumer {AT} --topic t", version="4.3.1") == (
        f"--command-config {TOLD} {AT} --topic t")
    assert typed(tmp_path, f"cluster cluster-id {AT}", version="4.3.1") == (
        f"cluster-id {AT} --command-config {TOLD}")


def test_a_shell_of_an_open_lab_is_told_nothing() -> None:
    assert tools.exports(Endpoint("b:9092")) == ()
    assert "export CLIENT=" + TOLD in tools.exports(
        Endpoint("b:9192", {"security.protocol": "SSL"}))


@pytest.mark.parametrize(("listeners", "told"), [
    ("plaintext", None), ("scram", True), (["plaintext", "mtls"], True),
    (["mtls", "plaintext"], False),
])
def test_a_brokers_host_has_a_shell_that_knows_as_much_as_the_control_hosts(
    listeners: object, told: bool | None
) -> None:
    """Also on the way back, when brokers speak plaintext again; an open lab has no such file."""
    topology = build(parse({
        "owner": "ann", "security": {"listeners": listeners},
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24", "kafka": 1, "zookeeper": 1}],
    }).lab)
    context = local_context(topology, {})
    shells = {host.role: desired_state(host, context).get(Key("file", tools.PROFILE))
              for host in topology.hosts}
    assert shells["zookeeper"] is None
    if told is None:
        assert shells["kafka"] is None
        return
    broker, control = shells["kafka"], shells["control"]
    assert isinstance(broker, File) and isinstance(control, File)
    lines = tools.exports(context.internal(topology.datacenters[0]))
    assert broker.text == "".join(f"{line}\n" for line in lines) and bool(lines) is told
    assert set(broker.text.splitlines()) <= set(control.text.splitlines())


@pytest.mark.parametrize(("tool", "version", "told"), [
    ("console-consumer", "3.9.2", "--consumer.config"),
    ("console-consumer", "4.1.1", "--consumer.config"),
    ("console-consumer", "4.3.1", "--command-config"),
    ("topics", "3.7.2", "--command-config"),
])
def test_by_which_option_a_tool_takes_a_file(tool: str, version: str, told: str) -> None:
    assert tools.option(tool, version) == told
