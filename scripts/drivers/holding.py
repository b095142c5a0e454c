"""What the lab does about records that a mirror's target does not take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lab.mirrors.held import Care, Refused
from lab.mirrors.progress import Wait, split
from lab.mirrors.topics import HEARTBEATS
from scripts.drivers.connectors import ConnectorState, Group
from scripts.drivers.flow import Flow
from scripts.drivers.limits import TOPIC_LIMIT, Limits
from scripts.errors import LabError


@dataclass(frozen=True)
class Verdict:
    """What is to be done about a mirror's records: what is changed in its connector, `before` and
    from now on. refused: the records for which topics are held back. coming: those that a copy
    takes as soon as it has its topic's settings. stuck: nothing of the mirror moves."""

    before: Care
    care: Care
    refused: tuple[Refused, ...] = ()
    coming: tuple[Refused, ...] = ()
    stuck: bool = False

    @property
    def acts(self) -> bool:
        """Whether there is something to do about it."""
        return self.care != self.before or bool(self.coming)

    def steps(self, connector: str, flow: Flow) -> Iterator[str]:
        """What is to be done, in lines of a plan."""
        for one in self.coming:
            yield (f"~ topic {flow.copy(one.at).topic} of {flow.mirror.target}: {TOPIC_LIMIT} as "
                   f"in {flow.mirror.source} ({one})")
        for one in self.refused:
            if one.at.topic not in self.before.held:
                yield f"~ connector {connector}: hold topic {one.at.topic} back ({one})"
        for topic in sorted(self.before.held - self.care.held):
            yield f"~ connector {connector}: hold topic {topic} back no more"
        if self.care.batch != self.before.batch:
            yield f"~ connector {connector}: {self.smaller}"

    @property
    def smaller(self) -> str:
        return f"send batches of {self.care.batch:,} bytes, since a copy takes no larger ones"

    def problems(self, mirror: str) -> Iterator[str]:
        """What a person has to do something about."""
        for one in self.refused:
            yield f"{mirror} holds topic {one.at.topic} back: {one}; {one.remedy}"


def judge(flow: Flow, before: Care, *, stuck: bool = False) -> Verdict:
    """What becomes of topics that are held back and, where the mirror is stuck, of all others.

    Raises LabError.
    """
    waits = flow.look(only=None if stuck else before.held) if stuck or before.held else ()
    limits = Limits(flow)
    found = limits.refused(waits) if waits else []
    coming = [one for one in found if one.coming]
    # MirrorMaker takes heartbeats whatever is excluded, so they cannot be held back.
    refused = [one for one in found if not one.coming and not one.at.topic.endswith(HEARTBEATS)]
    held = frozenset(one.at.topic for one in refused)
    # What is refused comes first: batches are too large only where nothing else is in the way.
    new = coming or held - before.held
    waits = tuple(one for one in waits if one.at.topic not in held)
    batch = before.batch if new or not stuck else _batch(flow, limits, waits, before.batch)
    return Verdict(
        before, Care(held, batch), tuple(refused),
        tuple(one for one in coming if one.at.topic not in held), stuck,
    )


def _batch(flow: Flow, limits: Limits, waits: Sequence[Wait], batch: int) -> int:
    """The size of batches that every copy takes for which one was refused."""
    refused = split(flow.log())
    takes = [limits.of(one.at) for one in waits if str(flow.copy(one.at)) in refused]
    return min([batch, *(one.size for one in takes if one)])


def foreseen(
    workers: Group, states: Mapping[str, ConnectorState]
) -> tuple[list[str], list[str]]:
    """What is to be done about records that cannot cross, in lines of a plan, and what nobody but a
    person can do; by the states of connectors that nobody halted. Where a source does not answer,
    nothing."""
    steps: list[str] = []
    problems: list[str] = []
    for name in workers.sources:
        state = states.get(name)
        if state is None:
            continue
        with workers.flow(name) as flow, suppress(LabError):
            care = workers.care_of(name)
            standing = () if state.failed else flow.standing(flow.progress(), care.held)
            verdict = judge(flow, care, stuck=state.failed or bool(standing))
            steps += verdict.steps(name, flow)
            problems += verdict.problems(flow.mirror.name)
            if standing and not verdict.acts:
                steps.append(f"~ connector {name}: restart, {flow.why(standing)}")
    return steps, problems


def told(flow: Flow, care: Care, *, stuck: bool = False) -> list[str]:
    """Which records keep a mirror from going on or hold topics back, in words; where it cannot be
    told, that is told."""
    try:
        verdict = judge(flow, care, stuck=stuck)
    except LabError as error:
        back = f"held back: {', '.join(sorted(care.held))}; " if care.held else ""
        return [f"{back}what waits cannot be looked at: {error}"]
    lines = [f"{one}; run `fab mirror`" for one in verdict.coming]
    for one in verdict.refused:
        if one.at.topic in care.held:
            lines.append(f"topic {one.at.topic} is held back: {one}; {one.remedy}, then run "
                         "`fab mirror`")
        else:
            lines.append(f"{one}; run `fab mirror`, which holds topic {one.at.topic} back, or "
                         f"{one.remedy}")
    lines += [f"topic {topic} is held back and would cross now; run `fab mirror`"
              for topic in sorted(care.held - verdict.care.held)]
    if verdict.care.batch != care.batch:
        lines.append(f"run `fab mirror`, to {verdict.smaller}")
    return lines
