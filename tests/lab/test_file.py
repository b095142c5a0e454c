"""The lab file: what is accepted, and that every error is told at once with a way out."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given, strategies as st

from lab.file import LabFileError, load, located, parse
from lab.model import _is_zone
from lab.topology import PORTS_PER_DATACENTER
from tests.strategies import lab_data

PROJECT = Path(__file__).parents[2]
FILES = [PROJECT / "lab.toml", *sorted((PROJECT / "labs").glob("*.toml"))]
GOOD: dict[str, Any] = {
    "owner": "ann",
    "datacenters": [
        {"name": "dc1", "cidr": "10.1.0.0/24"}, {"name": "dc2", "cidr": "10.2.0.0/24"},
    ],
}


def problems(data: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(LabFileError) as caught:
        parse(data)
    return {problem.field: str(problem) for problem in caught.value.problems}


def changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(GOOD), **changes}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_shipped_lab_file_is_accepted_without_a_warning(path: Path) -> None:
    assert load(path).warnings == ()


def test_shipped_labs_can_run_side_by_side() -> None:
    labs = [load(path).lab for path in FILES]
    assert len({lab.name for lab in labs}) == len(labs)
    ports = [port for lab in labs for port in range(
        lab.local.port_base, lab.local.port_base + PORTS_PER_DATACENTER * len(lab.datacenters)
    )]
    assert len(set(ports)) == len(ports)
    networks = [datacenter.cidr for lab in labs for datacenter in lab.datacenters]
    assert not any(a.overlaps(b) for i, a in enumerate(networks) for b in networks[i + 1:])


@given(lab_data())
def test_a_generated_lab_is_accepted(data: dict[str, Any]) -> None:
    parse(data)


@pytest.mark.parametrize(("field", "data", "words"), [
    ("owner", changed(owner="Ann Lee"), "RFC 1123"),
    ("domain", changed(domain="foo..bar"), "RFC 1123"),
    ("timezone", changed(timezone="Asia/Seol"), "Asia/Seoul"),
    ("kafka.version", changed(kafka={"version": "4.0.0"}), "'3.8.1' or '3.7.2'"),
    ("kafka.heap_mb", changed(kafka={"heap_mb": 1}), "32"),
    ("kafka.heap", changed(kafka={"heap": 256}), "did you mean heap_mb?"),
    ("onwer", changed(onwer="x"), "did you mean owner?"),
    ("local.port_base", changed(local={"port_base": 80}), "1024"),
    ("local.port_base", changed(local={"port_base": 60000},
                                datacenters=[{"name": f"d{i}", "cidr": f"10.{i}.0.0/24"}
                                             for i in range(9)]), "at most"),
    ("network.lab_ports", changed(network={"lab_ports": "9-3"}), "ascending"),
    ("names.pattern", changed(names={"pattern": "{owner}-{rol}{number}"}), "{role}"),
    ("names.pattern", changed(names={"pattern": "{owner}-{role}{number}"}), "more than one host"),
    ("names.pattern", changed(owner="a" * 60), "63 characters"),
    ("kafka.replication_factor", changed(kafka={"replication_factor": 4}), "at most 3"),
    ("kafka.min_insync_replicas", changed(kafka={"min_insync_replicas": 4}), "at most 3"),
    ("kafka.config.broker.id", changed(kafka={"config": {"broker.id": 7}}), "decided by the lab"),
    ("kafka.jvm_options[1]", changed(kafka={"jvm_options": ["-Xmx1g -Xms1g"]}), "pattern"),
    ("links[1].between", changed(links=[{"between": ["dc1", "dc3"]}]), "did you mean dc"),
    ("links[1].between", changed(links=[{"between": ["dc1", "dc1"]}]), "itself"),
    ("datacenters", changed(datacenters=[]), "at least 1"),
    ("mirrors[1].form", changed(mirrors=[{"form": "dc1", "to": "dc2"}]), "did you mean from?"),
])
def test_an_error_names_its_field_and_what_would_be_accepted(
    field: str, data: dict[str, Any], words: str
) -> None:
    assert words in problems(data)[field]


@pytest.mark.parametrize(("cidr", "words"), [
    ("8.8.8.0/24", "8.8.8.0/24': a public range; accepted: one inside 10.0.0.0/8"),
    ("10.1.0.1/24", "such as 10.1.0.0/24, without host bits"),
    ("10.1.0.0/29", "too small for its hosts; accepted: /26 or larger"),
    ("10.2.0.0/16", "overlaps 10.2.0.0/16"),
    ("172.32.0.0/16", "a public range"),
])
def test_networks(cidr: str, words: str) -> None:
    data = copy.deepcopy(GOOD)
    data["datacenters"][0]["cidr"] = cidr
    assert any(words in line for line in problems(data).values())


def test_a_number_is_asked_for_in_few_words() -> None:
    data = copy.deepcopy(GOOD)
    data["datacenters"][0]["kafka"] = "three"
    (line,) = problems(data).values()
    assert line.endswith("'three': accepted: a valid integer")


def test_every_error_is_told_at_once() -> None:
    data = {
        "onwer": "x", "kafka": {"version": "1", "replication_factor": 9},
        "datacenters": [
            {"name": "a", "cidr": "8.8.8.0/24"}, {"name": "a", "cidr": "10.0.0.0/30"},
            {"name": "b", "cidr": "10.0.0.0/16", "zookeeper": "three"},
        ],
    }
    assert set(problems(data)) == {
        "onwer", "owner", "kafka.version", "kafka.replication_factor", "datacenters[1].name",
        "datacenters[1].cidr", "datacenters[2].name", "datacenters[2].cidr", "datacenters[3].cidr",
        "datacenters[3].zookeeper",
    }


@given(lab_data(), st.data())
def test_a_damaged_file_never_gives_anything_but_a_lab_file_error(
    data: dict[str, Any], draw: st.DataObject
) -> None:
    junk = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers()),
                     st.dictionaries(st.text(max_size=3), st.integers()))
    target: Any = draw.draw(st.sampled_from([data, *data["datacenters"]]))
    target[draw.draw(st.sampled_from([*target, "links", "kafka", "names"]))] = draw.draw(junk)
    try:
        parse(data)
    except LabFileError as error:
        assert error.problems
        assert all(problem.field and problem.message for problem in error.problems)


def test_an_even_ensemble_is_a_warning_that_says_why() -> None:
    data = copy.deepcopy(GOOD)
    data["datacenters"][1]["zookeeper"] = 4
    (warning,) = parse(data).warnings
    assert warning.field == "datacenters[2].zookeeper"
    assert "no more failures than one of 3" in warning.message


def test_ports_that_outgoing_connections_use_are_a_warning() -> None:
    (warning,) = parse(changed(local={"port_base": 31000})).warnings
    assert warning.field == "local.port_base"
    assert parse(changed(local={"port_base": 30000})).warnings == ()


def test_models_are_frozen() -> None:
    lab = parse(GOOD).lab
    with pytest.raises(ValueError, match="frozen"):
        lab.owner = "eve"


@pytest.mark.parametrize("content", [b"owner = ", b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_a_lab_file_error(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "lab.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LabFileError, match=r"lab\.toml"):
        load(path)


def test_the_lab_file_is_looked_for_where_fab_looks_for_its_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "docs" / "more"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert located({}) == Path("lab.toml")  # which is not there, and load says so
    (tmp_path / "lab.toml").touch()
    assert located({}) == Path("../../lab.toml")
    (inner / "lab.toml").touch()
    assert located({"LAB": ""}) == Path("lab.toml")
    assert located({"LAB": "../mine.toml"}) == Path("../mine.toml")


def test_every_zone_of_the_database_is_one_and_nothing_else() -> None:
    zones = available_timezones()
    assert {"UTC", "Europe/Berlin"} <= zones
    assert [name for name in sorted(zones) if not _is_zone(name)] == []
    for name in ("", "Europe", "Europe/", "../UTC", "/etc/localtime", "posix/UTC", "right/UTC",
                 "posixrules", "zone.tab", "A\0B", "Nowhere"):
        assert name not in zones and not _is_zone(name), name
