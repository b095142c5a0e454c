"""The workflows under .github: what the tools say of them, and what they must hold to."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from invoke.vendor import yaml

from scripts.workstation import paths

GITHUB = paths.PROJECT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
MAY = {"actions": "read", "contents": "read", "id-token": "write", "pull-requests": "read"}


def tool(name: str) -> str:
    """The program that `make workflow-tools` has put into the cache."""
    path = paths.cache_dir() / "tools" / name
    if not path.exists():
        reason = f"no {name}: `make workflow-tools` gets it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return str(path)


def load(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            yield f"{path.name}: {name}", job


def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(
        [tool("actionlint"), "-no-color"], cwd=paths.PROJECT, capture_output=True, text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    done = subprocess.run(
        [tool("zizmor"), "--offline", "--no-progress", "--color=never", str(paths.PROJECT)],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_action_is_pinned_by_its_commit() -> None:
    for path in GITHUB.rglob("*.yml"):
        for line in path.read_text().splitlines():
            if "uses:" in line and "uses: ./" not in line:
                assert PINNED.search(line), f"{path.name}: {line.strip()}"


def test_a_job_has_only_the_permissions_that_are_known_here() -> None:
    for path in WORKFLOWS:
        assert load(path)["permissions"] == {}, path.name
    for name, job in jobs():
        # Only the job that comments may write to a pull request, and it has no role.
        may = MAY if "id-token" in job["permissions"] else {**MAY, "pull-requests": "write"}
        writes = {"read": 0, "write": 1}
        assert all(writes[right] <= writes[may[what]]
                   for what, right in job["permissions"].items()), name
        assert job["timeout-minutes"] <= 120, name
        guarded = ("AWS_APPLY_ROLE", "AWS_HOSTS_ROLE", "secrets.")
        assert "environment" in job or not any(one in str(job["steps"]) for one in guarded), name


def test_nothing_from_outside_is_put_into_a_command() -> None:
    for name, job in jobs():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), name


def test_every_task_that_a_workflow_runs_exists() -> None:
    from scripts import namespace

    known = set(namespace.task_names)
    for name, job in jobs():
        for step in job["steps"]:
            for task in re.findall(r"\.venv/bin/fab (\S+)", step.get("run", "")):
                assert task in known, f"{name}: fab {task}"


def test_the_page_about_them_tells_what_is_there() -> None:
    from scripts import namespace

    page = (paths.PROJECT / "docs/gitops.md").read_text()
    assert set(re.findall(r"`fab (\w[\w.]*\w)", page)) <= set(namespace.task_names)
    assert {f"`{path.name}`" for path in WORKFLOWS} <= set(re.findall(r"`[\w.]+`", page))
    for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL):
        json.loads(text)
    used = set(re.findall(r"vars\.(\w+)", "".join(path.read_text() for path in WORKFLOWS)))
    assert all(f"`{name}`" in page for name in used), used


HEAD, MERGED = "a" * 40, "b" * 40
RUN = {
    "path": ".github/workflows/plan.yml", "event": "pull_request", "conclusion": "success",
    "head_repository": {"full_name": "me/kafkalab"}, "head_sha": HEAD,
}
# A gh that answers from a file, and takes nothing for granted.
GH = """#!/usr/bin/env python3
import json, os, subprocess, sys
api, address, flag, query = sys.argv[1:]
assert (api, flag) == ("api", "--jq"), sys.argv
answer = json.load(open(os.environ["ANSWERS"]))[address.removeprefix("repos/me/kafkalab/")]
jq = ["jq", "-r", query]
sys.exit(subprocess.run(jq, input=json.dumps(answer), text=True).returncode)
"""


@pytest.fixture
def answers() -> dict[str, Any]:
    query = f"head_sha={HEAD}&event=pull_request&status=success"
    return {
        f"commits/{MERGED}/pulls": [{"merged_at": "now", "head": {"sha": HEAD}}],
        f"actions/workflows/plan.yml/runs?{query}": {"workflow_runs": [{"id": 7}, {"id": 6}]},
        "actions/runs/7": RUN,
        f"git/commits/{HEAD}": {"tree": {"sha": "same"}},
        f"git/commits/{MERGED}": {"tree": {"sha": "same"}},
    }


def find(tmp_path: Path, answers: dict[str, Any], *run: str) -> subprocess.CompletedProcess[str]:
    import shutil

    if not shutil.which("jq"):
        pytest.skip("no jq, which the fake gh needs")
    (tmp_path / "answers").write_text(json.dumps(answers))
    gh = tmp_path / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    return subprocess.run(
        [GITHUB / "scripts/find-plan.sh", MERGED, *run], capture_output=True, text=True,
        check=False, env={
            **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "GITHUB_REPOSITORY": "me/kafkalab", "ANSWERS": str(tmp_path / "answers"),
        },
    )


def test_the_plan_of_the_merged_pull_request_is_found(
    tmp_path: Path, answers: dict[str, Any]
) -> None:
    done = find(tmp_path, answers)
    assert done.stdout.split() == ["run=7", "same=true"], done.stderr
    answers[f"git/commits/{MERGED}"] = {"tree": {"sha": "moved"}}
    assert find(tmp_path, answers).stdout.split() == ["run=7", "same=false"]


def test_a_push_without_a_pull_request_has_no_reviewed_plan(
    tmp_path: Path, answers: dict[str, Any]
) -> None:
    answers[f"commits/{MERGED}/pulls"] = [{"merged_at": None, "head": {"sha": HEAD}}]
    done = find(tmp_path, answers)
    assert (done.returncode, done.stdout.split()) == (0, ["run="])
    assert "was not merged by a pull request" in done.stderr


@pytest.mark.parametrize(("field", "value", "told"), [
    ("path", ".github/workflows/evil.yml", "not one of plan.yml"),
    ("head_repository", {"full_name": "you/kafkalab"}, "is of you/kafkalab"),
    ("conclusion", "failure", "ended with failure"),
    ("event", "push", "was started by push"),
])
def test_a_run_that_made_no_reviewed_plan_is_refused(
    tmp_path: Path, answers: dict[str, Any], field: str, value: Any, told: str
) -> None:
    answers["actions/runs/7"] = {**RUN, field: value}
    done = find(tmp_path, answers, "7")
    assert done.returncode == 1
    assert told in done.stderr
    assert not done.stdout
    assert find(tmp_path, answers, "7; true").returncode == 1
