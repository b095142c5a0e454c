"""A fleet without SSH that knows which scripts may come, and rejects all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from scripts.errors import CommandError, LabError
from scripts.hosts.fleet import Answer, Fleet

T = TypeVar("T")
Reply = Answer | str | Exception | Callable[[str], "Answer | str"]


@dataclass
class FakeHost:
    """Replies by label. `heard` is every (label, text) in order."""

    name: str
    replies: Mapping[str, Reply] = field(default_factory=dict)
    words: Callable[[int, bytes], str] | None = None
    heard: list[tuple[str, str]] = field(default_factory=list)
    anew_says: Reply = ""  # to what confirms rules over a new connection
    closed: LabError | None = None  # why nobody can log in

    def script(
        self, text: str, *, label: str, timeout: float = 120, check: bool = True
    ) -> Answer:
        del timeout
        return self._reply(label, text, check)

    def upload(self, source: Path, command: str, *, label: str, timeout: float = 600) -> Answer:
        del timeout
        assert source.is_file()
        return self._reply(label, command, True)

    def ask(self, port: int, question: bytes, *, timeout: float = 5) -> str:
        del timeout
        assert self.words is not None, f"{self.name}: unexpected question {question!r} to {port}"
        return self.words(port, question)

    def anew(self, patience: float) -> FakeHost:
        """The host over a new connection; `heard` is the same list."""
        assert patience > 0
        self.heard.append(("anew", ""))
        return replace(self, replies={"keep the security rules": self.anew_says})

    def open(self) -> None:
        if self.closed:
            raise self.closed

    def close(self) -> None: ...

    def _reply(self, label: str, text: str, check: bool) -> Answer:
        self.heard.append((label, text))
        assert label in self.replies, f"{self.name}: unexpected command {label!r}"
        reply = self.replies[label]
        if callable(reply):
            reply = reply(text)
        if isinstance(reply, Exception):
            raise reply
        answer = Answer(reply, "", 0) if isinstance(reply, str) else reply
        if check and answer.status:
            raise CommandError(label, answer.status, answer.stdout, answer.stderr, where=self.name)
        return answer

    @property
    def labels(self) -> list[str]:
        return [label for label, _ in self.heard]


class FakeFleet(Fleet):
    """Only the hosts given; asking for another is a KeyError."""

    def __init__(self, hosts: Iterable[FakeHost]) -> None:
        self.hosts = {host.name: host for host in hosts}  # type: ignore[assignment]

    def __getitem__(self, name: str) -> FakeHost:  # type: ignore[override]
        return self.hosts[name]  # type: ignore[return-value]
