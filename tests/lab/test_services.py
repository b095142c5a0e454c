"""What each service wants of a host, and every template."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings, strategies as st
from jinja2 import UndefinedError

from lab import state
from lab.file import load, parse
from lab.model import Lab
from lab.monitoring import alerts
from lab.options.hosts import Hosts, Tool
from lab.packages import names
from lab.services import connect, hbase, kafka
from lab.services.base import TOOLS, wanted_package
from lab.services.context import Context
from lab.services.daemon import _escaped
from lab.services.java import JVM_MB, Java
from lab.services.kafka import settings as broker_settings
from lab.services.local import local_context
from lab.services.registry import (
    SERVICES,
    desired_state,
    memory_mb,
    metrics,
    resources,
    running_on,
    software,
)
from lab.services.service import Extension, Port, Service
from lab.state import HostState, Key
from lab.templates import FOLDER, properties, render
from lab.topology import Host, build
from tests import toy
from tests.labs import DIGESTS, KAFKA
from tests.strategies import labs

PROJECT = Path(__file__).parents[2]


def default(**changes: Any) -> Context:
    lab = load(PROJECT / "lab.toml").lab
    return local_context(build(lab.model_copy(update=changes)), DIGESTS)


def host(context: Context, name: str) -> Host:
    return next(h for h in context.topology.hosts if h.name.endswith(name))


def content(found: HostState, path: str) -> str:
    file = found[Key("file", path)]
    assert isinstance(file, state.File)
    return file.content


def read_properties(text: str) -> dict[str, str]:
    """As java.util.Properties reads what a line each holds, with `=` between key and value."""
    def read(part: str) -> str:
        units = re.sub(r"\\u([0-9a-f]{4})|\\(.)", lambda m: m[2] or chr(int(m[1], 16)), part)
        return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")

    found = {}
    for line in text.split("\n")[:-1]:
        if line.startswith("#"):
            continue
        assert line.isascii() and line[0] not in " #!"
        match = re.fullmatch(r"((?:[^\\ =:]|\\.)*)= *(.*)", line, re.DOTALL)
        assert match, line
        found[read(match[1])] = read(match[2])
    return found


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
def test_a_program_reads_the_settings_that_were_written(found: dict[str, str]) -> None:
    """Also with backslashes, blanks and letters of other scripts."""
    assert read_properties(properties(found)) == found


@given(labs())
@settings(max_examples=25)
def test_every_host_of_every_lab_has_a_desired_state(lab: Lab) -> None:
    topology = build(lab)
    context = local_context(topology, DIGESTS)
    for one in topology.hosts:
        found = desired_state(one, context)
        for service in running_on(one, topology):
            assert Key("unit", str(service.unit)) in found
        units = {key.name for key in found if key.kind == "unit"}
        assert units == {str(service.unit) for service in running_on(one, topology)}


@given(labs())
@settings(max_examples=25)
def test_what_a_person_chooses_is_on_every_host_and_in_every_cluster_that_it_is_for(
    lab: Lab,
) -> None:
    topology = build(lab)
    context = local_context(topology, DIGESTS)
    heaps = {"kafka": lab.kafka, "zookeeper": lab.zookeeper, "controller": lab.controller,
             "connect": lab.connect, "registry": lab.registry,
             "elasticsearch": lab.elasticsearch, "opensearch": lab.opensearch,
             hbase.REGION_SERVER: lab.hbase,
             hbase.MASTER: lab.hbase.model_copy(update={"heap_mb": lab.hbase.master_heap_mb}),
             hbase.ZOOKEEPER: lab.hbase.model_copy(update={"heap_mb": hbase.ZOOKEEPER_HEAP_MB})}
    for one in {(host.datacenter, host.role): host for host in topology.hosts}.values():
        found = desired_state(one, context)
        for tool in lab.hosts.tools:
            assert wanted_package(context, tool).keys() <= found.keys()
        for service in running_on(one, topology):
            unit = found[Key("unit", str(service.unit))]
            assert isinstance(unit, state.Unit)
            command = content(found, f"/etc/systemd/system/{service.unit}")
            assert f"-Xmx{heaps[service.name].heap_mb}m" in command
            assert all(option in command for option in heaps[service.name].jvm_options)
        if one.role == "kafka":
            written = read_properties(content(found, "/etc/kafka/server.properties"))
            for name, value in lab.kafka.config.items():
                assert written[name] == (
                    str(value).lower() if isinstance(value, bool) else str(value)
                )
    for datacenter in topology.datacenters:
        wanted = resources(datacenter, context)
        for topic in lab.topics:
            meant = not topic.datacenters or datacenter.name in topic.datacenters
            assert (Key("topic", topic.name) in wanted) is meant


@given(labs())
@settings(max_examples=25)
def test_replication_defaults_fit_the_number_of_brokers(lab: Lab) -> None:
    topology = build(lab)
    context = local_context(topology, DIGESTS)
    for datacenter in topology.datacenters:
        found = broker_settings(datacenter.by_role("kafka")[0], context)
        brokers = len(datacenter.by_role("kafka"))
        factor = int(str(found["default.replication.factor"]))
        assert factor == (lab.kafka.replication_factor or min(3, brokers))
        assert 1 <= int(str(found["min.insync.replicas"])) <= factor
        assert int(str(found["offsets.topic.replication.factor"])) <= brokers
        assert (int(str(found["transaction.state.log.min.isr"]))
                <= int(str(found["transaction.state.log.replication.factor"])) <= brokers)


@pytest.mark.parametrize(("version", "brokers", "kept"), [
    ("4.1.1", 3, None), ("4.3.1", 1, (1, 1)), ("4.3.1", 2, (2, 1)), ("4.3.1", 5, (3, 2)),
])
def test_share_groups_are_kept_on_as_many_brokers_as_there_are(
    version: str, brokers: int, kept: tuple[int, int] | None
) -> None:
    topology = build(parse({"owner": "ann", "datacenters": [{
        "name": "dc1", "cidr": "10.1.0.0/24", "version": version, "metadata": "kraft",
        "combined": 1, "kafka": brokers}]}).lab)
    found = broker_settings(topology.hosts[-1], local_context(topology, DIGESTS))
    name = "share.coordinator.state.topic"
    assert (found.get(f"{name}.replication.factor"), found.get(f"{name}.min.isr")) == (
        kept or (None, None))


def test_a_broker_has_an_internal_and_an_external_listener() -> None:
    context = default()
    found = read_properties(content(
        desired_state(host(context, "dc2-kafka03"), context), "/etc/kafka/server.properties"
    ))
    assert found["broker.id"] == "3"
    assert found["broker.rack"] == "dc2-a"
    assert found["log.dirs"] == "/data/kafka-logs"
    name = "student-dc2-kafka03.lab.internal"
    assert found["advertised.listeners"] == f"INTERNAL://{name}:9092,EXTERNAL://127.0.0.1:21533"
    assert found["zookeeper.connect"].count("dc2-zk") == 3


def test_settings_of_the_lab_file_win_over_the_labs_own_choice() -> None:
    kafka = load(PROJECT / "lab.toml").lab.kafka
    changed = kafka.model_copy(update={"config": {"num.io.threads": 9, "auto.leader": True}})
    context = default(kafka=changed)
    found = read_properties(content(
        desired_state(host(context, "kafka01"), context), "/etc/kafka/server.properties"
    ))
    assert found["num.io.threads"] == "9"
    assert found["auto.leader"] == "true"


def test_an_ensemble_knows_its_members_and_answers_one_word() -> None:
    context = default()
    one = desired_state(host(context, "dc1-zk02"), context)
    found = read_properties(content(one, "/etc/zookeeper/zoo.cfg"))
    assert content(one, "/data/zk/myid") == "2\n"
    assert found["server.3"] == "student-dc1-zk03.lab.internal:2888:3888"
    assert found["4lw.commands.whitelist"] == "srvr"
    assert found["autopurge.purgeInterval"] == "24"


@pytest.mark.parametrize("change", [
    {"num.io.threads": 9}, {"log.retention.hours": 1},
])
def test_a_changed_setting_changes_the_digest_and_no_other_hosts(change: dict[str, int]) -> None:
    kafka = load(PROJECT / "lab.toml").lab.kafka
    before, after = default(), default(kafka=kafka.model_copy(update={"config": change}))
    for name, same in (("kafka01", False), ("zk01", True), ("ctl01", True)):
        states = [desired_state(host(context, name), context) for context in (before, after)]
        assert (states[0] == states[1]) is same


def test_the_digest_covers_the_distribution() -> None:
    topology = build(load(PROJECT / "lab.toml").lab)
    one, other = default(), local_context(topology, {KAFKA.folder: "cd"})
    units = {desired_state(host(c, "zk01"), c)[Key("unit", "zookeeper.service")]
             for c in (one, other)}
    assert len(units) == 2


def test_one_service_alone_brings_what_it_stands_on() -> None:
    context = default()
    broker = desired_state(host(context, "kafka01"), context, only=("kafka",))
    assert broker == desired_state(host(context, "kafka01"), context)
    ground = desired_state(host(context, "kafka01"), context, only=("hosts",))
    assert {key.kind for key in ground} == {
        "block", "link", "file", "sysctl", "firewall", "package",
    }


def test_firewall_rules_are_the_topologys() -> None:
    lab = parse({
        "owner": "a", "network": {"lab_ports": "9000-9999"},
        "datacenters": [{"name": "d", "cidr": "10.1.0.0/24"}],
    }).lab
    context = local_context(build(lab), DIGESTS)
    text = content(desired_state(context.topology.hosts[0], context), "/etc/nftables.conf")
    assert "ip saddr 10.1.0.1/32 tcp dport 22-22 accept" in text
    assert "ip saddr 10.1.0.1/32 tcp dport 9000-9999 accept" in text
    # The gateway, whence people come, lies within the datacenter's network and is no host of it.
    assert "ip saddr 10.1.0.0/24 ip saddr != { 10.1.0.1/32 } accept" in text
    assert "policy drop" in text


TEMPLATES = {
    "alertmanager.yml.j2": {},
    "prometheus.yml.j2": {
        "lab": "l", "scrape_s": 15, "rules": "/r", "alertmanager": "a:1", "jobs": (),
    },
    "rules.yml.j2": {"alerts": (alerts.Alert("A", "up", 1, "w", "s"),), "scrape_s": 15},
    "store.yml.j2": {"cluster": "c", "node": "n", "address": "10.0.0.1", "port": 9200,
                     "peers": 9300, "data": "/data/store"},
    "store.log4j2.j2": {},
    "hbase-site.xml.j2": {"settings": {"a": "1"}},
    "hbase.log4j.j2": {},
    "hosts.j2": {"hosts": (), "strangers": ()},
    "java.service.j2": {
        "description": "d", "documentation": "u", "user": "kafka", "command": "/c",
        "directory": "/d", "open_files": 1, "prepare": (), "lang": "C.UTF-8",
    },
    "daemon.service.j2": {
        "description": "d", "documentation": "u", "user": "web", "command": "/c", "notes": "/n",
        "directory": "/d", "open_files": 1, "prepare": ("/p",), "digest": "x",
        "lang": "C.UTF-8",
    },
    "log4j.properties.j2": {
        "level": "INFO", "loggers": {"b": "WARN", "a": "INFO"}, "file": "/l", "max_mb": 1,
        "older": 1,
    },
    "log4j2.yaml.j2": {
        "level": "INFO", "loggers": {"b": "WARN", "a": "INFO"}, "file": "/l", "max_mb": 1,
        "older": 1,
    },
    "journald.conf.j2": {"max_use_mb": 1},
    "kdc.conf.j2": {"realm": "R", "data": "/d", "port": 1},
    "krb5.conf.j2": {"realm": "R", "realms": {"R": "k:1"}, "hosts": {"h": "R"}},
    "fill-realm.sh.j2": {"etc": "/e", "data": "/d"},
    "nftables.conf.j2": {"rules": (), "admin": (), "digest": "x"},
    "connect-brokers.sh.j2": {"servers": "b:1", "seconds": 1},
    "registry-topics.sh.j2": {
        "servers": "b:1", "client": "/c", "replicas": 1, "topics": ("t",), "settings": {"a": "1"},
    },
}


def test_every_template_is_known_here() -> None:
    assert set(TEMPLATES) == {path.name for path in FOLDER.glob("*.j2")}


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_renders_with_its_arguments_and_not_without(name: str) -> None:
    assert render(name, **TEMPLATES[name]) is not None
    for missing in TEMPLATES[name]:
        with pytest.raises(UndefinedError):
            render(name, **{k: v for k, v in TEMPLATES[name].items() if k != missing})


def test_properties_come_in_the_order_of_their_keys() -> None:
    assert properties({"b": True, "a": 1}) == "a=1\nb=true\n"


def test_a_platforms_own_name_of_a_zone_is_the_rack() -> None:
    context = default()
    one = host(context, "dc1-kafka01")
    named = replace(context, racks={one.name: "euc1-az2"})
    assert broker_settings(one, context)["broker.rack"] == "dc1-a"
    assert broker_settings(one, named)["broker.rack"] == "euc1-az2"


def heaps(found: HostState, *units: str) -> dict[str, str]:
    texts = {name: content(found, f"/etc/systemd/system/{name}.service") for name in units}
    return {name: re.findall(r"-Xmx(\d+)m", text)[0] for name, text in texts.items()}


def test_two_jvms_on_a_host_have_their_own_heaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """And memory counts both, each with what a JVM takes beside its heap."""
    context = default()
    control = host(context, "dc1-ctl01")
    before = memory_mb(control, context.topology)

    def process(one: Host, _: Context) -> Java:
        return replace(connect.process(one, context), name="second", heap_mb=64, known_as=())

    second = Service(name="second", summary="", roles=("control",), process=process,
                     memory_mb=lambda lab: 64 + JVM_MB)
    monkeypatch.setitem(SERVICES, "second", second)
    found = desired_state(control, context)
    assert heaps(found, "connect", "second") == {"connect": "192", "second": "64"}
    assert memory_mb(control, context.topology) == before + 64 + JVM_MB


def test_a_service_adds_to_the_jvm_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its option is on the command line, its file is there first, both are in the digest."""
    context = default()
    broker = host(context, "dc1-kafka01")
    path = "/etc/agent/rules.yml"

    def extends(service: str, one: Host, _: Context) -> Extension:
        if service != "kafka":
            return Extension()
        return Extension(options=(f"-javaagent:/a.jar=7071:{path}",),
                         files={path: state.File("a: 1\n")})

    agent = Service(name="agent", summary="", roles=("kafka",), extends=extends,
                    ports=(Port(7071, "jmx", metrics="/metrics"),))
    plain = desired_state(broker, context)
    monkeypatch.setitem(SERVICES, "agent", agent)
    found = desired_state(broker, context)
    unit = content(found, "/etc/systemd/system/kafka.service")
    assert f"-javaagent:/a.jar=7071:{path} -Xshare:auto" in unit
    assert content(found, path) == "a: 1\n"
    key = Key("unit", "kafka.service")
    want, before = found[key], plain[key]
    assert isinstance(want, state.Unit) and isinstance(before, state.Unit)
    assert want.digest != before.digest
    assert Key("file", path) in want.files
    assert [port.number for port in metrics(broker, context.topology).values()] == [7071]
    keeper = host(context, "dc1-zk01")
    assert metrics(keeper, context.topology) == {}


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)))
def test_systemd_takes_a_daemons_words_as_they_are(words: list[str]) -> None:
    """Read back as systemd.service(5) says that it reads a command line."""
    line = _escaped(("/bin/program", *words))
    assert read_command(line) == ["/bin/program", *words]


