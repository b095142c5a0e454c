"""The lab's settings from a pull request to the brokers: which steps run, with what, and that the
runner is shut out again whatever happens. `fab` is a program that takes no other words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.github import Done, Github, UnknownError

pytestmark = [
    pytest.mark.programs,
    pytest.mark.skipif(not shutil.which("jq"), reason="no jq, which the workflows use"),
]

HEAD, MERGED = "a" * 40, "b" * 40
PLAN_ROLE, HOSTS_ROLE, APPLY_ROLE = "arn:plan", "arn:hosts", "arn:apply"
VARIABLES = {"AWS_PLAN_ROLE": PLAN_ROLE, "AWS_HOSTS_ROLE": HOSTS_ROLE, "AWS_REGION": "eu-central-1",
             "AWS_APPLY_ROLE": APPLY_ROLE}
ROLES = {PLAN_ROLE: {"pull_request", "ref:refs/heads/main"},
         HOSTS_ROLE: {"environment:lab-hosts"}, APPLY_ROLE: {"environment:lab"}}
COMMENTS = "issues/5/comments?per_page=100"
PULL = {"event_name": "pull_request", "repository": "me/kafkalab", "sha": "c" * 40, "run_id": 7,
        "ref": "refs/pull/5/merge", "server_url": "https://github.com", "event": {"pull_request": {
            "number": 5, "head": {"sha": HEAD, "repo": {"full_name": "me/kafkalab"}}}}}
PUSH = {"event_name": "push", "repository": "me/kafkalab", "sha": MERGED, "run_id": 8,
        "ref": "refs/heads/main", "server_url": "https://github.com", "event": {}}
# Each word of `fab` that is expected, with the role that it is said with.
FAB = """#!/usr/bin/env python3
import json, os, pathlib, sys
folder = pathlib.Path(os.environ["GITHUB_STAND_IN"])
words = " ".join(sys.argv[1:])
said = json.loads((folder / "fab.json").read_text())
assert words in said, f"fab {words} is not expected"
role, key, status, text = said[words]
assert os.environ["ROLE"] == role, (words, os.environ["ROLE"])
path = pathlib.Path(os.environ.get("KAFKALAB_KEY", "/none"))
held = path.read_text() if path.exists() else ""
assert held == key, f"fab {words}: the key is {held!r}"
assert not held or path.stat().st_mode & 0o777 == 0o600
with (folder / "called").open("a") as file:
    file.write(f"{words}\\n")
if words.startswith("tf.plan"):
    for name, content in json.loads(text).items():
        pathlib.Path("plan").mkdir(exist_ok=True)
        pathlib.Path("plan", name).write_text(content)
else:
    print(text)
