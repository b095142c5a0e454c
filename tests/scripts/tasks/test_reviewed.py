"""`fab plan --json`, `fab up --reviewed`, and drift of hosts in its report, as a person says them.

The engine is a program that lists nothing, and fails for every command that would act.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.operations import byhand
from scripts.operations.byhand import Found
from scripts.platforms.aws.terraform import binary, drift
from scripts.tasks import tf
from tests.scripts.tasks.test_fabric_options import Bench, bench  # noqa: F401 - a fixture


@pytest.mark.programs
def test_a_plan_for_programs_is_all_that_is_printed(bench: Bench) -> None:  # noqa: F811
    done = bench.fab("plan", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["changes"], len(found["hosts"])) == (2, 14, 14)
    assert {one["state"] for one in found["hosts"]} == {"absent"}
    assert found["lines"] == bench.fab("plan").stdout.splitlines()
    assert bench.acted == []


@pytest.mark.programs
def test_software_that_cannot_be_had_is_an_error_of_the_plan(bench: Bench) -> None:  # noqa: F811
    done = bench.fab("plan", "--json", "--fetch")
    assert (done.returncode, done.stdout) == (1, "")
    assert "KAFKALAB_KAFKA_SOURCES" in done.stderr


@pytest.mark.programs
def test_what_is_no_plan_is_refused_before_anything_is_done(
    bench: Bench, tmp_path: Path  # noqa: F811
) -> None:
    path = tmp_path / "hosts.json"
    path.write_text(bench.fab("plan", "--json").stdout)
    done = bench.fab("up", "--reviewed", str(path), "--replace")
    assert (done.returncode, done.stderr) == (
        2, "error: --reviewed and --replace (say one of them)\n")
    assert bench.acted == []


def drifted(
    monkeypatch: pytest.MonkeyPatch, found: Found, *, stacks: bool
) -> tuple[int, list[str]]:
    said: list[str] = []
    session: Any = SimpleNamespace(say=said.append, platform_name="local")

    def find(asked: Any) -> Found:
        assert asked.platform_name == "aws", "hosts are those on EC2, whatever LAB_PLATFORM says"
        return found

    monkeypatch.setattr(tf, "_project", lambda session: "project")
    monkeypatch.setattr(binary, "Terraform", lambda: "terraform")
    monkeypatch.setattr(drift, "find", lambda project, terraform: stacks)
    monkeypatch.setattr(byhand, "find", find)
    return tf.drift.body.__wrapped__(session), said


@pytest.mark.parametrize("stacks", [False, True])
@pytest.mark.parametrize("hosts", [False, True])
def test_drift_is_of_stacks_or_of_hosts(
    hosts: bool, stacks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Found(("file /etc/a on b",), drifted=True) if hosts else Found(("no drift on 1 host",))
    status, said = drifted(monkeypatch, found, stacks=stacks)
    assert status == (2 if hosts or stacks else 0)
    assert said == [f"  hosts: {found.lines[0]}"]
