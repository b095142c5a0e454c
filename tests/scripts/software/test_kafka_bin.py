"""The wrappers of a really built distribution: slow, since Maven and some forty JVMs run."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.artifacts import kafka as kafka_artifact
from scripts.software import archive as kafka_archive
from scripts.software.kept import RECIPES
from scripts.software.obtain import Obtained, obtain
from tests.kafka_archives import NAME, VERSION

pytestmark = pytest.mark.host

DIST = RECIPES / "kafka"
TABLE = tomllib.loads((DIST / "tools.toml").read_text())
ASKED = {
    "kafka-topics",
    "kafka-console-producer",
    "kafka-console-consumer",
    "kafka-consumer-groups",
    "kafka-configs",
    "kafka-acls",
    "kafka-get-offsets",
    "kafka-producer-perf-test",
    "kafka-consumer-perf-test",
    "kafka-reassign-partitions",
    "kafka-leader-election",
    "kafka-log-dirs",
    "kafka-delete-records",
    "kafka-broker-api-versions",
    "kafka-dump-log",
    "kafka-verifiable-producer",
    "kafka-verifiable-consumer",
    "kafka-server-start",
    "kafka-server-stop",
    "zookeeper-server-start",
    "zookeeper-server-stop",
    "zookeeper-shell",
    "connect-distributed",
    "connect-standalone",
    "connect-mirror-maker",
    "kafka-mirror-maker",
    "kafka-run-class",
}
# Tools of Kafka 4, for which the jars of this version have no class.
NEWER = {"kafka-console-share-consumer", "kafka-groups", "kafka-share-groups",
         "kafka-streams-groups"}
# These have no --version and no --help: what each answers to a call without arguments is enough.
WITHOUT_OPTIONS = {
    "kafka-e2e-latency": "USAGE",
    "zookeeper-shell": "-server",
    "kafka-jmx": "Dump JMX",
}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Obtained]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv(kafka_archive.VARIABLE, "http://127.0.0.1:9")
        yield obtain(kafka_artifact(VERSION), sources=["maven"])


@pytest.fixture(scope="module")
def kafka(dist: Obtained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution unpacked, seen through a link as on a host."""
    root = tmp_path_factory.mktemp("usr")
    with tarfile.open(dist.tar) as archive:
        archive.extractall(root, filter="data")
    link = root / "kafka"
    link.symlink_to(dist.artifact.folder)
    return link


