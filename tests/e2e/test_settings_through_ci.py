"""A broker setting from a pull request to the brokers: the workflows' own steps, `fab` itself, real
hosts. GitHub is the stand-in of tests/github.py, AWS the emulator, an instance a container."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from lab.paths import LOGIN_KEY
from scripts.operations import byhand
from scripts.platforms.aws import allow
from scripts.platforms.local.engine import Engine
from scripts.session import Session
from scripts.workstation.paths import cache_dir
from tests.aws import policy
from tests.aws.conftest import _server, emulator  # noqa: F401 - fixtures
from tests.aws.emulator import Emulator
from tests.e2e.lab_under_test import PROJECT, Lab
from tests.e2e.test_aws_path import Instances
from tests.github import Done, Github
from tests.project.test_settings_through_ci import (
    COMMENTS,
    HEAD,
    MERGED,
    PULL,
    PUSH,
    ROLES,
    VARIABLES,
    results,
    terraform,
)

pytestmark = [
    pytest.mark.host, pytest.mark.area("integrations"),
    pytest.mark.skipif(not shutil.which("jq"), reason="no jq, which the workflows use"),
]

BUCKET = "kafkalab-e2e-ci"
FILE = "/etc/systemd/journald.conf.d/kafkalab.conf"


@dataclass
class Small(Instances):
    """One broker pair whose states are in a bucket."""

    def write(self) -> None:
        self.beside = Lab(
            self.engine, self.folder, self.name, "10.66", first=0, port_base=15600,
            datacenters=({"control": 0, "zookeeper": 1, "kafka": 2},), sections={
                "aws": {"region": "eu-central-1", "admin_cidrs": ["203.0.113.7/32"],
                        "image": "debian12"},
                "aws.backend": {"kind": "s3", "bucket": BUCKET},
            },
        )


@pytest.fixture
def cloud(engine: Engine, emulator: Emulator, tmp_path: Path) -> Iterator[Small]:  # noqa: F811
    with (cache_dir() / "e2e-ci.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        emulator.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        found = Small(emulator, tmp_path / "lab", name="e2e-ci", engine=engine)
        found.remove()  # of a test run that was killed
        try:
            yield found
        finally:
            found.remove()


def repository(cloud: Small) -> Github:
    """With runners that never met the hosts, whose consoles have forgotten their first boot."""
    cloud.emulator.consoles.clear()
    key = (cloud.state / LOGIN_KEY).read_text().rstrip("\n")
    query = f"head_sha={HEAD}&event=pull_request&status=success"
    tree = {"tree": {"sha": "same"}}
    return Github(
        cloud.folder / "github", {**VARIABLES, "KAFKALAB_KAFKA_SOURCES": "cache,maven"},
        {"lab": {"KAFKALAB_SSH_KEY": key}, "lab-hosts": {"KAFKALAB_SSH_KEY": key}}, ROLES,
        {
            COMMENTS: [], f"commits/{MERGED}/pulls": [{"merged_at": "now", "head": {"sha": HEAD}}],
            f"actions/workflows/plan.yml/runs?{query}": {"workflow_runs": [{"id": 7}]},
            "actions/runs/7": {
                "path": ".github/workflows/plan.yml", "event": "pull_request",
                "conclusion": "success", "head_repository": {"full_name": "me/kafkalab"},
                "head_sha": HEAD,
            },
            f"git/commits/{HEAD}": tree, f"git/commits/{MERGED}": tree,
        },
        environment={**cloud.beside.environment, "LAB": str(cloud.file),
                     "XDG_STATE_HOME": str(cloud.folder / "runner")},
    )


def pull(github: Github, plan: dict[str, str]) -> dict[str, Done]:
    """The plan of hosts and the comment; Terraform's is as `plan` has it."""
    shutil.rmtree(github.folder / "artifacts", ignore_errors=True)
    for name, text in plan.items():
        github.artifact("7", "plan").mkdir(parents=True, exist_ok=True)
        (github.artifact("7", "plan") / name).write_text(text)
    shutil.rmtree(github.environment["XDG_STATE_HOME"], ignore_errors=True)
    return github.run("plan.yml", PULL, only={"hosts", "comment"}, given={"plan": Done("success")})


