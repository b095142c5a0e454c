"""The schema registry as a service, and what is told of schemas."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lab.endpoint import Endpoint
from lab.file import LabFileError, parse
from lab.schemas import place, reasons
from lab.services.context import Context
from lab.services.local import local_context
from lab.services.registry import artifacts, carriers, desired_state
from lab.state import File, Key
from lab.topology import build

FILE = tomllib.loads((Path(__file__).parents[2] / "lab.toml").read_text())


def context(**section: Any) -> Context:
    return local_context(build(parse({**FILE, "registry": section}).lab), {})


def content(found: Context, path: str) -> str:
    host = found.topology.datacenter("dc2").by_role("control")[0]
    file = desired_state(host, found)[Key("file", path)]
    assert isinstance(file, File)
    return file.text


def test_it_is_where_the_file_says_and_nowhere_unasked() -> None:
    for section, where in (({"at": "dc2"}, ["student-dc2-ctl01"]), ({}, [])):
        found = context(**section).topology
        assert [host.name for one in found.datacenters
                for host in carriers("registry", one, found.config)] == where
        assert ("apicurio" in [one.name for one in artifacts(found)]) is bool(where)


def test_its_topics_have_the_datacenters_replicas_and_no_end() -> None:
    script = content(context(at="dc2"), "/etc/registry/topics.sh")
    assert "for topic in _schemas kafkasql-snapshots registry-events; do" in script
    assert "--replication-factor 3" in script
    assert re.findall(r"--config (\S+?)[;\s\\]", script) == [
        "cleanup.policy=delete", "min.insync.replicas=2", "retention.bytes=-1", "retention.ms=-1"]
    fewer = {**FILE, "kafka": {"version": "3.9.2", "replication_factor": 2}}
    made = local_context(build(parse({**fewer, "registry": {"at": "dc2"}}).lab), {})
    assert "--replication-factor 2" in content(made, "/etc/registry/topics.sh")


def test_it_knows_the_brokers_of_its_own_datacenter() -> None:
    text = content(context(at="dc2"), "/etc/registry/application.properties")
    servers = ",".join(f"student-dc2-kafka0{n}.lab.internal:9092" for n in (1, 2, 3))
    assert f"apicurio.kafka.common.bootstrap.servers={servers}\n" in text
    assert f"quarkus.http.host={FILE['datacenters'][1]['cidr'].replace('0/24', '10')}\n" in text


def test_what_opens_a_closed_cluster_is_for_it_alone(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Endpoint("b:9092", {"security.protocol": "SASL_SSL", "sasl.jaas.config": "x y;"})
    monkeypatch.setattr(Context, "internal", lambda *_: closed)
    found = context(at="dc2")
    host = found.topology.datacenter("dc2").by_role("control")[0]
    state = desired_state(host, found, ("registry",))
    for name, prefix in (("application", "apicurio.kafka.common."), ("client", "")):
        file = state[Key("file", f"/etc/registry/{name}.properties")]
        assert isinstance(file, File)
        assert f"{prefix}sasl.jaas.config=x y;\n" in file.text
        assert (file.mode, file.owner, file.secret) == (0o640, "registry", True)
    assert not any("x y" in one.text for key, one in state.items()
                   if isinstance(one, File) and not one.secret)


@pytest.mark.parametrize(("section", "told"), [
    ({"at": "dc3"}, "registry.at = 'dc3': no such datacenter; did you mean dc"),
    ({"at": "dc1", "compatibility": "SOME"}, "registry.compatibility = 'SOME': unknown; accepted:"),
])
def test_what_is_wrong_is_told(section: dict[str, str], told: str) -> None:
    with pytest.raises(LabFileError) as caught:
        parse({**FILE, "registry": section})
    assert told in str(caught.value)


def test_it_needs_a_control_host() -> None:
    bare = [{**one, "control": 0, "connect": 1} for one in FILE["datacenters"]]
    with pytest.raises(LabFileError, match="accepted: with control = 1 there"):
        parse({**FILE, "datacenters": bare, "registry": {"at": "dc1"}})


def record(*fields: Any, name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def one(name: str, kind: Any = "long") -> dict[str, Any]:
    return {"name": name, "type": kind}


OLD = json.dumps(record(one("a"), one("b")))
NEW = json.dumps(record(one("a"), one("inner", record(one("c"), name="I"))))


@pytest.mark.parametrize(("context", "field"), [
    ("/fields/0/type", "a"), ("/fields/1", "inner"), ("/fields/1/type/fields/0", "inner.c"),
    ("/fields/7", ""), ("/name", ""), ("/", ""), ("", ""),
])
def test_a_pointer_leads_to_a_field(context: str, field: str) -> None:
    assert place(NEW, context) == field


def test_no_pointer_leads_anywhere_in_what_is_no_avro() -> None:
    assert place("message A {}", "/fields/0") == ""


@pytest.mark.parametrize(("level", "told"), [
    ("BACKWARD", "field inner.c has no default, and there are records without it"),
    ("BACKWARD_TRANSITIVE", "field inner.c has no default, and there are records without it"),
    ("FORWARD", "/fields/1/type/fields/0: c"),  # there is no such place in the older one
    ("FULL", "/fields/1/type/fields/0: c"),
])
def test_a_field_without_a_default_is_named(level: str, told: str) -> None:
    cause = {"description": "c", "context": "/fields/1/type/fields/0"}
    assert reasons([cause, cause], level, NEW, OLD) == (told,)


def test_other_reasons_are_told_with_their_field() -> None:
    cause = {"description": "reader type: STRING not compatible with writer type: LONG",
             "context": "/fields/0/type"}
    assert reasons([cause], "BACKWARD", NEW, OLD) == (f"field a: {cause['description']}",)
    assert reasons([{"description": "it says no"}], "BACKWARD", NEW, OLD) == ("it says no",)