def read_command(line: str) -> list[str]:
    """Words, in double quotes or bare, with C escapes; %% and $$ are one character each."""
    found = []
    for quoted, bare in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line):
        word = re.sub(r"\\(.)", r"\1", quoted) if quoted or not bare else bare
        found.append(word.replace("%%", "%").replace("$$", "$"))
    return found


def test_a_daemon_notes_its_digest_and_its_files_count() -> None:
    context = default()
    control = host(context, "dc1-ctl01")
    one = toy.process(control, context)
    found = one.state(context, Extension())
    other = replace(one, files={"/etc/web/index.html": state.File("other")}).state(
        context, Extension()
    )
    key = Key("unit", "web.service")
    assert found[key] != other[key]
    unit = found[key]
    assert isinstance(unit, state.Unit)
    assert f"echo {unit.digest} >/run/kafkalab/%n" in content(
        found, "/etc/systemd/system/web.service"
    )
    assert Key("file", "/etc/web/index.html") in unit.files
    with pytest.raises(ValueError, match="no JVM"):
        one.state(context, Extension(options=("-x",)))


@pytest.mark.parametrize("unit", ["kafka", "web"])
def test_what_is_prepared_before_a_start_is_in_the_digest(unit: str) -> None:
    context = default()
    where = host(context, "dc1-kafka01" if unit == "kafka" else "dc1-ctl01")
    one = kafka.process(where, context) if unit == "kafka" else toy.process(where, context)
    prepared = replace(one, prepare=("/bin/format --ignore-formatted",))
    states = [each.state(context, Extension()) for each in (one, prepared)]
    text = content(states[1], f"/etc/systemd/system/{unit}.service")
    assert "\nExecStartPre=/bin/format --ignore-formatted\nExecStart=" in text
    key = Key("unit", f"{unit}.service")
    assert states[0][key] != states[1][key]


