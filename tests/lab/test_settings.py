"""Settings of Kafka in the lab file: known by name, type and bounds before anything is touched."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import assume, given, strategies as st

from lab.file import LabFileError, parse
from lab.model import Lab
from lab.options.section import Setting, Settings as Free
from lab.services.kafka import LISTENERS
from lab.services.local import local_context
from lab.services.registry import SERVICES, resources
from lab.settings.checks import Settings, of_brokers, of_topics
from lab.settings.definitions import BITS, KINDS, Definition, definitions
from lab.topology import build
from lab.versions import VERSIONS, has_zookeeper, with_metadata

KEPT = [(version, metadata) for metadata in ("zookeeper", "kraft")
        for version in with_metadata(metadata)]
ALL = [definition for kind in KINDS for version in VERSIONS
       for definition in definitions(kind, version).values()]
GOOD: dict[str, Any] = {"owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}]}


def brokers(config: dict[str, Setting] | None = None, *unchecked: str) -> Settings:
    return of_brokers("3.9.2", config or {}, unchecked, LISTENERS)


def told(text: str) -> list[str]:
    """The lines about a lab file that has `text` besides what it needs."""
    try:
        parse({**GOOD, **tomllib.loads(text)})
    except LabFileError as error:
        return [str(problem) for problem in error.problems]
    return []


def one(text: str) -> str:
    (line,) = told(text)
    return line


def test_every_setting_takes_its_own_default() -> None:
    """But for an empty one, which may stand for none."""
    wrong = [one for one in ALL if one.default and not one.fits(one.default)]
    assert ALL and wrong == []


@given(st.sampled_from([one for one in ALL if one.type in BITS]))
def test_bounds_are_kept_and_passed_ones_told(definition: Definition) -> None:
    smallest, largest = -(1 << (BITS[definition.type] - 1)), (1 << (BITS[definition.type] - 1)) - 1
    least = smallest if definition.least is None else int(definition.least)
    most = largest if definition.most is None else int(definition.most)
    assert definition.fits(str(least)) and definition.fits(f" {most} ")
    for beyond in (str(least - 1), str(most + 1), "9" * 5000, "", "abc", "5 h", "1.5", "true"):
        assert not definition.fits(beyond)
    if not definition.rule:
        told = definition.accepted(str(smallest - 1))
        assert str(least) in told and str(most) in told


@given(st.sampled_from([one for one in ALL if one.among]), st.data())
def test_words_are_those_that_kafka_knows(definition: Definition, data: st.DataObject) -> None:
    word = data.draw(st.sampled_from(definition.among))
    assert definition.fits(word)
    assert definition.fits(word.swapcase()) is (definition.any_case or not word.upper().isupper())
    assert not definition.fits(f"{word}x")
    assert definition.fits(f"{word}, {definition.among[0]}") is (definition.type == "list")
    assert word in definition.accepted("")


@given(st.sampled_from(VERSIONS), st.sampled_from(["brokers", "topics"]), st.data())
def test_a_name_with_one_letter_changed_is_refused_with_the_right_one(
    version: str, kind: str, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(definitions(kind, version))))
    at = data.draw(st.integers(0, len(name) - 1))
    wrong = name[:at] + data.draw(st.sampled_from(string.ascii_lowercase)) + name[at + 1:]
    settings = of_topics(version) if kind == "topics" else of_brokers(version, {}, (), LISTENERS)
    assume(settings.definition(wrong) is None and not wrong.startswith("x."))
    why = settings.problem(wrong, 1)
    assert why.startswith(f"no setting of Kafka {version}'s {kind}; nearest: ")
    assert name in why.split("nearest: ")[1].split(";")[0].split(", ")


@pytest.mark.parametrize(("name", "value", "words"), [
    ("log.retention.hour", 5, "no setting of Kafka 3.9.2's brokers; nearest: log.retention.hours;"),
    ("log.retention.hours", "abc", "a whole number (int); the default is 168"),
    ("log.retention.hours", 2**31, "a whole number (int) from -2147483648 to 2147483647;"),
    ("num.io.threads", 0, "a whole number (int), at least 1; the default is 8"),
    ("log.cleaner.io.buffer.load.factor", "much", "a number; the default is 0.9"),
    ("compression.type", "gzp", "one of uncompressed, zstd, lz4, snappy, gzip, producer"),
    ("log.cleanup.policy", "compact,delte", "some of compact, delete, with commas"),
    ("auto.create.topics.enable", "yes", "true or false"),
    ("auto.create.topics.enable", 1, "true or false"),
    ("principal.builder.class", "", "the full name of a class"),
    ("compression.gzip.level", "best", "a whole number (int): [1,...,9] or -1"),
    ("retention.ms", 5, "nearest: log.retention.ms"),
    ("acme.url", "x", "if a plug-in's, name it in kafka.unchecked"),
    ("listener.name.internel.ssl.keystore.location", "/a",
     "nearest: listener.name.internal.ssl.keystore.location"),
    ("listener.name.internal.plain.sasl.jaas.confg", "x",
     "nearest: listener.name.internal.plain.sasl.jaas.config"),
    ("listener.name.internal.log.retention.hours", 5, "no setting of"),
    ("listener.name.external.max.connections", "many", "a whole number (int), at least 0"),
    ("authorizer.zookeeper.ssl.client.enable", "on", "true or false"),
])
def test_a_wrong_setting_is_told_with_what_is_accepted(
    name: str, value: Setting, words: str
) -> None:
    assert words in brokers({name: value}).problem(name, value)


@pytest.mark.parametrize(("name", "value"), [
    ("log.cleaner.io.buffer.load.factor", 0.5), ("log.retention.ms", -1),
    ("unclean.leader.election.enable", True), ("log.cleanup.policy", "delete, compact"),
    ("listener.name.internal.ssl.keystore.location", "/a"), ("super.users", "User:a;User:b"),
    ("listener.name.external.scram-sha-256.sasl.jaas.config", "a b;"),
    ("listener.name.external.plain.connections.max.reauth.ms", 5),
    ("authorizer.zookeeper.url", "zk:2181"), ("authorizer.zookeeper.ssl.client.enable", "TRUE"),
    ("allow.everyone.if.no.acl.found", True), ("rsm.config.bucket", "b"), ("x.mine", "y"),
    ("config.providers.env.class", "org.apache.kafka.common.config.provider.EnvVarConfigProvider"),
])
def test_what_kafka_knows_in_other_ways_passes(name: str, value: Setting) -> None:
    assert brokers({name: value}).problem(name, value) == ""


def test_a_value_may_stand_where_a_provider_finds_it() -> None:
    value = "${env:THREADS}"
    assert brokers({"num.io.threads": value}).problem("num.io.threads", value)
    config: dict[str, Setting] = {"num.io.threads": value, "config.providers": "env"}
    assert brokers(config).problem("num.io.threads", value) == ""


def test_plug_ins_are_let_through_on_request() -> None:
    assert brokers({}, "acme.*").problem("acme.url", "x") == ""
    assert brokers({}, "acme.url").problem("acme.url", "x") == ""
    assert brokers({}, "acme.url").problem("acme.urls", "x")
    text = '[kafka]\nunchecked = ["acme.*", "bcme.*"]\n[kafka.config]\n"acme.url" = 1\n'
    (warning,) = parse({**GOOD, **tomllib.loads(text)}).warnings
    assert str(warning) == "kafka.unchecked[2] = 'bcme.*': no key of kafka.config is called so"
    assert told('[kafka]\nunchecked = ["a b"]\n') == [
        "kafka.unchecked[1] = 'a b': accepted: a setting's name, or how names begin and a *, such "
        "as acme.*"
    ]


def test_the_whole_file_is_told_at_once() -> None:
    lines = told(
        '[kafka.config]\n"log.retention.hour" = 5\n"num.io.threads" = 0\nlog.segment.ms = 7\n'
        '[[topics]]\nname = "a"\nconfig = { retention.ms = 5, "cleanup.policy" = "keep" }\n'
    )
    assert [line.split(":")[0] for line in lines] == [
        "kafka.config.log.segment.ms = 7", "topics[1].config.retention.ms = 5",
        "kafka.config.log.retention.hour = 5", "kafka.config.num.io.threads = 0",
        "topics[1].config.cleanup.policy = 'keep'",
    ]


def test_another_version_has_settings_of_its_own() -> None:
    name = "alter.config.policy.kraft.compatibility.enable"
    for version in VERSIONS:
        keeps = "zookeeper" if has_zookeeper(version) else "kraft"
        lines = told(f'[kafka]\nversion = "{version}"\nmetadata = "{keeps}"\n'
                     f'[kafka.config]\n"{name}" = true\n')
        assert [f"no setting of Kafka {version}'s" in line for line in lines] == (
            [] if version == "3.9.2" else [True]
        ), version


def test_a_setting_has_to_suit_the_versions_of_all_datacenters() -> None:
    """It goes to the brokers of each of them."""
    more = '[[datacenters]]\nname = "dc2"\ncidr = "10.2.0.0/24"\nversion = "3.8.1"\n'
    name = "alter.config.policy.kraft.compatibility.enable"
    text = f'[kafka.config]\n"{name}" = true\n'
    one = '[[datacenters]]\nname = "dc1"\ncidr = "10.1.0.0/24"\n'
    assert told(f"{text}{one}") == []
    assert [line for line in told(f"{text}{one}{more}") if "no setting of Kafka 3.8.1's" in line]


# The tables of the lab file whose keys are not the lab's own.
FREE = {"kafka.config": "[kafka.config]\n", "topics[1].config": (
    '[[topics]]\nname = "a"\n[topics.config]\n'
), "aws.tags": "[aws.tags]\n", "aws.image_ids": "[aws.image_ids]\n", "connectors[1].config": (
    '[[connectors]]\nname = "a"\nat = "dc1"\nclass = "A"\n[connectors.config]\n'
), "sinks[1].config": (
    '[[sinks]]\nkind = "opensearch"\nat = "dc1"\ntopics = ["a"]\n[sinks.config]\n'
)}


def free(model: Any, name: str = "") -> Iterator[str]:
    """The fields of a section, and of those in it, that hold settings by free names."""
    for key, field in model.model_fields.items():
        parts = (field.annotation, *get_args(field.annotation))
        many = "[1]" if tuple in (field.annotation, getattr(field.annotation, "__origin__", 0)) \
            else ""
        for part in parts:
            if hasattr(part, "model_fields"):
                yield from free(part, f"{name}{key}{many}.")
        if "dict" in str(field.annotation):
            assert str(field.annotation) == str(get_args(Free)[0]), f"{name}{key} is no Settings"
            assert get_args(Free)[1] in field.metadata
            yield f"{name}{key}"


def test_no_table_of_free_names_is_forgotten() -> None:
    assert set(free(Lab)) == FREE.keys()


@pytest.mark.parametrize("table", FREE)
@pytest.mark.parametrize("value", ["5", '"x"', "true", "[1]", "2024-01-01"])
def test_an_unquoted_key_is_told_in_one_line(table: str, value: str) -> None:
    line = one(f"{FREE[table]}log.retention.hours = {value}\n")
    assert line.startswith(f"{table}.log.retention.hours = ")
    assert ': quote the key: "log.retention.hours" = ' in line


@pytest.mark.parametrize("table", FREE)
def test_an_empty_table_of_an_unquoted_key_sets_nothing(table: str) -> None:
    assert told(f"{FREE[table]}a = {{}}\n") == []


@pytest.mark.parametrize(("value", "words"), [
    ("[1, 2]", "one text, with commas"), ("nan", "a text, a number"), ("2024-01-01", "a text, a"),
])
def test_a_value_of_another_kind_is_told_in_one_line(value: str, words: str) -> None:
    for table, text in FREE.items():
        line = one(f'{text}"a.b" = {value}\n')
        assert line.startswith(f"{table}.a.b = ") and f"accepted: {words}" in line


tables = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3), st.booleans()),
    lambda inner: st.dictionaries(st.text("ab.", min_size=1, max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.text("ab", min_size=1, max_size=2), tables, max_size=3))
def test_each_unquoted_key_has_its_line(config: dict[str, Any]) -> None:
    def leaves(value: Any) -> int:
        return sum(map(leaves, value.values())) if isinstance(value, dict) else 1

    try:
        parse({**GOOD, "kafka": {"config": config}})
        found = []
    except LabFileError as error:
        found = [str(problem) for problem in error.problems]
    assert sum("quote the key: " in line for line in found) == sum(
        leaves(value) for value in config.values() if isinstance(value, dict)
    )


def test_no_table_is_read_for_a_file_that_sets_nothing() -> None:
    definitions.cache_clear()
    parse(GOOD)
    assert definitions.cache_info().currsize == 0


# -- what the lab itself writes


def lab_of_two(version: str, metadata: str) -> tuple[Any, Any]:
    text = '[[links]]\nbetween = ["dc1", "dc2"]\n[[mirrors]]\nfrom = "dc1"\nto = "dc2"\n'
    topology = build(parse({
        "owner": "ann", "kafka": {"version": version, "metadata": metadata}, **tomllib.loads(text),
        "datacenters": [{"name": f"dc{i}", "cidr": f"10.{i}.0.0/24"} for i in (1, 2)],
    }).lab)
    return topology, local_context(topology, {})


# What workers hand on to the clients that read their own topics (KafkaBasedLog).
HANDED_ON = {"allow.auto.create.topics": "consumers"}


@pytest.mark.parametrize(("version", "metadata"), KEPT)
@pytest.mark.parametrize(("service", "kind"), [
    ("kafka", "brokers"), ("controller", "brokers"), ("connect", "workers"),
])
def test_the_labs_own_settings_are_kafkas(
    service: str, kind: str, version: str, metadata: str
) -> None:
    topology, context = lab_of_two(version, metadata)
    if (service, metadata) == ("controller", "zookeeper"):
        service = "kafka"
    known, process = definitions(kind, version), SERVICES[service].process
    hosts = [host for host in topology.hosts
             if SERVICES[service].on(host, topology.datacenter(host.datacenter), topology.config)]
    assert hosts and process
    for host in hosts:
        for name, value in process(host, context).settings.items():  # type: ignore[attr-defined]
            of = HANDED_ON.get(name, kind)
            table = known if of == kind else definitions(of, version)
            assert Settings(table, of).problem(name, value) == "", name


# What a connector's settings are handed on to, by the prefix that they have there.
CLIENTS = {
    "source.consumer.": ("consumers",), "target.consumer.": ("consumers",),
    "producer.override.": ("producers",),
    "source.cluster.": ("admins",), "target.cluster.": ("admins",),
}


@pytest.mark.parametrize(("version", "metadata"), KEPT)
def test_the_labs_own_connectors_are_kafkas(version: str, metadata: str) -> None:
    topology, context = lab_of_two(version, metadata)
    found = resources(topology.datacenters[1], context)
    assert len(found) == 3
    for key, connector in found.items():
        kind = key.name.rpartition(".")[2] + "s"
        for name, value in connector.config.items():  # type: ignore[union-attr]
            known = definitions(kind, version)
            inner = name
            for prefix, (client,) in CLIENTS.items():
                if name.startswith(prefix) and name not in known:
                    known, inner = definitions(client, version), name.removeprefix(prefix)
            assert Settings(known, kind).problem(inner, value) == "", f"{key.name}: {name}"
