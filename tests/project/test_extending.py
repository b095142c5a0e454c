"""docs/extending.md, taken at its word: a copy of the project gets the service that it adds."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.programs

PROJECT = Path(__file__).parents[2]
PAGE = "docs/extending.md"
# A block, and the path that the text before it names last: "In `lab/options/web.py`:".
BLOCK = re.compile(
    r"`([a-z][\w.-]*(?:/[\w.-]+)+)`:\n\n```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
# What holds for every service, and what this one has besides.
PROOFS = (
    "tests/project/extended.py", "tests/scripts/drivers/test_web.py",
    "tests/project/test_tables.py",
)
# And what holds for the project as a whole.
TEMPLATE = "tests/lab/test_services.py::test_every_template_"
HOUSE = (
    "tests/test_walls.py", "tests/project/test_docs.py", f"{TEMPLATE}is_known_here",
    f"{TEMPLATE}renders_with_its_arguments_and_not_without",
)


@dataclass(frozen=True)
class Block:
    """A file that the page makes, or (`language` is diff) lines that it adds to one."""

    path: str
    language: str
    text: str

    def lay(self, project: Path) -> None:
        target = project / self.path
        if self.language != "diff":
            assert not target.exists(), f"{PAGE} makes {self.path}, which is there"
            target.write_text(self.text)
            return
        content = target.read_text()
        for hunk in re.split(r"^@@\n", self.text, flags=re.MULTILINE):
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            assert content.count(old) == 1, f"{PAGE}: not once in {self.path}, write anew: {old}"
            content = content.replace(old, new)
        target.write_text(content)


BLOCKS = tuple(Block(*match.groups()) for match in BLOCK.finditer((PROJECT / PAGE).read_text()))


def extend(folder: Path, blocks: tuple[Block, ...]) -> Path:
    """A copy of the project with `blocks` in it."""
    copy = folder / "project"
    ignored = shutil.ignore_patterns(
        ".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "node_modules", "cdktf.out",
        "snapshots",
    )
    shutil.copytree(PROJECT, copy, ignore=ignored)
    for block in blocks:
        block.lay(copy)
    return copy


def run(copy: Path, *words: str) -> tuple[int, str]:
    """Python in the copy, which sees none of the project itself: its status and what it said."""
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, capture_output=True, text=True, check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def proven(copy: Path, *tests: str) -> tuple[bool, str]:
    """Whether these tests hold in the copy once its tables are written, and what was said."""
    status, said = run(copy, "-m", "docs.tables")
    if status:
        return False, said
    status, said = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert status in (0, 1, 2), said  # held, failed, could not be loaded
    return status == 0, said


def test_the_page_has_all_parts() -> None:
    assert [(block.path, block.language) for block in BLOCKS] == [
        ("lab/options/web.py", "python"),
        ("lab/services/web.py", "python"),
        ("lab/templates/web.html.j2", "jinja"),
        ("scripts/drivers/web.py", "python"),
        ("lab/model.py", "diff"),
        ("lab/services/registry.py", "diff"),
        ("scripts/drivers/registry.py", "diff"),
        ("docs/lab-file.md", "diff"),
        ("tests/lab/test_services.py", "diff"),
        ("tests/scripts/drivers/test_web.py", "python"),
    ]


def test_what_the_page_says_makes_a_service(tmp_path: Path) -> None:
    copy = extend(tmp_path, BLOCKS)
    status, said = run(copy, "-m", "ruff", "check", "--no-cache", "lab", "scripts", "tests/scripts")
    assert status == 0, said
    held, said = proven(copy, *PROOFS, *HOUSE)
    assert held, said


@pytest.mark.full("extending", sample=2)
@pytest.mark.parametrize(("path", "by", "words"), [
    ("lab/model.py", "", "KeyError: 'web'"),
    ("lab/services/registry.py", "tests/scripts/drivers/test_web.py", "KeyError: 'web'"),
    ("scripts/drivers/registry.py", "tests/project/extended.py", "test_verify_asks_its_driver"),
    ("docs/lab-file.md", "tests/project/test_tables.py", "test_every_section_has_its_table_once"),
    ("tests/lab/test_services.py", f"{TEMPLATE}is_known_here", "web.html.j2"),
])
def test_a_registration_that_is_missing_is_found(
    tmp_path: Path, path: str, by: str, words: str
) -> None:
    """By the writing of the tables, or by one of these tests."""
    copy = extend(tmp_path, tuple(block for block in BLOCKS if block.path != path))
    held, said = proven(copy, by)
    assert not held, said
    assert words in said