def test_no_secret_is_shown_by_a_file() -> None:
    file = state.File("password=sesame", 0o600, "kafka", secret=True)
    assert "sesame" not in repr(file)
    assert "sesame" not in repr(state.Change(Key("file", "/x"), None, file))


@pytest.mark.parametrize(("name", "unit", "paths", "log"), [
    ("dc1-kafka01", "kafka-server", {
        f"{KAFKA.home}/config/server.properties": "/etc/kafka/server.properties",
        f"{KAFKA.home}/config/log4j.properties": "/etc/kafka/log4j.properties",
    }, "server.log"),
    ("dc1-zk01", "zookeeper-server", {
        f"{KAFKA.home}/config/zookeeper.properties": "/etc/zookeeper/zoo.cfg",
        "/usr/local/zookeeper/conf/zoo.cfg": "/etc/zookeeper/zoo.cfg",
    }, "zookeeper.log"),
    ("dc1-ctl01", "kafka-connect", {
        f"{KAFKA.home}/config/connect-distributed.properties":
            "/etc/connect/connect-distributed.properties",
    }, "connect.log"),
])
def test_a_books_paths_and_names_are_those_that_count(
    name: str, unit: str, paths: dict[str, str], log: str
) -> None:
    """What is edited or read where books have it is what the process has."""
    context = default()
    found = desired_state(host(context, name), context)
    (process,) = {key for key in found if key.kind == "unit"}
    links = {key.name: want.target for key, want in found.items() if isinstance(want, state.Link)}
    assert links[f"/etc/systemd/system/{unit}.service"] == f"/etc/systemd/system/{process.name}"
    assert links[f"{KAFKA.home}/logs"] == "/var/log/kafka"
    want = found[process]
    assert isinstance(want, state.Unit)
    for path, real in paths.items():
        assert links[path] == real
        assert Key("file", real) in want.files, "a change there is seen"
    folder = f"/etc/{process.name.removesuffix('.service')}"
    settings = read_properties(content(found, f"{folder}/log4j.properties"))
    assert settings["log4j.rootLogger"] == "INFO, stdout, file"
    assert settings["log4j.appender.file.File"] == f"/var/log/kafka/{log}"
    assert settings["log4j.appender.file"] == "org.apache.log4j.RollingFileAppender"
    assert settings["log4j.appender.file.MaxFileSize"] == "10MB"
    assert settings["log4j.appender.file.MaxBackupIndex"] == "1"


