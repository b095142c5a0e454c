"""The passages that a run goes through, in order."""

from __future__ import annotations

from scripts.errors import LabError
from scripts.passages.growing import Growing
from scripts.passages.passage import Passage, Run
from scripts.passages.securing import Securing
from scripts.passages.upgrading import Upgrading
from scripts.workstation.screen import Progress

# What is held back is held while an ensemble grows, too.
KINDS: tuple[type[Passage], ...] = (Upgrading, Growing, Securing)


def enter(
    run: Run, progress: Progress | None = None, refused: list[str] | None = None
) -> tuple[tuple[Passage, ...], Run]:
    """What a run passes through, and the run as it is meanwhile.

    Why a cluster cannot is added to `refused`; without that it is raised as LabError.
    """
    found: list[Passage] = []
    for kind in KINDS:
        try:
            one = kind.find(run)
        except LabError as error:
            if refused is None:
                raise
            refused += [str(error), *getattr(error, "__notes__", ())]  # others are in the notes
            continue
        run = one.hold(run, progress)
        found.append(one)
    return tuple(found), run


def unfit(run: Run) -> list[LabError]:
    """Why clusters cannot pass, as far as they can be asked before other hosts are made."""
    return [error for kind in KINDS for error in kind.unfit(run)]
