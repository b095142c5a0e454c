"""Every task as a person says it: `fab …` in a process of its own, against the emulator."""

from __future__ import annotations

import json

import pytest

from scripts.errors import LabError
from scripts.session import Session
from tests.aws.conftest import KEY, Cloud, MakeCloud
from tests.aws.test_platform import map_to, sshd  # noqa: F401 - a fixture

BACKEND = '[aws.backend]\nkind = "s3"\nbucket = "kafkalab-states"'


def test_before_there_is_a_lab(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(aws=BACKEND)
    said = cloud.fab("preflight", "cost", "backend", "audit")
    assert "vCPU quota" in said
    assert said.count("$0.1497 an hour, $3.59 a day, $1.20 until its TTL of 8 h") == 2
    assert "bucket kafkalab-states in eu-central-1: made, versioned" in said
    assert said.endswith("nothing of kafkalab of ann is in eu-central-1, us-east-1\n")


def test_up_sends_to_terraform(cloud: Cloud) -> None:
    """And status shows what is missing."""
    environment = {"KAFKALAB_KAFKA_SOURCES": "none"}
    assert "ann-dc1-ctl01: does not exist" in cloud.fab("verify", expect=1, **environment)


def test_what_up_cannot_do_here_says_who_can(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes and starts no instances, and so no task sends a person to it for that."""
    said = cloud.fab("plan", expect=2)
    assert "plan: 6 hosts to create, 0 to change" in said
    assert "not done by `fab up`: `cdktf deploy '*'`, or" in said
    assert "(`cdktf deploy '*'`, or" in cloud.fab("verify", expect=1)
    map_to(cloud.make(), 1, monkeypatch)
    (cloud.state / "hostkeys-aws.json").write_text(
        json.dumps(dict.fromkeys(cloud.ids.values(), KEY))
    )
    with pytest.raises(LabError, match=r"no SSH connection .* own address in aws.admin_cidrs"):
        silent(cloud)
    cloud.platform.stop(cloud.ids)
    said = cloud.fab("plan", expect=2)
    assert "+ host ann-dc1-zk01 (zookeeper) at 10.1.0.21, which is stopped" in said
    assert "plan: 6 hosts to create or start" in said
    assert "not done by `fab up`: `fab lab.start` starts hosts" in said
    assert "cdktf deploy" not in said
    said = cloud.fab("verify", expect=1)
    assert ": are stopped (`fab lab.start` starts hosts)" in said
    assert all(name in said for name in cloud.ids), said


def test_a_dry_run_removes_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    map_to(cloud.make(), 1, monkeypatch)
    said = cloud.fab("--dry", "down")
    assert all(f"would remove instance {id}" in said for id in cloud.ids.values()), said
    cloud.fab("-R", "audit", "--delete", "--yes", expect=1)
    cloud.fab("down", "-H", "ann-dc1-zk01", expect=2)
    for task in ("tf.destroy", "extend", "backend", "preflight"):
        assert f"`fab {task}` has no dry run" in cloud.fab("--dry", "cost", task, expect=2)
    assert cloud.fab("-R", "down") == said


def silent(cloud: Cloud) -> None:
    """Ask a host whose sshd does not answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scripts.hosts.fleet.BOOT_SECONDS", 0)
        patch.setenv("LAB", str(cloud.file))
        patch.setenv("LAB_PLATFORM", "aws")
        patch.setenv("XDG_STATE_HOME", str(cloud.folder / "state"))
        session = Session()
        with session.fleet(session.platform.instances()) as fleet:
            fleet["ann-dc1-zk01"].script("true", label="look", timeout=1)


def test_what_is_in_the_way_is_told_on_standard_error_too(cloud: Cloud) -> None:
    cloud.emulator.quotas["L-1216C47A"] = 1.0
    cloud.emulator.offline.add("pricing")
    said = cloud.fab("preflight", expect=1)
    assert "failed: eu-central-1: vCPU quota: 1 vCPUs, 0 in use, 8 more needed" in said
    assert "price unknown: the Pricing API cannot be asked" in said
    assert "$" not in cloud.fab("cost", expect=1)
    cloud.emulator.walled.add("pricing")
    lines = cloud.fab("cost", expect=1).splitlines()
    assert any("403: Access denied" in line for line in lines)
    assert not any("<" in line or "policy" in line for line in lines)


def test_a_night_and_an_hour_more(
    cloud: Cloud, sshd: int, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:
    map_to(cloud.make(), sshd, monkeypatch)
    (cloud.state / "hostkeys-aws.json").write_text(
        json.dumps(dict.fromkeys(cloud.ids.values(), KEY))
    )
    assert "6 hosts stopped" in cloud.fab("lab.stop")
    assert "6 hosts end at 20" in cloud.fab("extend", "--hours", "4")
    assert "6 hosts started; their public addresses are new" in cloud.fab("lab.start")
    assert "accepted: 1 to 8760" in cloud.fab("extend", "--hours", "9000", expect=2)
    assert "error: until when? (such as --hours 4, from now)" in cloud.fab("extend", expect=2)


def test_audit_asks_before_it_removes(cloud: Cloud) -> None:
    cloud.make()
    cloud.platform.stop(cloud.ids)
    said = cloud.fab("audit", expect=1)
    assert "30 left, $0.0117 an hour" in said
    assert "ann-dc1-kafka01" in said
    assert "say so with --yes" in cloud.fab("audit", "--delete", expect=2)
    assert len(cloud.states()) == 6
    said = cloud.fab("audit", "--delete", "--yes")
    assert said.endswith("nothing of kafkalab of ann is in eu-central-1, us-east-1\n")
    assert set(cloud.states().values()) <= {"terminated"}
    assert "us-west-2" in cloud.fab("audit", "--all-regions")


def test_every_command_says_that_the_lab_is_open_to_the_world(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(aws="world_open = true")
    for words in (("cost",), ("audit",), ("plan",), ("status", "--json")):
        assert "warning: " in cloud.fab(*words, expect=None), words


def test_a_lab_file_without_aws_is_told_what_it_lacks(cloud: Cloud) -> None:
    cloud.file.write_text('owner = "ann"\n[[datacenters]]\nname = "dc1"\ncidr = "10.1.0.0/24"\n')
    said = cloud.fab("cost", expect=2)
    assert "aws.admin_cidrs: missing" in said
    assert "aws.region: missing" in said
