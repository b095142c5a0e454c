"""The page of an exercise: its task, what holds, and the facts as drawings, in one HTML file that
needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.learning.drawn import Drawing
from lab.learning.drawn.segments import Log
from lab.learning.exercise import Exercise
from lab.learning.judge import Judged
from lab.learning.words import page_words
from scripts.errors import UsageError
from scripts.learning.drawn import panel
from scripts.learning.drawn.paper import Said
from scripts.learning.drawn.segments import where
from scripts.picture.page import template


@dataclass(frozen=True)
class Sheet:
    """What goes on a page. task: Markdown, with its parameters filled in. drawings: with their
    datacenters. at: s since 1970. offset: one to be pointed at in logs."""

    exercise: Exercise
    language: str
    lab: str
    task: str
    judged: Judged
    drawings: Sequence[tuple[str, Drawing]]
    at: float
    offset: int | None = None


def render(sheet: Sheet) -> str:
    """The page's HTML."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    said = Said(page_words(), sheet.language)
    several = len({datacenter for datacenter, _ in sheet.drawings}) > 1
    panels = [
        (datacenter if several else "", panel(one, said=said, ident=f"d{number}",
                                              offset=sheet.offset))
        for number, (datacenter, one) in enumerate(sheet.drawings, 1)
    ]
    verdicts = sheet.judged.verdicts
    return str(template(Path(__file__).parent).render(
        said=said, language=sheet.language, lab=sheet.lab, id=sheet.exercise.id,
        chapter=sheet.exercise.chapter, title=sheet.exercise.title.said(sheet.language),
        # Neither a task's own HTML nor a drawing's text can end an element: the one is not taken
        # for HTML, the other was serialized by ElementTree, which quotes what needs quoting.
        task=Markup(_html(sheet.task)), svg=Markup,  # noqa: S704
        verdicts=verdicts, first=sheet.judged.helped, solved=sheet.judged.solved,
        held=sum(one.held for one in verdicts), panels=panels,
        at=datetime.fromtimestamp(sheet.at, UTC),
    ))


def pointed(sheet: Sheet) -> list[str]:
    """In which file the offset is, of each log that is drawn; nothing without an offset. Raises
    UsageError when no log is."""
    if sheet.offset is None:
        return []
    said = Said(page_words(), sheet.language)
    logs = [one for _, one in sheet.drawings if isinstance(one, Log)]
    if not logs:
        raise UsageError(
            f"--offset {sheet.offset}: there are no files to look for it",
            hint="for an exercise about segments, once its topic is there",
        )
    return [f"{one.topic}-{one.partition}: {where(one, sheet.offset, said)}" for one in logs]


def _html(markdown: str) -> str:
    """A task as HTML, its headings one level lower: the page has one of its own."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - 30 ms

    reader = MarkdownIt("commonmark", {"html": False})
    tokens = reader.parse(markdown)
    if tokens and tokens[0].tag == "h1":  # the exercise's title, which the page has already
        tokens = tokens[3:]
    for one in tokens:
        if one.type in ("heading_open", "heading_close"):
            one.tag = f"h{min(6, int(one.tag[1]) + 2)}"
    return str(reader.renderer.render(tokens, reader.options, {}))
