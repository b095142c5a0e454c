"""GitHub's side of the workflows, as far as they use it: jobs, steps, expressions, artifacts,
roles, environments with their secrets, and the API. What it does not know it refuses.

Of GitHub's documentation ("Workflow syntax", "Expressions", "Contexts") it has what stands in
.github/workflows and no more, so that a new word there fails here first.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invoke.vendor import yaml

from scripts.workstation import paths

REPOSITORY = "me/kafkalab"
TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>&&|\|\||==|!=|!|\(|\))|(?P<call>\w+)\(\)"
    r"|(?P<name>[a-zA-Z_][\w-]*(?:\.[a-zA-Z_][\w-]*)+))"
)
STEP = {"id", "name", "if", "uses", "with", "env", "run", "shell", "continue-on-error"}
JOB = {"name", "if", "needs", "runs-on", "timeout-minutes", "environment", "permissions", "outputs",
       "steps"}
# How GitHub starts a step's script, with a shell that is named and without.
SHELLS = {
    None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
}
ACTIONS = {
    "actions/checkout": {"ref", "persist-credentials"},
    "./.github/actions/lab": set(),
    "aws-actions/configure-aws-credentials": {
        "role-to-assume", "aws-region", "role-duration-seconds"},
    "actions/upload-artifact": {"name", "path", "if-no-files-found", "retention-days", "overwrite"},
    "actions/download-artifact": {"name", "path", "run-id", "github-token"},
}
# A gh that passes on what it is asked, with its token, to the test that plays the API.
GH = """#!/usr/bin/env python3
import json, os, pathlib, subprocess, sys
api, address, *rest = sys.argv[1:]
assert api == "api", sys.argv
options = dict(zip(rest[::2], rest[1::2], strict=True))
assert set(options) <= {"--jq", "--method", "--field"}, options
folder = pathlib.Path(os.environ["GITHUB_STAND_IN"])
method = options.get("--method", "GET")
place = address.removeprefix("repos/%s/" % os.environ["GITHUB_REPOSITORY"])
assert place != address, address
needed = json.loads((folder / "needed.json").read_text())
want = next((right for begin, right in needed[method].items() if place.startswith(begin)), None)
assert want is not None, f"{method} {place} is not expected"
held = dict(one.split("=") for one in os.environ["GH_TOKEN"].removeprefix("token:").split(","))
name, right = want.split("=")
assert held.get(name) in (right, "write"), f"{method} {place} takes {want}, the job has {held}"
path = folder / "api.json"
answers = json.loads(path.read_text())
if method == "GET":
    answer = answers[place]
else:
    field, _, value = options["--field"].partition("=")
    assert (field, value[:1]) == ("body", "@"), options
    answer = {"id": 77, "html_url": "https://example.org/77", "user": {
        "login": "github-actions[bot]"}, "body": pathlib.Path(value[1:]).read_text()}
    assert len(answer["body"]) <= 65536
    comments = answers["issues/5/comments?per_page=100"]
    if method == "POST":
        assert place == "issues/5/comments", place
        comments.append(answer)
    else:
        assert place == "issues/comments/77", place
        comments[:] = [answer if one["id"] == 77 else one for one in comments]
    path.write_text(json.dumps(answers))
sys.exit(subprocess.run(["jq", "-r", options["--jq"]], input=json.dumps(answer), text=True)
         .returncode)
