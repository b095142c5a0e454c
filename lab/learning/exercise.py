"""An exercise as its folder's `exercise.toml` says: what it takes, asks and claims."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from lab.options.section import Section
from lab.versions import KafkaVersion, Metadata

LANGUAGES = ("en", "ko")
WORD = re.compile(r"\{([a-z_]+)\}")
Value = int | str
Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class Text(Section):
    """A text in each language; another language than English may lack, and is English then."""

    en: str
    ko: str = ""

    def said(self, language: str) -> str:
        return str(getattr(self, language, "")) or self.en


class Derived(Section):
    """A parameter that each student has another one of: one of a list, or a number between two;
    or the sum of others."""

    choose: tuple[Value, ...] = ()
    between: tuple[int, int] | None = None
    sum: tuple[Value, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> Derived:
        if [bool(self.choose), bool(self.between), bool(self.sum)].count(True) != 1:
            raise ValueError("accepted: choose = [...], between = [first, last] or sum = [...]")
        if self.between and self.between[0] > self.between[1]:
            raise ValueError("accepted: between = [first, last], ascending")
        return self

    def value(self, seed: str) -> Value:
        number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
        if self.between:
            first, last = self.between
            return first + number % (last - first + 1)
        return self.choose[number % len(self.choose)]


# One text stands for a list of one.
Hints = Annotated[
    tuple[Text, ...], BeforeValidator(lambda found: found if isinstance(found, list) else [found]),
    Field(min_length=1),
]


class Claim(Section):
    """Something that has to be so at the end. `probe` is a name of `lab.learning.probes`.

    once: it need not stay so; that it was seen is kept. wait: s that a check waits for it. hints:
    by what the probe found, the most general first.
    """

    id: Id
    say: Text
    probe: str
    args: Mapping[str, Any] = Field({}, alias="with")
    once: bool = False
    wait: Annotated[int, Field(ge=0, le=60)] = 0
    hints: Mapping[str, Hints] = {}


class Question(Section):
    """What a student predicts. `open`: the claim that must not hold yet when it is answered.

    probe: tells what came. choices: the answers that there are; without them a word, or a number
    in digits where `number` says so.
    """

    id: Id
    ask: Text
    probe: str
    args: Mapping[str, Any] = Field({}, alias="with")
    open: str = ""
    choices: tuple[str, ...] = ()
    number: bool = False
    why: Text


# Under /var/tmp, or a parameter that is.
FileName = Annotated[str, Field(pattern=r"^(\{[a-z_]+\}|/var/tmp/[a-z0-9{}_.-]+)$")]


class Exercise(Section):
    """One exercise; `id` is its folder's name. transactions: transactional ids that it uses.
    clients: client ids to which it gives quotas. registry: it takes place where the schema
    registry is; subjects: what it registers there. monitoring: it takes place where Prometheus asks
    brokers. pipeline: its mirror leads to where schemas are registered and a sink reads Avro, and
    there are its subjects and connectors.

    chapter: of a book; None for what came after it. metadata, since: where the cluster has to keep
    its metadata, and from which version of Kafka on; "" for any. begins: the version that it runs
    at first, where the exercise brings it to another one; the lab file then has to leave it to a
    person to finalise that. connect: whether it needs workers of Kafka Connect. connectors, files:
    those that it makes there, and on the first worker's host. certificates: whether brokers have to
    have some. user: one of the lab file that has to prove its name, where `acls = true`; what it is
    granted beside that is taken away again.
    """

    id: Id
    chapter: Annotated[int, Field(ge=1, le=20)] | None = None
    minutes: Annotated[int, Field(ge=1, le=120)]
    title: Text
    brokers: Annotated[int, Field(ge=1, le=9)] = 1
    mirror: bool = False
    connect: bool = False
    registry: bool = False
    certificates: bool = False
    user: str = ""
    monitoring: bool = False
    pipeline: bool = False
    metadata: Metadata | Literal[""] = ""
    since: Annotated[str, Field(pattern=r"^(\d+\.\d+)?$")] = ""
    begins: KafkaVersion | Literal[""] = ""
    parameters: Mapping[str, Derived | Value] = {}
    topics: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    share_groups: tuple[str, ...] = ()
    transactions: tuple[str, ...] = ()
    connectors: tuple[str, ...] = ()
    files: tuple[FileName, ...] = ()
    clients: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _known(self) -> Exercise:
        ids = [one.id for one in self.claims] + [one.id for one in self.questions]
        if len(set(ids)) < len(ids):
            raise ValueError("two claims or questions have the same id")
        claims = {one.id for one in self.claims}
        for question in self.questions:
            if question.open and question.open not in claims:
                raise ValueError(f"questions.{question.id}.open names no claim")
        return self

    def values(self, built_in: Mapping[str, Value]) -> dict[str, Value]:
        """The parameters of one student: derived from owner and id, so always the same.

        built_in: what every exercise has ("owner", "source", …); others may use these.
        """
        found = dict(built_in)
        for name, one in self.parameters.items():
            if isinstance(one, Derived) and one.sum:
                found[name] = sum(int(filled(part, found)) for part in one.sum)
            elif isinstance(one, Derived):
                found[name] = one.value(f"{built_in['owner']}\n{self.id}\n{name}")
            else:
                found[name] = filled(one, found)
        return found


class ExerciseError(ValueError):
    """An exercise's files that cannot be used: what, and in which field."""


def parse(data: Mapping[str, Any], *, id: str) -> Exercise:
    """Check an `exercise.toml` that is already read. Raises ExerciseError, one line a mistake."""
    try:
        return Exercise.model_validate({**data, "id": id})
    except ValidationError as error:
        lines = [
            f"{_key(data, one['loc']) or 'file'}: {one['msg']}"
            for one in error.errors(include_url=False)
        ]
        raise ExerciseError("\n".join(lines)) from None


def _key(data: Any, way: Sequence[int | str]) -> str:
    """The way to a value in words; of several that have an id, the id and not the number."""
    words = []
    for step in way:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            data = None
        named = isinstance(step, int) and isinstance(data, Mapping) and data.get("id")
        words.append(str(named or step))
    return ".".join(words)


def filled(value: Any, values: Mapping[str, Value]) -> Any:
    """A value with `{name}` replaced by a parameter; one that is nothing else keeps its type.

    Raises ExerciseError for a name that is no parameter.
    """
    if isinstance(value, Mapping):
        return {key: filled(one, values) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [filled(one, values) for one in value]
    if not isinstance(value, str):
        return value
    if strange := [name for name in WORD.findall(value) if name not in values]:
        raise ExerciseError(f"{value!r}: no parameter {strange[0]}")
    if (whole := WORD.fullmatch(value)) is not None:
        return values[whole[1]]
    return WORD.sub(lambda found: str(values[found[1]]), value)
