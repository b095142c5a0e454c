"""A whole lab in one round: what waits is shown, and applied if it is what was shown."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts.platforms.aws.terraform.apply import PlanError
from scripts.platforms.aws.terraform.binary import TerraformError
from tests.scripts.platforms.test_terraform import (  # noqa: F401 - the same needs
    fails_until,
    pytestmark,
    statuses,
)
from tests.terraform_project import DC1, DC2, LAB, LINKS, Repository

DC3 = f"{LAB}_dc3"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    return Repository(root)


def settled(repository: Repository) -> bool:
    """Whether nothing is left to do, and nothing has drifted."""
    return not repository.plan().changes and repository.drift() is False


def other_state(repository: Repository, **made: dict[str, Any]) -> None:
    """Let somebody else have made something in the links' state."""
    folder = repository.root / "elsewhere"
    folder.mkdir(exist_ok=True)
    backend = {"local": {"path": str(repository.state(LINKS))}}
    (folder / "cdk.tf.json").write_text(json.dumps({
        "terraform": {"backend": backend}, "resource": {"terraform_data": made},
    }))
    for argv in (["init"], ["apply", "-auto-approve"]):
        subprocess.run(["terraform", *argv], check=True, capture_output=True, cwd=folder)


def test_a_new_lab_is_made_in_one_round(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.link_all(DC1, DC2)
    made = repository.plan()
    assert statuses(made) == {DC1: "changes", DC2: "changes", LINKS: "waiting"}
    assert f"{LINKS}: after {DC1}, {DC2}: 1 to add" in capsys.readouterr().out
    assert f"| `{LINKS}` | 1 | 0 | 0 | 0 | after {DC1}, {DC2} |" in repository.summary
    assert f"  - `input: (known after {DC1}, {DC2})`" in repository.summary
    assert f'  - `triggers_replace: "{DC2}"`' in repository.summary
    assert not repository.made(LINKS)
    repository.apply()
    assert f"{LINKS}: applied, as it was shown: 1 to add" in capsys.readouterr().out
    assert repository.made(LINKS)["dc2"]["input"]["value"] == "nowhere-1 to nowhere-1"
    assert settled(repository)


def test_a_datacenter_comes_and_goes_in_one_round_each(repository: Repository) -> None:
    """The links that are there stay as they are, and what only those of the third were made with
    is still had when they go."""
    repository.link_all(DC1, DC2)
    repository.plan()
    repository.apply()
    kept = repository.made(LINKS)["dc2"]["id"]
    repository.add(DC3, host={"input": "small"})
    repository.link_all(DC1, DC2, DC3)
    made = repository.plan()
    assert statuses(made) == {
        DC1: "unchanged", DC2: "unchanged", DC3: "changes", LINKS: "waiting",
    }
    assert f"| `{LINKS}` | 1 | 0 | 0 | 0 | after {DC3} |" in repository.summary
    repository.apply()
    assert set(repository.made(LINKS)) == {"dc2", "dc3"}
    assert settled(repository)
    repository.remove(DC3)
    repository.link_all(DC1, DC2)
    made = repository.plan()
    assert statuses(made) == {
        DC1: "unchanged", DC2: "unchanged", LINKS: "changes", DC3: "changes",
    }
    repository.apply()
    assert {name: one["id"] for name, one in repository.made(LINKS).items()} == {"dc2": kept}
    assert not repository.made(DC3)
    assert settled(repository)


def test_all_goes_at_once_where_what_it_was_made_with_is_gone(repository: Repository) -> None:
    repository.add(DC3, host={"input": "small"})
    repository.link_all(DC1, DC2, DC3)
    repository.plan()
    repository.apply()
    repository.remove(DC3)
    repository.link_all(DC1, DC2)
    assert repository.destroy() == 5
    assert not any(repository.made(name) for name in (DC1, DC2, DC3, LINKS))


def test_what_was_not_shown_is_not_done(repository: Repository) -> None:
    repository.link_all(DC1, DC2)
    repository.plan()
    other_state(repository, strange={"input": "x"})
    for _ in range(2):  # saying it again makes nothing more of it
        with pytest.raises(PlanError, match=r"strange: destroy, which was not shown") as caught:
            repository.apply()
        assert "nothing was done to this stack; run `fab tf.plan` again" in str(caught.value)
        assert repository.made(DC1)
        assert set(repository.made(LINKS)) == {"strange"}
    repository.plan()
    repository.apply()
    assert set(repository.made(LINKS)) == {"dc2"}


def test_what_is_shown_of_a_stack_that_waits_may_not_be_altered(repository: Repository) -> None:
    repository.link_all(DC1, DC2)
    repository.plan()
    file = repository.folder / f"{LINKS}.json"
    file.write_text(file.read_text().replace('"create"', '"delete"'))
    with pytest.raises(PlanError, match=rf"{LINKS}\.json is not the file that was planned"):
        repository.apply()
    assert not repository.made(DC1)


def test_a_stack_that_waits_is_gone_on_with(
    repository: Repository, tmp_path: Path
) -> None:
    repository.link_all(DC1, DC2)
    there = tmp_path / "there"
    repository.stacks[LINKS]["resource"]["terraform_data"]["slow"] = fails_until(there)
    repository.plan()
    with pytest.raises(TerraformError, match=f"{LINKS}: terraform apply"):
        repository.apply()
    kept = repository.made(LINKS)["dc2"]["id"]
    there.touch()
    repository.apply()
    assert set(repository.made(LINKS)) == {"dc2", "slow"}
    assert repository.made(LINKS)["dc2"]["id"] == kept


def test_a_change_below_the_links_may_not_change_them_unseen(repository: Repository) -> None:
    """They were planned with what the datacenter was before."""
    repository.link_all(DC1, DC2)
    repository.plan()
    repository.apply()
    repository.stacks[DC2]["output"]["region"]["value"] = "nowhere-2"
    made = repository.plan()
    assert statuses(made) == {DC1: "unchanged", DC2: "changes", LINKS: "unchanged"}
    with pytest.raises(PlanError, match=rf"{LINKS}: terraform_data.dc2: change, which was not"):
        repository.apply()
    assert repository.made(LINKS)["dc2"]["input"]["value"] == "nowhere-1 to nowhere-1"
    repository.plan()
    repository.apply()
    assert repository.made(LINKS)["dc2"]["input"]["value"] == "nowhere-1 to nowhere-2"


def test_what_cannot_be_shown_before_is_deferred(repository: Repository) -> None:
    """How many there are of something depends on what is not made yet."""
    repository.link_all(DC1, DC2)
    link = repository.stacks[LINKS]["resource"]["terraform_data"]["dc2"]
    link["count"] = f"${{length(data.terraform_remote_state.{DC2}.outputs.region)}}"
    made = repository.plan()
    assert statuses(made) == {DC1: "changes", DC2: "changes", LINKS: "deferred"}
    assert f"waits for {DC1}, {DC2}; it cannot be shown before: " in repository.summary
    repository.apply()
    assert repository.made(DC1)
    assert not repository.made(LINKS)
    assert statuses(repository.plan())[LINKS] == "changes"