"""
# What a token takes for each call (GitHub REST API, "Permissions required for GitHub Apps").
NEEDED = {
    "GET": {
        "commits/": "pull-requests=read", "actions/": "actions=read", "git/commits/":
        "contents=read", "issues/": "pull-requests=read",
    },
    "POST": {"issues/": "pull-requests=write"}, "PATCH": {"issues/": "pull-requests=write"},
}
# A curl that asks AWS for this machine's address, and nobody for anything else.
CURL = """#!/bin/bash
[ "$*" = "--fail --silent --show-error --max-time 10 https://checkip.amazonaws.com" ] || exit 9
echo 198.51.100.9
"""


class UnknownError(AssertionError):
    """A word that this stand-in does not know, or that GitHub would refuse."""


@dataclass
class Step:
    """How one step ended: `outcome` before continue-on-error, None where it was skipped."""

    name: str
    outcome: str | None
    said: str = ""


@dataclass
class Done:
    """How one job ended."""

    result: str
    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Step:
        return next(one for one in self.steps if one.name == name)


@dataclass
class Github:
    """One repository. `secrets` by environment; `roles`: who may take them ("environment:lab",
    "pull_request"); `environment` is that of a runner."""

    folder: Path
    variables: Mapping[str, str]
    secrets: Mapping[str, Mapping[str, str]]
    roles: Mapping[str, set[str]]
    answers: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    fab: str = ""  # a program instead of the project's own
    summary: str = ""

    def __post_init__(self) -> None:
        self.tools = self.folder / "tools"
        self.tools.mkdir(parents=True)
        for name, text in (("gh", GH), ("curl", CURL)):
            (self.tools / name).write_text(text)
            (self.tools / name).chmod(0o755)
        (self.tools / "needed.json").write_text(json.dumps(NEEDED))

    def artifact(self, run: str, name: str) -> Path:
        return self.folder / "artifacts" / run / name

    def run(
        self, workflow: str, github: Mapping[str, Any], *, only: set[str] | None = None,
        given: Mapping[str, Done] | None = None, inputs: Mapping[str, str] | None = None,
    ) -> dict[str, Done]:
        """Run the jobs of a workflow, or `only` some, the others as `given` ended."""
        path = paths.PROJECT / ".github/workflows" / workflow
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
        done = dict(given or {})
        (self.tools / "api.json").write_text(json.dumps(self.answers))
        for name, job in jobs.items():
            if only is None or name in only:
                done[name] = Runner(self, job, github, done, inputs or {}).run()
        self.answers = json.loads((self.tools / "api.json").read_text())
        return done


class Runner:
    """One job on a machine of its own."""

    def __init__(
        self, github: Github, job: Mapping[str, Any], event: Mapping[str, Any],
        done: Mapping[str, Done], inputs: Mapping[str, str],
    ) -> None:
        if strange := job.keys() - JOB:
            raise UnknownError(f"of a job: {strange}")
        self.github, self.job, self.done, self.ok = github, job, done, True
        needs = job.get("needs", [])
        self.needs = [needs] if isinstance(needs, str) else needs
        held = ",".join(f"{key}={value}" for key, value in job["permissions"].items())
        self.contexts: dict[str, Any] = {
            "github": {**event, "token": f"token:{held}"}, "vars": github.variables,
            "secrets": github.secrets.get(job.get("environment", ""), {}), "inputs": inputs,
            "steps": {}, "runner": {"temp": ""}, "needs": {
                name: {"result": done[name].result, "outputs": done[name].outputs}
                for name in self.needs
            },
        }
        self.variables: dict[str, str] = {}  # what actions put into the environment

    def run(self) -> Done:
        whole = all(self.done[name].result == "success" for name in self.needs)
        asked = self.job.get("if", "success()")
        self.ok = whole
        if not self.truth(asked):
            return Done("skipped")
        self.ok = True
        self.work = self._machine()
        steps = [self._step(step, number) for number, step in enumerate(self.job["steps"])]
        outputs = {key: self.fill(text) for key, text in self.job.get("outputs", {}).items()}
        return Done("success" if self.ok else "failure", steps, outputs)

    def _machine(self) -> Path:
        """A checkout of its own: nothing that another job has left is there."""
        count = len(list(self.github.folder.glob("machine*")))
        work = self.github.folder / f"machine{count}"
        work.mkdir()
        for one in paths.PROJECT.iterdir():
            if one.name not in ("plan", "hosts", "cdktf.out", ".venv", ".git"):
                (work / one.name).symlink_to(one)
        if self.github.fab:
            (work / ".venv/bin").mkdir(parents=True)
            (work / ".venv/bin/fab").write_text(self.github.fab)
            (work / ".venv/bin/fab").chmod(0o755)
        else:
            (work / ".venv").symlink_to(paths.PROJECT / ".venv")
        (work / "temp").mkdir()
        self.contexts["runner"] = {"temp": str(work / "temp")}
        return work

    def _step(self, step: Mapping[str, Any], number: int) -> Step:
        if strange := step.keys() - STEP:
            raise UnknownError(f"of a step: {strange}")
        name = str(step.get("name") or step.get("id") or step.get("uses", number)).split("@")[0]
        outputs: dict[str, str] = {}
        if "id" in step:
            self.contexts["steps"][step["id"]] = {"outputs": outputs}
        if not self.truth(step.get("if", "success()")):
            return Step(name, None)
        if "uses" in step:
            fine, said = self._action(step["uses"].split("@")[0], step.get("with", {}))
        else:
            fine, said = self._script(step, outputs)
        if not fine and not step.get("continue-on-error"):
            self.ok = False
        return Step(name, "success" if fine else "failure", said)

    # -- what a step does

    def _action(self, name: str, given: Mapping[str, Any]) -> tuple[bool, str]:
        if name not in ACTIONS or given.keys() - ACTIONS[name]:
            raise UnknownError(f"{name} with {set(given)}")
        told = {key: self.fill(str(value)) for key, value in given.items()}
        act: dict[str, Callable[[Mapping[str, str]], bool]] = {
            "aws-actions/configure-aws-credentials": self._assume,
            "actions/upload-artifact": self._upload, "actions/download-artifact": self._download,
        }
        return (act[name](told) if name in act else True), ""

    def _assume(self, told: Mapping[str, str]) -> bool:
        self._holds("id-token", "write")
        event = self.contexts["github"]
        place = self.job.get("environment")
        subject = f"environment:{place}" if place else (
            "pull_request" if event["event_name"] == "pull_request" else f"ref:{event['ref']}")
        if subject not in self.github.roles[told["role-to-assume"]]:
            raise UnknownError(f"{subject} may not assume {told['role-to-assume']}")
        self.variables["ROLE"] = told["role-to-assume"]
        return True

    def _upload(self, told: Mapping[str, str]) -> bool:
        source = self.work / told["path"]
        files = [source] if source.is_file() else [*source.glob("*")]
        if not files:
            return told["if-no-files-found"] == "ignore"
        target = self.github.artifact(str(self.contexts["github"]["run_id"]), told["name"])
        if target.exists() and told.get("overwrite") != "true":
            return False
        target.mkdir(parents=True, exist_ok=True)
        for one in files:
            shutil.copy(one, target)
        return True

    def _download(self, told: Mapping[str, str]) -> bool:
        run = told.get("run-id") or str(self.contexts["github"]["run_id"])
        if "run-id" in told:  # another run's takes a token that may read it
            self._holds("actions", "read")
            assert told["github-token"] == self.contexts["github"]["token"]
        source = self.github.artifact(run, told["name"])
        if not source.exists():
            return False
        shutil.copytree(source, self.work / told["path"], dirs_exist_ok=True)
        return True

    def _holds(self, name: str, right: str) -> None:
        if self.job["permissions"].get(name) not in (right, "write"):
            raise UnknownError(f"the job lacks {name}: {right}")

    def _script(self, step: Mapping[str, Any], outputs: dict[str, str]) -> tuple[bool, str]:
        event = self.contexts["github"]
        files = {key: self.work / "temp" / key for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.write_text("")
        script = self.work / "temp/script.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            [*SHELLS[step.get("shell")], str(script)], cwd=self.work, text=True, timeout=600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env={
                **os.environ, "PATH": f"{self.github.tools}:{os.environ['PATH']}",
                **self.github.environment, **self.variables,
                "GITHUB_STAND_IN": str(self.github.tools), "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_SHA": event["sha"], **{key: str(path) for key, path in files.items()},
                **{key: self.fill(str(text)) for key, text in step.get("env", {}).items()},
            },
        )
        outputs.update(
            line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        self.github.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        return done.returncode == 0, done.stdout

    # -- expressions

    def fill(self, text: str) -> str:
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: str(self.value(found[1])), text)

    def truth(self, text: str) -> bool:
        """Of a condition; without a word of how things stand it means: while nothing failed."""
        found = bool(self.value(str(text)))
        stands = re.search(r"\b(always|success|failure|cancelled)\(\)", str(text))
        return found if stands else found and self.ok

    def value(self, text: str) -> Any:
        tokens, at = [], 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if not found:
                raise UnknownError(f"of an expression: {text[at:]}")
            tokens.append(found)
            at = found.end()
        words = [self._word(one) for one in tokens]
        # Python's own words for GitHub's: `and` and `or` give a side, as && and || do.
        names = {f"v{number}": value for number, value in enumerate(words)}
        signs = {"&&": "and", "||": "or", "!": "not"}
        code = " ".join(
            signs.get(one["sign"], one["sign"]) if one["sign"] else f"v{number}"
            for number, one in enumerate(tokens)
        )
        return eval(code, {"__builtins__": {}}, names)

    def _word(self, token: re.Match[str]) -> Any:
        if token["text"]:
            return token["text"][1:-1].replace("''", "'")
        if token["call"]:
            return {"always": True, "success": self.ok, "failure": not self.ok,
                    "cancelled": False}[token["call"]]
        if not token["name"]:
            return None
        context, *rest = token["name"].split(".")
        found = self.contexts[context]
        for number, part in enumerate(rest):
            last = number == len(rest) - 1
            if part not in found and last and context in ("steps", "vars", "inputs", "needs"):
                return ""
            if part not in found and context == "github" and rest[0] == "event":
                return ""
            if part not in found:
                raise UnknownError(f"{token['name']} is nothing here")
            found = found[part]
        return found