def merge(github: Github) -> dict[str, Done]:
    shutil.rmtree(github.environment["XDG_STATE_HOME"], ignore_errors=True)
    return github.run("apply.yml", PUSH)


def test_from_a_pull_request_to_brokers_that_have_the_setting(
    cloud: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.boot()
    cloud.reach("127.0.0.1")
    lab = cloud.beside
    lab.fab("up")
    github, nothing = repository(cloud), json.loads(terraform())

    lab.settings["log.retention.hours"] = 99
    lab.topics = ({"name": "orders", "partitions": 2, "replicas": 2},)
    lab.write()
    before = lab.main_pids()
    cloud.emulator.calls.clear()
    done = pull(github, nothing)
    asked = {policy.action(*call) for call in cloud.emulator.calls}
    assert [one for one in sorted(asked) if not any(
        fnmatchcase(one, given) for given in allowed_to_hosts_role())] == []
    assert results(done) == {"plan": "success", "hosts": "success", "comment": "success"}, done
    body = github.answers[COMMENTS][0]["body"]
    assert "\n+log.retention.hours=99\n" in body
    assert "orders" in body and "restarts, one at a time, in this order:" in body
    assert lab.main_pids() == before, "a plan changes nothing"
    assert nobody_is_let_in(cloud)

    a_change_by_hand_is_one_line_and_stops_the_merge(cloud, github, monkeypatch)

    done = merge(github)
    assert results(done) == {"find": "success", "apply": "success"}, done
    assert "2 services restarted one at a time" in github.summary
    assert "verified dc1" in github.summary
    assert [setting(lab, broker) for broker in (1, 2)] == ["99", "99"]
    assert byhand.find(Session()).lines == ("no drift on 3 hosts",)
    assert nobody_is_let_in(cloud)
    assert cloud.emulator.count("GetConsoleOutput") == 0, "no console is asked but by the first up"
    assert lab.fab("plan").out.endswith("plan: nothing to do\n")


def allowed_to_hosts_role() -> list[str]:
    """The actions that docs/gitops.md gives to the role that looks at hosts."""
    page = (PROJECT / "docs/gitops.md").read_text()
    (text,) = [one for one in re.findall(r"```json\n(.*?)```", page, re.DOTALL)
               if "AuthorizeSecurityGroupIngress" in one]
    given = [one["Action"] for one in json.loads(text)["Statement"]]
    return [action for one in given for action in ([one] if isinstance(one, str) else one)]


def nobody_is_let_in(cloud: Small) -> bool:
    """It was let in, and is no more."""
    return cloud.emulator.count("AuthorizeSecurityGroupIngress") > 0 and (
        allow.listed(cloud.platform) == [])


def a_change_by_hand_is_one_line_and_stops_the_merge(
    cloud: Small, github: Github, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = cloud.beside
    broker, before = lab.of("kafka")[1], lab.main_pids()
    for name, value in lab.variables({}).items():
        monkeypatch.setenv(name, value)
    lab.inside(broker, f"cp -p {FILE} /root/kept; echo '# by hand' >> {FILE}")
    assert f"file {FILE} on {broker.name}" in byhand.find(Session()).lines
    done = merge(github)
    assert done["apply"].result == "failure"
    told = f"1 change was not in the plan that was reviewed, and nothing was done: {broker.name}"
    assert told in done["apply"]["fab up verify"].said
    assert lab.main_pids() == before
    assert nobody_is_let_in(cloud)
    lab.inside(broker, f"cp -p /root/kept {FILE}")


def setting(lab: Lab, broker: int) -> str:
    """What a broker itself says that it goes by."""
    admin = AdminClient({"bootstrap.servers": lab.bootstrap()})
    asked = ConfigResource(ResourceType.BROKER, str(broker))
    (future,) = admin.describe_configs([asked]).values()
    return str(future.result(30)["log.retention.hours"].value)
