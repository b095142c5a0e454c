"""Plan, review, apply, drift and destroy with the real terraform binary, without any provider."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import LabError, UsageError
from scripts.platforms.aws.terraform.apply import PlanError
from scripts.platforms.aws.terraform.binary import Terraform, TerraformError
from tests.terraform_project import DC1, DC2, LAB, LINKS, Repository

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(
        not shutil.which("terraform") and os.environ.get("CI") != "true",
        reason="no terraform on the PATH",
    ),
]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    return Repository(root)


def statuses(made: Any) -> dict[str, str]:
    return {one.name: one.status for one in made.stacks}


def test_a_plan_is_applied_and_then_nothing_is_left(repository: Repository) -> None:
    made = repository.plan()
    assert statuses(made) == {DC1: "changes", DC2: "changes"}
    assert made.changes
    assert made.origin.commit == repository.git("rev-parse", "HEAD")
    assert not made.origin.dirty
    assert not repository.made(DC1)
    repository.apply()
    assert repository.made(DC1)["host"]["output"] == {"value": "small", "type": "string"}
    again = repository.plan()
    assert not again.changes
    assert statuses(again) == {DC1: "unchanged", DC2: "unchanged"}
    assert repository.drift() is False


def test_a_plan_is_for_its_owner_alone(repository: Repository) -> None:
    repository.plan()
    assert stat.S_IMODE(repository.folder.stat().st_mode) == 0o700
    files = list(repository.folder.iterdir())
    assert {path.name for path in files} >= {
        "plan.json", "summary.md", f"{DC1}.tfplan", f"{DC1}.json", f"{DC1}.tf.json"
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_folder_with_other_things_is_left_alone(repository: Repository) -> None:
    repository.folder.mkdir()
    kept = repository.folder / "thesis.txt"
    kept.write_text("mine")
    with pytest.raises(UsageError, match="other things"):
        repository.plan()
    assert kept.read_text() == "mine"


def test_everything_that_differs_from_the_plan_is_refused_at_once(repository: Repository) -> None:
    repository.plan()
    repository.lab_file.write_text('owner = "y"\n')
    repository.commit()
    repository.add(DC1, host={"input": "large"})
    with (repository.folder / f"{DC2}.tfplan").open("ab") as file:
        file.write(b"x")
    with pytest.raises(PlanError, match="lab file is not the one") as caught:
        repository.apply()
    told = "\n".join(caught.value.__notes__)
    assert "with other files" in told
    assert f"{DC1} is not synthesized as it was planned" in told
    assert f"{DC2}.tfplan is not the file that was planned" in told
    assert not repository.made(DC1)


def test_the_same_files_in_another_commit_are_the_same(repository: Repository) -> None:
    repository.plan()
    repository.commit()
    repository.apply()
    assert repository.made(DC2)


def test_a_state_that_somebody_else_changed_is_refused(repository: Repository) -> None:
    repository.plan()
    repository.apply()
    repository.add(DC1, host={"input": "large"})
    repository.plan()
    subprocess.run(
        ["terraform", "apply", "-auto-approve", "-replace=terraform_data.host"], check=True,
        cwd=repository.root / "cdktf.out/stacks" / DC1, capture_output=True,
    )
    with pytest.raises(PlanError, match=f"{DC1}: its state has changed since the plan"):
        repository.apply()


def fails_until(file: Path) -> dict[str, Any]:
    return {
        "input": "small", "provisioner": [{"local-exec": {"command": f"test -e {file}"}}],
    }


def test_a_stack_that_failed_is_gone_on_with(repository: Repository) -> None:
    there = repository.root.parent / "there"
    repository.add(DC1, host={"input": "small"}, slow=fails_until(there))
    repository.plan()
    with pytest.raises(TerraformError, match=f"{DC1}: terraform apply: .*provisioner") as caught:
        repository.apply()
    assert "exit status 1" in str(caught.value)
    kept = repository.made(DC1)["host"]["id"]
    assert not repository.made(DC2)
    there.touch()
    repository.apply()
    assert repository.made(DC1)["host"]["id"] == kept
    assert repository.made(DC2)
    journal = [json.loads(line) for line in (repository.folder / "applied.jsonl").open()]
    assert [(one["stack"], one["what"]) for one in journal] == [
        (DC1, "begun"), (DC1, "begun"), (DC1, "applied"), (DC2, "begun"), (DC2, "applied"),
    ]
    repository.apply()
    assert len((repository.folder / "applied.jsonl").read_text().splitlines()) == len(journal)


def test_nothing_unreviewed_is_done_when_going_on(repository: Repository) -> None:
    there = repository.root.parent / "there"
    repository.plan()
    repository.apply()
    repository.add(DC1, host={"input": "small"}, slow=fails_until(there))
    repository.plan()
    with pytest.raises(TerraformError):
        repository.apply()
    there.touch()
    subprocess.run(
        ["terraform", "taint", "terraform_data.host"], check=True,
        cwd=repository.root / "cdktf.out/stacks" / DC1, capture_output=True,
    )
    with pytest.raises(PlanError, match=r"terraform_data\.host: replace, which was not shown"):
        repository.apply()


def test_one_broken_stack_does_not_hide_the_others(repository: Repository) -> None:
    repository.add(DC1, host={"input": "${terraform_data.nobody.output}"})
    with pytest.raises(TerraformError, match=f"{DC1}: terraform plan: .*undeclared") as caught:
        repository.plan()
    assert caught.value.exit_code == 1
    assert "**failed**" in repository.summary
    assert "1 to add" in repository.summary
    repository.add(DC1, host={"input": "small"})
    with pytest.raises(PlanError, match="not complete"):
        repository.apply()


def test_what_is_lost_comes_first_in_the_summary(repository: Repository) -> None:
    repository.add(DC1, host={"input": "a", "triggers_replace": ["1"]}, old={"input": "b"})
    repository.plan()
    repository.apply()
    repository.add(DC1, host={"input": "a", "triggers_replace": ["2"]}, new={"input": "c"})
    repository.plan()
    lines = [line for line in repository.summary.splitlines() if line]
    assert lines[1] == "> [!CAUTION]"
    assert "1 resource will be DESTROYED and 1 REPLACED" in lines[2]
    assert {line.split("|")[2].strip() for line in lines[5:7]} == {"**DESTROY**", "**REPLACE**"}
    assert f"| `{DC1}` | 1 | 0 | 1 | 1 |" in repository.summary


def test_a_stack_gone_from_the_lab_file_is_planned_and_destroyed(repository: Repository) -> None:
    repository.plan()
    repository.apply()
    repository.remove(DC2)
    shutil.rmtree(repository.root / "cdktf.out")
    made = repository.plan()
    assert [(one.name, one.removed, one.status) for one in made.stacks] == [
        (DC1, False, "unchanged"), (DC2, True, "changes"),
    ]
    assert "**removed from the lab file**" in repository.summary
    shutil.rmtree(repository.root / "cdktf.out")
    repository.apply()
    assert repository.made(DC1)
    assert not repository.made(DC2)
    assert statuses(repository.plan()) == {DC1: "unchanged"}


def test_the_states_of_another_lab_are_not_touched(repository: Repository) -> None:
    repository.plan()
    repository.apply()
    other = repository.root / "terraform.mini-two_dc1.tfstate"
    shutil.copy(repository.state(DC1), other)
    before = other.read_bytes()
    assert statuses(repository.plan()) == {DC1: "unchanged", DC2: "unchanged"}
    assert repository.destroy() == 2
    assert other.read_bytes() == before


def test_drift_is_told_and_nothing_changed(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.plan()
    repository.apply()
    repository.remove(DC2)
    before = repository.state(DC2).read_bytes()
    assert repository.drift() is True
    assert f"{DC2}: gone from the lab file, and still there" in capsys.readouterr().out
    assert repository.state(DC2).read_bytes() == before


def test_a_stack_that_waits_is_told_and_is_no_drift(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a lab that is half made: the links look for what is not there yet."""
    def told() -> list[str]:
        assert repository.drift() is False
        return [line.strip() for line in capsys.readouterr().out.splitlines()]

    repository.link()
    assert told() == [
        f"{DC1}: not made yet", f"{DC2}: not made yet", f"{LINKS}: waits for {DC1}, {DC2}",
    ]
    subprocess.run(
        ["terraform", "apply", "-auto-approve"], check=True, capture_output=True,
        cwd=repository.root / "cdktf.out/stacks" / DC1,
    )
    assert told() == [
        f"{DC1}: no drift", f"{DC2}: not made yet", f"{LINKS}: waits for {DC2}",
    ]
    # Both are there, and of the first what is looked for is not made yet.
    repository.plan()
    repository.apply()
    repository.stacks[DC1]["output"]["zone"] = {"value": "a"}
    link = repository.stacks[LINKS]["resource"]["terraform_data"]["link"]
    link["input"] = "${data.terraform_remote_state.it.outputs.zone}"
    capsys.readouterr()
    (first, second, third) = told()
    assert (first, second) == (f"{DC1}: no drift", f"{DC2}: no drift")
    assert third.startswith(f"{LINKS}: waits for the changes of {DC1}: Unsupported attribute")
    before = repository.state(DC1).read_bytes()
    assert told()
    assert repository.state(DC1).read_bytes() == before