def call(*argv: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a command says on both streams, whatever it exits with."""
    done = subprocess.run(
        [str(word) for word in argv],
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=90,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout


def test_every_wrapper_that_was_asked_for_is_there(kafka: Path) -> None:
    there = {path.name.removesuffix(".sh") for path in (kafka / "bin").iterdir()}
    assert there >= ASKED
    assert {name for table in TABLE.values() for name in table} - there == NEWER
    assert all(os.access(path, os.X_OK) for path in (kafka / "bin").iterdir())


def test_building_again_gives_the_same_bytes(
    dist: Obtained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert obtain(kafka_artifact(VERSION), sources=["maven"]).sha256 == dist.sha256


def test_the_layout_has_a_log_binding_and_the_class_path_of_the_installed_place(
    kafka: Path,
) -> None:
    jars = sorted(path.name for path in (kafka / "libs").iterdir())
    assert [name for name in jars if name.startswith("slf4j-reload4j-")]
    assert f"kafka_2.13-{VERSION}.jar" in jars
    libs = f"/usr/local/{NAME}/libs"
    joined = ":".join(f"{libs}/{name}" for name in jars)
    assert (kafka / "classpath.args").read_text() == f'-cp "{joined}"\n'
    assert {path.name for path in (kafka / "config").iterdir()} >= {
        "server.properties",
        "zookeeper.properties",
        "log4j.properties",
        "tools-log4j.properties",
        "connect-distributed.properties",
        "connect-log4j.properties",
        "producer.properties",
        "consumer.properties",
    }


def test_the_version_is_printed_from_any_folder_and_through_any_link(
    kafka: Path, tmp_path: Path
) -> None:
    assert call(kafka / "bin/kafka-topics.sh", "--version", cwd=tmp_path).startswith(VERSION)
    (tmp_path / "topics").symlink_to(kafka / "bin/kafka-topics.sh")
    assert call("./topics", "--version", cwd=tmp_path).startswith(VERSION)
    assert call("bin/kafka-topics.sh", "--version", cwd=kafka).startswith(VERSION)


def test_every_tool_says_how_it_is_used(kafka: Path) -> None:
    def usage(name: str) -> tuple[str, str]:
        script = kafka / "bin" / f"{name}.sh"
        return name, call(script) if name in WITHOUT_OPTIONS else call(script, "--help")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = dict(pool.map(usage, TABLE["tool"].keys() - NEWER))
    for name, text in said.items():
        wanted = WITHOUT_OPTIONS.get(name)
        fits = wanted in text if wanted else "usage:" in text or "--help" in text
        assert fits, f"{name}: {text[:300]}"
        assert "log4j:WARN" not in text and "SLF4J" not in text, f"{name}: {text[:300]}"


@pytest.mark.parametrize("name", TABLE["server"])
def test_a_server_without_a_file_says_what_it_takes(kafka: Path, name: str) -> None:
    script = kafka / "bin" / f"{name}.sh"
    assert call(script) == call(script, "-daemon")
    assert call(script).startswith(f"usage: {name}.sh [-daemon] {TABLE['server'][name]['takes']}")


def java_arguments(kafka: Path, script: str, *argv: str, tmp_path: Path, **env: str) -> list[str]:
    """What `script` would run java with."""
    home = tmp_path / "jre"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    java = home / "bin" / "java"
    java.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    java.chmod(0o755)
    said = call(kafka / "bin" / script, *argv, env={"JAVA_HOME": str(home), **env})
    return said.splitlines()


def test_the_usual_variables_are_heeded(kafka: Path, tmp_path: Path) -> None:
    words = java_arguments(
        kafka,
        "kafka-topics.sh",
        "--list",
        "a b*",
        tmp_path=tmp_path,
        KAFKA_HEAP_OPTS="-Xmx99M -Xms9M",
        KAFKA_JVM_PERFORMANCE_OPTS="-XX:+UseZGC",
        KAFKA_OPTS="-Dx=* -Dy=2",
        KAFKA_LOG4J_OPTS="-Dlog4j.configuration=file:/x",
        CLASSPATH="/first.jar",
        LOG_DIR=str(tmp_path / "log"),
        JMX_PORT="9999",
    )
    assert words[:3] == ["-Xmx99M", "-Xms9M", "-XX:+UseZGC"]
    assert "-Dcom.sun.management.jmxremote.port=9999" in words
    assert f"-Dkafka.logs.dir={tmp_path / 'log'}" in words
    assert "-Dlog4j.configuration=file:/x" in words
    class_path = words[words.index("-cp") + 1]
    home = (kafka / "libs").resolve()
    assert class_path.split(":")[0] == "/first.jar"
    assert class_path.split(":")[1:] == sorted(str(jar) for jar in home.iterdir())
    assert words[-5:] == [
        "-Dx=*",
        "-Dy=2",
        "org.apache.kafka.tools.TopicCommand",
        "--list",
        "a b*",
    ]


def test_the_class_path_does_not_depend_on_the_locale(kafka: Path, tmp_path: Path) -> None:
    def class_path(locale: str) -> str:
        words = java_arguments(kafka, "kafka-topics.sh", tmp_path=tmp_path, LC_ALL=locale)
        return words[words.index("-cp") + 1].replace(str(kafka.resolve()), f"/usr/local/{NAME}")

    args = (kafka / "classpath.args").read_text()
    assert {f'-cp "{class_path(locale)}"\n' for locale in ("C", "C.UTF-8", "en_US.UTF-8")} == {args}


def test_a_server_has_its_own_heap_logs_and_name(kafka: Path, tmp_path: Path) -> None:
    words = java_arguments(
        kafka,
        "kafka-server-start.sh",
        "my.properties",
        "--override",
        "broker.id=3",
        tmp_path=tmp_path,
        LOG_DIR=str(tmp_path / "log"),
    )
    assert words[:2] == ["-Xms1G", "-Xmx1G"]
    assert "-XX:+UseG1GC" in words
    assert f"-Dlog4j.configuration=file:{kafka.resolve()}/config/log4j.properties" in words
    assert [
        word for word in words if word.startswith(f"-Xlog:gc*:file={tmp_path}/log/kafkaServer-gc")
    ]
    assert words[-4:] == ["kafka.Kafka", "my.properties", "--override", "broker.id=3"]


def test_without_java_the_wrapper_says_what_to_install(kafka: Path, tmp_path: Path) -> None:
    said = call(kafka / "bin/kafka-topics.sh", env={"JAVA_HOME": str(tmp_path)})
    assert said == f"kafka-run-class.sh: no {tmp_path}/bin/java; install a JRE or set JAVA_HOME\n"


def own_namespace() -> list[str]:
    """A prefix that runs a command where it sees no process but its own; skips where none may."""
    prefix = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("a process namespace of one's own needs root and unshare")
    return prefix


def stop_script(tmp_path: Path, marker: str) -> Path:
    """The stop script for a made-up class, so that no real broker of this machine is meant."""
    text = (DIST / "templates/stop.sh").read_text()
    script = tmp_path / "stop.sh"
    script.write_text(
        text.replace("@@what", "sleeper").replace("@@pattern", marker.replace(".", "[.]"))
    )
    return script


def test_stop_ends_only_java_processes_of_this_host(tmp_path: Path) -> None:
    marker = f"kafkalab.test.Sleeper{os.getpid()}"
    script = stop_script(tmp_path, marker)
    java = tmp_path / "java"
    java.symlink_to(os.path.realpath(sys.executable))
    argv = [str(java), "-c", "import time; time.sleep(60)", marker]
    other = [os.path.realpath(sys.executable), *argv[1:]]
    inside = subprocess.Popen([*own_namespace(), *argv])
    mine, not_java = subprocess.Popen(argv), subprocess.Popen(other)
    try:
        deadline = time.monotonic() + 10
        # Four: the one in its own namespace shows together with the unshare that started it.
        while int(subprocess.getoutput(f"pgrep -fc '^[^ ]*(java|python|unshare).*{marker}'")) < 4:
            assert time.monotonic() < deadline, "the sleepers did not start within 10 s"
            time.sleep(0.02)
        assert call("sh", script) == ""
        assert mine.wait(10) == -15
        assert call("sh", script) == "no sleeper that you may stop is running on this host\n"
        assert (inside.poll(), not_java.poll()) == (None, None)
    finally:
        for process in (inside, mine, not_java):
            process.kill()
            process.wait()


RUN = """
set -eu
zookeeper-server-start.sh -daemon $DIR/zookeeper.properties
kafka-server-start.sh -daemon $DIR/server.properties --override num.partitions=3
kafka-topics.sh --bootstrap-server $BROKER --create --topic t --replica-assignment 0,0
echo hello | kafka-console-producer.sh --bootstrap-server $BROKER --topic t
kafka-console-consumer.sh --bootstrap-server $BROKER --topic t --from-beginning --max-messages 1
kafka-get-offsets.sh --bootstrap-server $BROKER --topic t
zookeeper-shell.sh $ZOOKEEPER get /brokers/ids/0
kafka-server-stop.sh
while kafka-server-stop.sh 2>/dev/null; do sleep 0.2; done
zookeeper-server-stop.sh
echo stopped
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_broker_runs_and_stops_with_nothing_but_the_wrappers(kafka: Path, tmp_path: Path) -> None:
    zookeeper, broker = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    shipped = (kafka / "config/zookeeper.properties").read_text()
    (tmp_path / "zookeeper.properties").write_text(
        f"{shipped}\ndataDir={tmp_path}/zk\nclientPort={zookeeper.split(':')[1]}\n"
        "clientPortAddress=127.0.0.1\n"
    )
    shipped = (kafka / "config/server.properties").read_text()
    (tmp_path / "server.properties").write_text(
        f"{shipped}\nlisteners=PLAINTEXT://{broker}\nzookeeper.connect={zookeeper}\n"
        f"log.dirs={tmp_path}/data\ngroup.initial.rebalance.delay.ms=0\n"
    )
    said = call(
        *own_namespace(),
        "sh",
        "-c",
        RUN,
        env={
            "PATH": f"{kafka}/bin:{os.environ['PATH']}",
            "DIR": str(tmp_path),
            "BROKER": broker,
            "ZOOKEEPER": zookeeper,
            "LOG_DIR": str(tmp_path / "log"),
            "KAFKA_HEAP_OPTS": "-Xmx256M",
        },
    )
    assert "hello\n" in said and "t:0:" in said and '"port":' in said
    assert said.endswith("stopped\n"), said
    logs = {path.name for path in (tmp_path / "log").iterdir()}
    assert {"server.log", "kafkaServer.out", "zookeeper.out", "kafkaServer-gc.log"} <= logs
