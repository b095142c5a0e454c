"""Holds the thin bindings and the prebuilt provider against each other: the JSON, time and memory.

    python -m tests.equivalence PYTHON      (or: make test-equivalence)

PYTHON has the prebuilt provider. Exits 1 where the JSON of any lab differs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.aws_labs import EVERYTHING, FILES, PROJECT, overlaid
from tests.synthesis import synthesize

BINDINGS = PROJECT / "stacks" / "aws.py"


def bindings_are_the_generators(python: str) -> bool:
    """Whether stacks/aws.py is what the generator makes of the provider that PYTHON has."""
    done = subprocess.run(
        [python, "-m", "stacks.generate"], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    same = done.stdout == BINDINGS.read_text()
    print(f"stacks/aws.py: {'as generated' if same else 'DIFFERS from what is generated'}")
    return same


def main() -> int:
    python = str(Path(sys.argv[1]).absolute())
    right = bindings_are_the_generators(python)
    labs = [*((path, {}) for path in FILES), (FILES[0], EVERYTHING)]
    with tempfile.TemporaryDirectory() as name:
        for number, (path, extra) in enumerate(labs):
            folders = [Path(name) / f"{number}-{kind}" for kind in ("thin", "prebuilt")]
            for folder in folders:
                folder.mkdir()
            lab = overlaid(path, folders[0] / "lab.toml", extra)
            thin = synthesize(sys.executable, "stacks", lab, folders[0])
            prebuilt = synthesize(python, "tests.equivalence.prebuilt", lab, folders[1])
            same = thin.stacks == prebuilt.stacks
            right = right and same
            what = f"{path.name}{' with everything' if extra else ''}"
            print(f"{what}: {len(thin.stacks)} stacks {'equal' if same else 'DIFFER'}")
            for kind, run in (("thin", thin), ("prebuilt", prebuilt)):
                print(f"  {kind:8}  {run.wall_s:5.1f} s, {run.cpu_s:5.1f} CPU-s, "
                      f"{run.memory_mb:4.0f} MB")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