def test_whoever_logs_in_reads_what_kafka_writes_and_nobody_else_does() -> None:
    context = default()
    for name in ("dc1-kafka01", "dc1-zk01", "dc1-ctl01"):
        found = desired_state(host(context, name), context)
        assert found[Key("member", "kafka")] == state.Member("student")
        assert found[Key("directory", "/var/log/kafka")] == state.Directory(0o750, "kafka")
    data = desired_state(host(context, "dc1-kafka01"), context)[Key("directory", kafka.DATA)]
    assert data == state.Directory(0o750, "kafka")


def test_every_host_has_the_tools_and_those_that_the_file_asks_for() -> None:
    hosts = Hosts(tools=("git", "tcpdump"))
    for context, more in ((default(), ()), (default(hosts=hosts), hosts.tools)):
        for one in context.topology.hosts:
            there = {key.name for key in desired_state(one, context) if key.kind == "package"}
            assert there - {"java"} == {*TOOLS, *more}
        assert {*TOOLS, *more} <= set(software(context.topology))


@pytest.mark.parametrize("tool", get_args(Tool))
def test_each_tool_that_may_be_asked_for_is_packaged(tool: str) -> None:
    assert names([tool], "debian")
    assert tool not in TOOLS


def test_a_unit_is_doubted_when_one_of_its_files_differs() -> None:
    unit, path = Key("unit", "a.service"), Key("file", "/etc/a")
    want: HostState = {unit: state.Unit("d", files=(path,)), path: state.File("x")}
    assert state.doubt(want, want) == want
    for have in (state.File("y"), state.File(b"z"), None):
        actual = {**want, path: have} if have else {unit: want[unit]}
        assert state.doubt(actual, want)[unit] == state.Unit("")
    moved = {**want, path: state.File("x", 0o600)}
    assert state.doubt(moved, want)[unit] == want[unit], "a mode changes nothing of what runs"


def test_links_in_a_folder_that_is_unpacked_anew_are_gone_with_it() -> None:
    archive, link = Key("archive", "/usr/local/a"), Key("link", "/usr/local/a/logs")
    other = Key("link", "/usr/local/a-b")
    want: HostState = {archive: state.Archive("1"), link: state.Link("/x"), other: state.Link("/y")}
    assert state.doubt(want, want) == want
    actual = {**want, archive: state.Archive("damaged")}
    changes = state.diff(state.doubt(actual, want), want)
    assert [change.key for change in changes] == [archive, link]
