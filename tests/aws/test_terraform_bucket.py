"""Terraform's states in a bucket: locks, removed stacks and a teardown from another checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.platforms.aws.terraform import binary
from scripts.platforms.aws.terraform.binary import TerraformError
from tests.aws.emulator import Emulator
from tests.scripts.platforms.test_terraform import pytestmark  # noqa: F401 - the same needs
from tests.terraform_project import DC1, DC2, Repository

BUCKET, REGION = "states-of-ann", "eu-central-1"


class InBucket(Repository):
    """A repository whose stacks have their states in the emulator's bucket."""

    emulator: Emulator

    def key(self, name: str) -> str:
        return f"kafkalab/ann/{name}.tfstate"

    def use_bucket(self, emulator: Emulator) -> None:
        self.emulator = emulator
        for name, stack in self.stacks.items():
            stack["terraform"]["backend"] = {"s3": {
                "bucket": BUCKET, "key": self.key(name), "region": REGION, "encrypt": True,
                "use_lockfile": True, "use_path_style": True, "endpoints": {"s3": emulator.url},
            }}

    def keys(self) -> set[str]:
        found = self.emulator.client("s3", REGION).list_objects_v2(Bucket=BUCKET)
        return {one["Key"] for one in found.get("Contents", ())}


@pytest.fixture
def repository(tmp_path: Path, emulator: Emulator) -> InBucket:
    emulator.client("s3", REGION).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    root = tmp_path / "repository"
    root.mkdir()
    made = InBucket(root)
    made.use_bucket(emulator)
    return made


def test_a_removed_stack_is_found_in_the_bucket_and_destroyed(repository: InBucket) -> None:
    repository.plan()
    repository.apply()
    assert repository.keys() == {repository.key(DC1), repository.key(DC2)}
    assert not list(repository.root.glob("*.tfstate"))
    repository.remove(DC2)
    shutil.rmtree(repository.root / "cdktf.out")  # as in a fresh checkout
    made = repository.plan()
    assert [(one.name, one.status, one.removed) for one in made.stacks] == [
        (DC1, "unchanged", False), (DC2, "changes", True),
    ]
    shutil.rmtree(repository.root / "cdktf.out")
    repository.apply()
    assert [one.name for one in repository.plan().stacks] == [DC1]
    shutil.rmtree(repository.root / "cdktf.out")
    assert repository.destroy() == 1


def test_a_state_that_somebody_holds_is_not_touched(
    repository: InBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = '{"ID": "1", "Operation": "OperationTypeApply", "Who": "bob@there", "Path": "x"}'
    repository.emulator.client("s3", REGION).put_object(
        Bucket=BUCKET, Key=f"{repository.key(DC1)}.tflock", Body=lock.encode()
    )
    monkeypatch.setattr(binary, "LOCK_S", 0)
    with pytest.raises(TerraformError, match=f"{DC1}: terraform plan: Error acquiring") as caught:
        repository.plan()
    assert "bob@there" in str(caught.value)
    assert f"`terraform force-unlock 1` in cdktf.out/stacks/{DC1}" in str(caught.value)
    assert repository.keys() == {f"{repository.key(DC1)}.tflock"}
    monkeypatch.setenv("TF_CLI_ARGS_plan", "-lock=false")
    assert repository.plan().changes
