"""Which of two schema registries leads, and what follows from it for hosts and mirrors."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from lab.file import LabFileError, parse
from lab.mirrors.topics import matches
from lab.model import Lab
from lab.resources import CONNECTOR, Connector
from lab.services.leading import Part, journal, notes, part, promoted
from lab.services.local import local_context
from lab.services.registry import carriers, desired_state, resources
from lab.state import File, Key
from lab.topology import build

FILE = tomllib.loads((Path(__file__).parents[2] / "lab.toml").read_text())
CONFIG = "/etc/registry/application.properties"
READ_ONLY = "apicurio.storage.read-only.enabled=true\n"


def lab(
    policy: str = "default", topics: tuple[str, ...] = (".*", "_schemas"), **section: Any
) -> Lab:
    mirrors = [{"from": "dc1", "to": "dc2", "topics": [*topics], "policy": policy}]
    if policy == "default":  # an identity mirror bears no way back
        mirrors.append({"from": "dc2", "to": "dc1"})
    return parse({**FILE, "mirrors": mirrors, "registry": {
        "at": "dc1", "follower": "dc2", **section}}).lab


def config(made: Lab, name: str) -> str:
    topology = build(made)
    (host,) = carriers("registry", topology.datacenter(name), made)
    file = desired_state(host, local_context(topology, {}))[Key("file", CONFIG)]
    assert isinstance(file, File)
    return file.text


def excluded(made: Lab) -> str:
    topology = build(made)
    found = resources(topology.datacenter("dc2"), local_context(topology, {}))
    source = found[Key(CONNECTOR, "dc1-to-dc2.source")]
    assert isinstance(source, Connector)
    return source.config["topics.exclude"]


@pytest.mark.parametrize(("policy", "copy"), [
    ("default", "dc1._schemas"), ("identity", "_schemas"),
])
def test_a_follower_reads_the_copy_and_takes_nothing(policy: str, copy: str) -> None:
    made = lab(policy)
    assert [journal(made, name) for name in ("dc1", "dc2")] == ["_schemas", copy]
    assert [part(made, name) for name in ("dc1", "dc2")] == [Part.LEADS, Part.FOLLOWS]
    first, second = (config(made, name) for name in ("dc1", "dc2"))
    assert "apicurio.kafkasql.topic=_schemas\n" in first and READ_ONLY not in first
    assert f"apicurio.kafkasql.topic={copy}\n" in second and READ_ONLY in second
    assert "_schemas" not in excluded(made)
    assert list(notes(made)) == []


@pytest.mark.parametrize("policy", ["default", "identity"])
def test_once_it_is_promoted_the_other_stands_aside_and_nothing_is_copied(policy: str) -> None:
    before, made = lab(policy), promoted(lab(policy), "dc2")
    assert [part(made, name) for name in ("dc1", "dc2")] == [Part.ASIDE, Part.LEADS]
    assert READ_ONLY in config(made, "dc1")
    assert config(made, "dc2") == config(before, "dc2"), "the one that leads is not restarted"
    assert "_schemas" in excluded(made).split(",")
    way, back = made.mirrors[0], made.mirrors[1:]
    assert not matches(way, "_schemas") and matches(way, "orders")
    assert back == before.mirrors[1:]
    (note,) = notes(made)
    assert "that of dc1 takes no schemas" in note and "`fab registry.promote dc1`" in note


@pytest.mark.parametrize("leader", ["", "dc1", "dc3"])
def test_who_is_no_follower_is_not_promoted(leader: str) -> None:
    made = lab()
    assert promoted(made, leader) is made
    alone = parse({**FILE, "registry": {"at": "dc1"}}).lab
    assert promoted(alone, leader or "dc2") is alone


def test_a_registry_without_a_follower_is_as_it_was() -> None:
    alone = parse({**FILE, "registry": {"at": "dc1"}}).lab
    assert READ_ONLY not in config(alone, "dc1")
    assert carriers("registry", build(alone).datacenter("dc2"), alone) == ()
    assert "_schemas" in excluded(alone).split(",")


@pytest.mark.parametrize(("section", "told"), [
    ({"follower": "dc3"}, "registry.follower = 'dc3': no such datacenter"),
    ({"follower": "dc1"}, "follows none; accepted: with `at` in another"),
    ({"topics": (".*",)}, "gets no copy of _schemas, by which it would follow; accepted: with"),
    ({"at": "dc2", "follower": "dc1"}, 'accepted: with [[mirrors]] from = "dc2", to = "dc1"'),
])
def test_what_keeps_it_from_following_is_told(section: dict[str, Any], told: str) -> None:
    with pytest.raises(LabFileError) as caught:
        lab(**section)
    assert told in str(caught.value)


def test_a_follower_needs_somebody_to_follow() -> None:
    with pytest.raises(LabFileError, match="follows none"):
        parse({**FILE, "registry": {"follower": "dc2"}})
