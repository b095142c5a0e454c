"""What an exercise needs, and which datacenters have it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.file import parse as lab_of
from lab.learning.exercise import ExerciseError, parse
from lab.learning.needs import fits, lab_file, needs
from lab.model import Datacenter
from lab.versions import VERSIONS, at_least


def exercise(**change: Any) -> Any:
    return parse({"minutes": 5, "title": {"en": "T"}, "claims": [
        {"id": "a", "say": {"en": "A"}, "probe": "topic"}], **change}, id="ch-x")


def datacenter(**change: Any) -> Datacenter:
    return lab_of({"owner": "ann", "datacenters": [
        {"name": "dc1", "cidr": "10.1.0.0/24", **change}]}).lab.datacenters[0]


BOOK = datacenter(kafka=3)
TODAY = datacenter(version="4.3.1", metadata="kraft", combined=1, kafka=1)


@pytest.mark.parametrize(("change", "said", "book", "today", "file"), [
    ({}, "", True, True, "lab.toml"),
    ({"brokers": 3}, "3 brokers", True, False, "lab.toml"),
    ({"metadata": "kraft"}, "KRaft", False, True, "labs/kraft.toml"),
    ({"metadata": "zookeeper"}, "ZooKeeper", True, False, "lab.toml"),
    ({"since": "3.10"}, "Kafka 3.10", False, True, "lab.toml"),
    ({"since": "4.2"}, "Kafka 4.2", False, True, "labs/kraft.toml"),
    ({"begins": "3.9.1"}, 'Kafka 3.9.1 with finalize = "by hand"', False, False,
     "labs/upgrade.toml"),
    ({"since": "4.4", "metadata": "kraft", "brokers": 2}, "KRaft, Kafka 4.4, 2 brokers", False,
     False, "labs/kraft.toml"),
])
def test_a_datacenter_has_it_or_not(
    change: dict[str, Any], said: str, book: bool, today: bool, file: str
) -> None:
    one = exercise(**change)
    assert (needs(one), lab_file(one)) == (said, file)
    assert (fits(one, BOOK, mirrored=False), fits(one, TODAY, mirrored=False)) == (book, today)


def test_a_mirror_is_needed_where_it_begins() -> None:
    one = exercise(mirror=True)
    assert needs(one) == "a mirror"
    assert fits(one, BOOK, mirrored=True) and not fits(one, BOOK, mirrored=False)


def test_connectors_run_where_there_are_workers() -> None:
    one = exercise(connect=True)
    assert (needs(one), lab_file(one)) == ("Kafka Connect", "labs/connect.toml")
    assert fits(one, BOOK, mirrored=False, connected=True)
    assert not fits(one, BOOK, mirrored=True)


@pytest.mark.parametrize("path", ["/etc/passwd", "/var/tmp/../x", "/var/tmp/a b", "x"])
def test_only_files_of_its_own_are_an_exercises_to_remove(path: str) -> None:
    assert exercise(files=["/var/tmp/{topic}-in.txt", "{inbox}"]).files
    with pytest.raises(ExerciseError, match="files"):
        exercise(files=[path])


def test_a_registry_is_needed_where_schemas_are_registered() -> None:
    one = exercise(registry=True)
    assert (needs(one), lab_file(one)) == ("a schema registry", "labs/registry.toml")
    assert fits(one, BOOK, mirrored=False, registered=True)
    assert not fits(one, BOOK, mirrored=True)


def test_a_fault_is_found_where_there_is_monitoring() -> None:
    one = exercise(monitoring=True, brokers=3)
    assert (needs(one), lab_file(one)) == ("3 brokers, monitoring", "labs/enterprise.toml")
    assert fits(one, BOOK, mirrored=False, monitored=True)
    assert not fits(one, BOOK, mirrored=True)


def test_a_pipeline_needs_all_of_its_parts() -> None:
    one = exercise(mirror=True, pipeline=True)
    assert needs(one) == "a mirror to a schema registry and a sink of Avro"
    assert lab_file(one) == "labs/enterprise.toml"
    assert fits(one, BOOK, mirrored=True, carried=True)
    assert not fits(one, BOOK, mirrored=True, registered=True, connected=True)


@pytest.mark.parametrize(("change", "fitting"), [
    ({}, True), ({"version": "3.8.1"}, True), ({"version": "3.7.2"}, False), ({"kafka": 1}, False),
])
def test_an_upgrade_is_done_where_a_person_finalises_it_also_once_it_has_begun(
    change: dict[str, Any], fitting: bool
) -> None:
    one = exercise(begins="3.8.1", brokers=2)
    place = datacenter(**{"kafka": 3, **change})
    assert fits(one, place, mirrored=False, by_hand=True) is fitting
    assert not fits(one, place, mirrored=False)


@pytest.mark.parametrize("change", [
    {"begins": "3.8"}, {"since": "4"}, {"since": "new"}, {"metadata": "raft"},
])
def test_what_no_lab_can_have_is_told_by_field(change: dict[str, str]) -> None:
    with pytest.raises(ExerciseError, match=next(iter(change))):
        exercise(**change)


def test_versions_are_compared_by_their_numbers() -> None:
    assert at_least("3.10.0", "3.9") and not at_least("3.9.2", "3.10")
    assert [one for one in VERSIONS if at_least(one, "4.2")] == ["4.3.1"]
