"""`fab tf.…` from the command line: exit statuses, and what it says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from invoke import Program

from scripts import namespace
from scripts.errors import LabError
from scripts.operations import byhand
from scripts.platforms.aws.terraform import price, stacks
from scripts.workstation import paths
from tests.scripts.platforms.test_terraform import pytestmark  # noqa: F401 - the same needs
from tests.terraform_project import DC1, DC2, LAB, Repository

LAB_FILE = f"""
name = "{LAB}"
owner = "x"

[aws]
region = "eu-central-1"
admin_cidrs = ["203.0.113.7/32"]

[[datacenters]]
name = "dc1"
cidr = "10.10.1.0/24"
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    made = Repository(root)
    made.lab_file.write_text(LAB_FILE)
    made.commit()
    monkeypatch.setenv("LAB", str(made.lab_file))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setattr(paths, "PROJECT", root)
    monkeypatch.setattr(stacks, "synthesize", made.synthesize)
    monkeypatch.setattr(byhand, "find", lambda session: byhand.Found())  # no account is asked
    monkeypatch.chdir(root)
    return made


def fab(*argv: str) -> int:
    """The exit status of a task."""
    with pytest.raises(SystemExit) as ended:
        Program(namespace=namespace).run(["fab", *argv])
        raise SystemExit(0)
    return int(ended.value.code or 0)


def test_the_whole_way_from_the_command_line(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fab("tf.plan") == 2
    folder = repository.root / "cdktf.out/plan"
    said = capsys.readouterr().out
    assert f"the summary: {folder}/summary.md" in said
    assert f"apply it: fab tf.apply {folder}" in said
    assert fab("tf.apply", "cdktf.out/plan") == 0
    assert repository.made(DC1)
    assert fab("tf.plan", "--out", "plan") == 0
    assert fab("tf.drift") == 0
    repository.remove(DC2)
    assert fab("tf.drift") == 2
    capsys.readouterr()
    assert fab("tf.destroy") == 2
    assert "nobody here to type the lab's name (give it with --yes NAME)" in capsys.readouterr().err
    assert fab("tf.destroy", "--yes", "other") == 2
    assert repository.made(DC1)
    assert fab("tf.destroy", "--yes", LAB) == 0
    assert not repository.made(DC1)
    assert not repository.made(DC2)


def test_errors_are_one_line_and_status_1(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.add(DC1, host={"input": "${terraform_data.nobody.output}"})
    assert fab("tf.plan") == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        f"error: {DC1}: terraform plan: Reference to undeclared resource: A managed resource "
        '"terraform_data" "nobody" has not been declared in the root module.'
    ]
    assert "the summary of what could be planned" in told.out
    repository.lab_file.write_text(LAB_FILE.replace("admin_cidrs", "admins"))
    assert fab("tf.plan") == 1
    assert fab("tf.apply", "plan") == 2


def test_prices_are_asked_for_where_the_lab_file_says(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def price_list(endpoint_url: str | None) -> price.Quoter:
        asked.append(endpoint_url)
        raise LabError("nobody there")

    hosts = Counter({("eu-central-1", "instance", "t3.small"): 1})
    monkeypatch.setattr(price, "count", lambda shown, key: hosts)
    monkeypatch.setattr(price, "price_list", price_list)
    emulator = "http://127.0.0.1:1"
    repository.lab_file.write_text(
        LAB_FILE.replace("[aws]", f'[aws]\nendpoint_url = "{emulator}"')
    )
    assert fab("tf.plan", "--out", "plan") == 2
    assert asked == [emulator]
    assert "Price unknown: nobody there" in repository.summary


def test_a_runner_needs_a_state_that_lasts(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert fab("tf.plan") == 1
    assert 'set kind = "s3" and a bucket in [aws.backend]' in capsys.readouterr().err
    assert not (repository.root / "cdktf.out").exists()