sys.exit(status)
"""
KEY = "the private key\n"
ALLOW, REMOVE = "allow --for 1h --cidr 198.51.100.9/32", "allow --remove --cidr 198.51.100.9/32"
PLAN, UP = "plan --json --fetch", "up --reviewed hosts/plan.json verify"


def planned(changes: int = 3, **more: Any) -> str:
    return json.dumps({
        "changes": changes, "summary": f"plan: {changes} changes", "refused": [], "warnings": [],
        "lines": ["~ host ann-dc1-kafka01", "    -a=1", "    +a=2", f"plan: {changes} changes"],
        **more,
    })


def terraform(status: str = "unchanged") -> str:
    return json.dumps({"summary.md": "# Plan of the lab\n", "plan.json": json.dumps(
        {"stacks": [{"status": status}]})})


@dataclass
class World:
    """The repository, and what `fab` says there."""

    github: Github
    said: dict[str, tuple[str, str, int, str]]

    def write(self) -> None:
        (self.github.tools / "fab.json").write_text(json.dumps(self.said))
        (self.github.tools / "called").write_text("")

    @property
    def called(self) -> list[str]:
        return (self.github.tools / "called").read_text().splitlines()

    def pull(self) -> dict[str, Done]:
        self.write()
        return self.github.run("plan.yml", PULL)

    def merge(self, **github: Any) -> dict[str, Done]:
        self.write()
        return self.github.run("apply.yml", {**PUSH, **github})

    @property
    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.github.answers[COMMENTS]
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    query = f"head_sha={HEAD}&event=pull_request&status=success"
    answers = {
        COMMENTS: [{"id": 1, "user": {"login": "ann"}, "body": "<!-- kafkalab: plan --> mine"}],
        f"commits/{MERGED}/pulls": [{"merged_at": "now", "head": {"sha": HEAD}}],
        f"actions/workflows/plan.yml/runs?{query}": {"workflow_runs": [{"id": 7}]},
        "actions/runs/7": {
            "path": ".github/workflows/plan.yml", "event": "pull_request", "conclusion": "success",
            "head_repository": {"full_name": "me/kafkalab"}, "head_sha": HEAD,
        },
        f"git/commits/{HEAD}": {"tree": {"sha": "same"}},
        f"git/commits/{MERGED}": {"tree": {"sha": "same"}},
    }
    secrets = {"KAFKALAB_SSH_KEY": KEY.strip()}
    github = Github(tmp_path, VARIABLES, {"lab": secrets, "lab-hosts": secrets}, ROLES, answers,
                    fab=FAB)
    return World(github, {
        "tf.plan --out plan": (PLAN_ROLE, "", 0, terraform()),
        PLAN: (HOSTS_ROLE, KEY, 2, planned()),
        ALLOW: (HOSTS_ROLE, KEY, 0, "let in"), REMOVE: (HOSTS_ROLE, "", 0, "1 rule removed"),
    })


def merging(world: World, **said: tuple[int, str]) -> None:
    """What is said from the merge on, by the role that applies."""
    world.said = {
        "tf.apply plan": (APPLY_ROLE, "", 0, "applied"), ALLOW: (APPLY_ROLE, KEY, 0, "let in"),
        UP: (APPLY_ROLE, KEY, 0, "verified dc1"), REMOVE: (APPLY_ROLE, "", 0, "1 rule removed"),
    }
    for words, (status, text) in said.items():
        command = {"up": UP, "allow": ALLOW, "apply": "tf.apply plan"}[words]
        role, key, *_ = world.said[command]
        world.said[command] = (role, key, status, text)


def results(done: dict[str, Done]) -> dict[str, str]:
    return {name: one.result for name, one in done.items()}


def test_a_pull_request_shows_both_plans_in_one_comment(world: World) -> None:
    done = world.pull()
    assert results(done) == {"plan": "success", "hosts": "success", "comment": "success"}, done
    assert world.called == ["tf.plan --out plan", ALLOW, PLAN, REMOVE]
    assert [one["id"] for one in world.comments] == [1, 77]
    body = world.comments[1]["body"]
    assert body.startswith("<!-- kafkalab: plan -->\n# Plan of the lab\n\n## Hosts and clusters\n")
    assert "**plan: 3 changes**" in body
    assert "``````diff\n~ host ann-dc1-kafka01\n-a=1\n+a=2\n``````" in body
    assert "plan: 3 changes" in world.github.summary
    shutil.rmtree(world.github.folder / "artifacts")
    world.said[PLAN] = (HOSTS_ROLE, KEY, 2, planned(4))
    world.pull()
    assert [one["id"] for one in world.comments] == [1, 77], "the next plan is the same comment"
    assert "**plan: 4 changes**" in world.comments[1]["body"]


def test_the_merge_rolls_what_was_shown_and_verifies(world: World) -> None:
    world.pull()
    merging(world)
    done = world.merge()
    assert results(done) == {"find": "success", "apply": "success"}, done
    assert world.called == [ALLOW, UP, REMOVE]
    assert "verified dc1" in world.github.summary


def test_terraform_comes_first_and_new_hosts_are_set_up(world: World) -> None:
    world.said["tf.plan --out plan"] = (PLAN_ROLE, "", 2, terraform("changes"))
    world.said[PLAN] = (HOSTS_ROLE, KEY, 0, planned(0))
    world.pull()
    merging(world)
    assert results(world.merge()) == {"find": "success", "apply": "success"}
    assert world.called == ["tf.apply plan", ALLOW, UP, REMOVE]
    merging(world, apply=(1, "no"))
    assert world.merge()["apply"].result == "failure"
    assert world.called == ["tf.apply plan"]


def test_without_changes_nobody_is_asked_to_approve(world: World) -> None:
    world.said[PLAN] = (HOSTS_ROLE, KEY, 0, planned(0))
    world.pull()
    merging(world)
    assert results(world.merge()) == {"find": "success", "apply": "skipped"}
    assert world.called == []


@pytest.mark.parametrize(("said", "called"), [
    ({"up": (1, "error")}, [ALLOW, UP, REMOVE]), ({"allow": (1, "error")}, [ALLOW, REMOVE]),
])
def test_what_fails_leaves_nobody_let_in(
    world: World, said: dict[str, tuple[int, str]], called: list[str]
) -> None:
    world.pull()
    merging(world, **said)
    done = world.merge()
    assert done["apply"].result == "failure"
    assert world.called == called
    assert done["apply"]["fab allow --remove"].outcome == "success"
    assert not list(world.github.folder.glob("machine*/temp/lab-key"))


def test_a_plan_that_fails_is_told_and_the_runner_shut_out(world: World) -> None:
    world.said[PLAN] = (HOSTS_ROLE, KEY, 1, "")
    done = world.pull()
    assert results(done) == {"plan": "success", "hosts": "failure", "comment": "success"}
    assert world.called[-1] == REMOVE
    assert "Not planned: [the run](https://github.com/me/kafkalab/actions/runs/7)" in (
        world.comments[1]["body"])


def test_what_would_be_refused_is_in_the_comment(world: World) -> None:
    world.said[PLAN] = (HOSTS_ROLE, KEY, 1, planned(refused=["dc1: too few brokers"]))
    assert world.pull()["hosts"].result == "failure"
    assert "- `fab up` would refuse: dc1: too few brokers" in world.comments[1]["body"]


def test_a_lab_that_is_not_made_yet_is_planned_without_being_let_in(world: World) -> None:
    world.said[ALLOW] = (HOSTS_ROLE, KEY, 1, "no security group")
    done = world.pull()
    assert results(done) == {"plan": "success", "hosts": "success", "comment": "success"}
    assert world.called[-1] == REMOVE


def test_a_long_plan_is_cut_and_its_run_named(world: World) -> None:
    lines = [f"    +setting.{number}={'x' * 90}" for number in range(1000)]
    world.said[PLAN] = (HOSTS_ROLE, KEY, 2, planned(lines=[*lines, "plan"]))
    assert world.pull()["comment"].result == "success"
    body = world.comments[1]["body"]
    assert body.count("\n``````") == 2
    assert body.endswith("[the whole](https://github.com/me/kafkalab/actions/runs/7)\n")


def test_files_that_were_not_planned_are_not_rolled(world: World) -> None:
    world.pull()
    merging(world)
    world.github.answers[f"git/commits/{MERGED}"] = {"tree": {"sha": "moved"}}
    assert results(world.merge()) == {"find": "failure", "apply": "skipped"}
    assert world.called == []


def test_without_the_role_for_hosts_all_is_as_it_was(world: World) -> None:
    world.github.variables = {**VARIABLES, "AWS_HOSTS_ROLE": ""}
    world.said["tf.plan --out plan"] = (PLAN_ROLE, "", 2, terraform("changes"))
    done = world.pull()
    assert results(done) == {"plan": "success", "hosts": "skipped", "comment": "success"}
    merging(world)
    assert results(world.merge()) == {"find": "success", "apply": "success"}
    assert world.called == ["tf.apply plan"]


def test_a_fork_is_not_planned(world: World) -> None:
    world.write()
    event = json.loads(json.dumps(PULL))
    event["event"]["pull_request"]["head"]["repo"]["full_name"] = "you/kafkalab"
    done = world.github.run("plan.yml", event)
    assert results(done) == dict.fromkeys(("plan", "hosts", "comment"), "skipped")


def test_without_a_key_the_reason_is_said(world: World) -> None:
    world.github.secrets = {"lab": {"KAFKALAB_SSH_KEY": ""}, "lab-hosts": {"KAFKALAB_SSH_KEY": ""}}
    world.said[PLAN] = (HOSTS_ROLE, "", 1, "")
    done = world.pull()
    assert "has no secret KAFKALAB_SSH_KEY" in done["hosts"]["fab allow"].said
    assert world.called == ["tf.plan --out plan", PLAN]


@pytest.mark.parametrize(("spoil", "told"), [
    (lambda world: world.github.roles.update({HOSTS_ROLE: set()}), "may not assume"),
    (lambda world: world.github.secrets.pop("lab-hosts"), "secrets.KAFKALAB_SSH_KEY is nothing"),
])
def test_the_stand_in_refuses_what_github_and_aws_would(
    world: World, spoil: Callable[[World], None], told: str
) -> None:
    world.github.secrets, world.github.roles = dict(world.github.secrets), dict(world.github.roles)
    spoil(world)
    with pytest.raises(UnknownError, match=told):
        world.pull()