def test_destroy_wants_the_labs_name_and_goes_backwards(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.link()
    for _ in range(2):
        repository.plan()
        repository.apply()
    repository.remove(DC2)
    repository.needs[LINKS] = (DC1,)
    with pytest.raises(UsageError, match="this is the lab mini"):
        repository.destroy("minii")
    with pytest.raises(UsageError, match="nothing was destroyed"):
        repository.destroy("")
    assert repository.made(LINKS)
    capsys.readouterr()
    assert repository.destroy() == 3
    destroyed = [
        line.split(":")[0].strip() for line in capsys.readouterr().out.splitlines()
        if line.endswith("destroyed")
    ]
    assert destroyed == [LINKS, DC1, DC2]
    assert not any(repository.made(name) for name in (DC1, DC2, LINKS))
    assert repository.destroy() == 0
    assert repository.said[-1] == f"nothing of {LAB} is in Terraform's states"


def test_plain_cdktf_works_on_the_same_state(repository: Repository) -> None:
    """`cdktf deploy` runs terraform in the stack's folder; `fab tf.plan` sees what it made."""
    repository.plan()
    for name in (DC1, DC2):
        subprocess.run(
            ["terraform", "apply", "-auto-approve"], check=True, capture_output=True,
            cwd=repository.root / "cdktf.out/stacks" / name,
        )
    assert not repository.plan().changes


def test_another_backend_is_not_taken_without_the_state(repository: Repository) -> None:
    repository.plan()
    repository.apply()
    backend = repository.stacks[DC1]["terraform"]["backend"]
    backend["local"]["path"] = str(repository.root / "elsewhere.tfstate")
    with pytest.raises(TerraformError, match=r"Backend configuration changed.*-migrate-state"):
        repository.plan()


def test_a_missing_or_old_terraform_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no `no-terraform` program here \(install Terraform 1.10"):
        _ = Terraform("no-terraform").version
    old = tmp_path / "terraform"
    old.write_text(f"#!{sys.executable}\nprint('{{\"terraform_version\": \"1.9.8\"}}')\n")
    old.chmod(0o755)
    with pytest.raises(LabError, match=r"Terraform 1\.9\.8 is too old \(install"):
        _ = Terraform(str(old)).version
