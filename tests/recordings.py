"""What exercises are tested with where there is no lab: facts, recorded on a real one.

    python -m tests.recordings [ID …]

Of each exercise (all, without an ID) on the lab that LAB names: nothing done, solved, and each way
to do it wrong, as `fab exercise.check ID --facts FILE` writes it, and a file with the verdicts. One
about upgrades is recorded only where it is named: the lab is then ended and made anew each time,
and its file changed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.learning.judge import Judged
from lab.learning.snapshot import Snapshot, parse
from scripts.learning import library

FOLDER = Path(__file__).parent / "lab" / "learning" / "recorded"
VERDICTS = "verdicts.txt"
FAB = Path(sys.executable).with_name("fab")
NOTHING, SOLVED, WRONG = "nothing", "solved", "wrong-"


def names() -> list[str]:
    """The exercises that were recorded."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def kinds(name: str) -> list[str]:
    """What there should be of an exercise."""
    return [NOTHING, SOLVED, *(f"{WRONG}{one}" for one in library.load(name).wrong)]


def snapshot(name: str, kind: str) -> Snapshot:
    return parse((FOLDER / name / f"{kind}.json").read_text(encoding="utf-8"))


def judged(name: str, kind: str, language: str = "en") -> Judged:
    exercise = library.load(name).exercise
    return snapshot(name, kind).bench(exercise, language).judge(now=1.0)


def verdicts(name: str) -> str:
    """Every recording of an exercise, judged: a line for each claim, and one for each hint."""
    lines = []
    for kind in kinds(name):
        lines.append(kind)
        for one in judged(name, kind).verdicts:
            seen = f": {one.seen}" if one.seen else ""
            lines.append(f"  {one.sign} {one.claim} {one.state}{seen}")
            lines += [f"      {hint}" for hint in one.hints]
    return "\n".join(lines) + "\n"


def write(name: str) -> None:
    """Judge anew what was recorded, and keep the verdicts."""
    (FOLDER / name / VERDICTS).write_text(verdicts(name), encoding="utf-8")


def record(name: str) -> None:
    """Do an exercise on the lab in every way, and keep what a check saw."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    ways = {NOTHING: [], SOLVED: ["exercise.solve", name],
            **{f"{WRONG}{one}": ["exercise.solve", name, "--wrong", one]
               for one in library.load(name).wrong}}
    for kind, words in ways.items():
        if begins := library.load(name).exercise.begins:
            _made_anew(Path(os.environ["LAB"]), begins)
        _fab("exercise.reset", name)
        if words:
            _fab(*words, accepted=(0,) if kind == SOLVED else (1,))
        _fab("exercise.check", name, "--facts", str(folder / f"{kind}.json"),
             accepted=(0,) if kind == SOLVED else (1,))
        print(f"{name}: {kind}", flush=True)
    _fab("exercise.reset", name)
    write(name)


def _made_anew(file: Path, version: str) -> None:
    """The lab of this file, with this version of Kafka from its beginning."""
    _fab("down")
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r'(?m)^version = .*$', f'version = "{version}"', text), encoding="utf-8")
    _fab("up")


def _fab(*words: str, accepted: Sequence[int] = (0,)) -> None:
    done = subprocess.run([str(FAB), *words], capture_output=True, text=True, check=False)
    if done.returncode not in accepted:
        sys.exit(f"fab {' '.join(words)} ended with {done.returncode}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    rest = (one for one in library.names() if not library.load(one).exercise.begins)
    for one in sys.argv[1:] or rest:
        record(one)
