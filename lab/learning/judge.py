"""Claims and predictions against the facts: what holds, what was seen, and what helps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.learning.exercise import Claim, Exercise, ExerciseError, Question, Value, filled
from lab.learning.facts import Facts
from lab.learning.probes import Finding, look
from lab.learning.probes.finding import OK, check
from lab.learning.progress import Progress
from lab.learning.words import sentence, sentences, told

LATE = "late"


@dataclass(frozen=True)
class Verdict:
    """One line of a check. `claim`: its id, or a question's. say: what is claimed. state: what the
    probe found; seen: that in words, "" where it holds and says nothing. hints: what may help, the
    most general first."""

    claim: str
    held: bool
    say: str
    state: str
    seen: str = ""
    hints: tuple[str, ...] = ()

    @property
    def sign(self) -> str:
        """What stands before the line. A prediction is no claim: it has a sign of its own until it
        has come, and where it came otherwise."""
        return {"open": "○", "wrong": "≠"}.get(self.state, "✓") if self.held else "✗"

    @property
    def hint(self) -> str:
        """The first of them, "" where there is none."""
        return self.hints[0] if self.hints else ""

    def as_json(self) -> dict[str, Any]:
        return {"claim": self.claim, "held": self.held, "say": self.say, "state": self.state,
                "seen": self.seen, "hint": self.hint}


@dataclass(frozen=True)
class Judged:
    """A whole check: its lines in order, and the progress after it."""

    verdicts: tuple[Verdict, ...]
    progress: Progress

    @property
    def solved(self) -> bool:
        return all(one.held for one in self.verdicts)

    @property
    def late(self) -> tuple[Verdict, ...]:
        """The questions that nobody can answer any more."""
        return tuple(one for one in self.verdicts if one.state == LATE)

    @property
    def helped(self) -> Verdict | None:
        """The first line that does not hold and that something can be done about."""
        return next((one for one in self.verdicts if not one.held and one.state != LATE), None)


@dataclass(frozen=True)
class Bench:
    """What is needed to judge one student's exercise: it, its parameters, facts, and progress."""

    exercise: Exercise
    values: Mapping[str, Value]
    facts: Facts
    progress: Progress
    language: str = "en"

    def judge(self, *, now: float, only: str = "") -> Judged:
        """Every question and claim, at a time in s since 1970; or `only` one claim, by its id."""
        claimed = [self._claimed(one) for one in self.exercise.claims if only in ("", one.id)]
        so = {one.claim for one in claimed if one.held}
        verdicts = [
            *(self._asked(one, come=not one.open or one.open in so)
              for one in self.exercise.questions if not only),
            *claimed,
        ]
        after = self.progress.hold({
            one.id: now for one in self.exercise.claims if one.once and one.id in so
        })
        if all(one.held for one in verdicts) and not only and not after.solved:
            after = replace(after, solved=now)
        return Judged(tuple(verdicts), after)

    def too_late(self, question: Question) -> bool:
        """Whether what is asked for has come already, so that it is no prediction any more."""
        claims = (one for one in self.exercise.claims if one.id == question.open)
        return any(self._look(one).ok for one in claims)

    def as_json(self, judged: Judged) -> dict[str, Any]:
        """A check as programs get it (docs/exercise.schema.json)."""
        return {
            "exercise": self.exercise.id, "solved": judged.solved,
            "parameters": {name: self.values[name] for name in self.exercise.parameters},
            "claims": [one.as_json() for one in judged.verdicts],
        }

    def survey(self) -> Facts:
        """The facts with all in them that claims and questions ask for, also those that count
        already or whose turn has not come: what there is to draw."""
        parts: Sequence[Claim | Question] = (*self.exercise.claims, *self.exercise.questions)
        for one in parts:
            self._look(one)
        return self.facts

    def _look(self, one: Claim | Question) -> Finding:
        return look(one.probe, self.facts, filled(one.args, self.values))

    def _claimed(self, claim: Claim) -> Verdict:
        say = told(claim.say.said(self.language), self.values)
        if claim.once and claim.id in self.progress.held:
            return Verdict(claim.id, True, say, OK)
        found = self._look(claim)
        if found.ok:
            told_too = OK in sentences()[claim.probe]  # figures that one wants to see
            return Verdict(claim.id, True, say, OK, sentence(
                claim.probe, OK, found.seen, self.language) if told_too else "")
        hints = claim.hints.get(found.state) or claim.hints.get("any", ())
        words = {**self.values, **found.seen}
        return Verdict(
            claim.id, False, say, found.state,
            sentence(claim.probe, found.state, found.seen, self.language),
            tuple(told(one.said(self.language), words) for one in hints),
        )

    def _asked(self, question: Question, *, come: bool) -> Verdict:
        """Whether a question was answered; a prediction may be wrong, and is told so, once what
        it asks for has come."""
        say = told(question.ask.said(self.language), self.values)
        said = self.progress.answers.get(question.id)
        if said is None:
            words = {"id": self.exercise.id, "name": question.id}
            state = LATE if self.too_late(question) else "unanswered"
            return Verdict(question.id, False, say, state,
                           sentence("question", state, words, self.language))
        came = self._look(question).answer if come else None
        why = told(question.why.said(self.language), {**self.values, "answer": came or ""})
        state = "open" if came is None else "right" if _same(said, came) else "wrong"
        seen = {"said": said, "answer": came or "", "why": why}
        return Verdict(
            question.id, True, say, state, sentence("question", state, seen, self.language)
        )


def _same(said: str, came: str) -> bool:
    return said.strip().casefold() == came.casefold()


def mistakes(exercise: Exercise, values: Mapping[str, Value]) -> Iterator[str]:
    """What of an exercise cannot work, whatever the cluster says; a line each."""
    parts: Sequence[Claim | Question] = (*exercise.claims, *exercise.questions)
    for one in parts:
        texts = (one.say, *(hint for some in one.hints.values() for hint in some)) if isinstance(
            one, Claim) else (one.ask, one.why)
        try:
            check(one.probe, filled(one.args, values))
            for text in texts:
                for language in ("en", "ko"):
                    told(text.said(language), _AnyWord(values))
        except (ExerciseError, KeyError, ValueError, IndexError) as error:
            yield f"{exercise.id}: {one.id}: {error}"
            continue
        if isinstance(one, Claim):
            known = sentences()[one.probe].keys() | {"any"}
            for state in one.hints.keys() - known:
                yield (f"{exercise.id}: {one.id}: no state {state!r} of {one.probe} "
                       f"(known: {', '.join(sorted(known))})")
    for name in (*exercise.topics, *exercise.groups, *exercise.share_groups,
                 *exercise.transactions, *exercise.clients):
        try:
            filled(name, values)
        except ExerciseError as error:
            yield f"{exercise.id}: {error}"


class _AnyWord(dict[str, Value]):
    """Parameters, with a stand-in for what only a probe knows."""

    def __missing__(self, key: str) -> Value:
        return f"<{key}>"

