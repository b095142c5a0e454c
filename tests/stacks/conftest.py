"""The labs that are synthesized for the tests, once a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.file import parse
from stacks.app import add_stacks
from stacks.engine import cdk
from tests.aws_labs import COMPANY, EVERYTHING, FILES, KEY, data
from tests.synthesis import read

LABS = {
    **{path.stem: (path, {}) for path in FILES},
    "everything": (FILES[0], EVERYTHING), "company": (FILES[0], COMPANY),
}


def stacks_of(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Synthesize a lab in this process; each stack's JSON under its name."""
    app = cdk.App(outdir=str(folder / "cdktf.out"))
    add_stacks(app, parse(content, path=str(folder / "lab.toml")))
    app.synth()
    return read(folder)


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every shipped lab, one with every setting and one in a company's network, with their stacks.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAFKALAB_PUBLIC_KEY", KEY)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        return {
            name: stacks_of(data(path, extra), tmp_path_factory.mktemp(name))
            for name, (path, extra) in LABS.items()
        }
