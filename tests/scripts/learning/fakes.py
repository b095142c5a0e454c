"""A lab without hosts for exercises: answers from a table, and an admin client with a memory."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from lab.file import parse as lab_of
from lab.learning.exercise import parse as exercise_of
from lab.learning.facts import question
from lab.services.context import Context
from lab.topology import Topology, build
from scripts.learning import live
from scripts.learning.course import Course
from scripts.learning.library import Book
from scripts.platforms import Instance, Steps
from tests.fakes import FakeFleet, FakeHost

EXERCISE: dict[str, Any] = {
    "chapter": 3, "minutes": 5, "title": {"en": "T"},
    "topics": ["{topic}"], "groups": ["g-{owner}"],
    "parameters": {"topic": "t-{owner}"},
    "questions": [{
        "id": "who", "ask": {"en": "Who?"}, "probe": "leader", "open": "there",
        "choices": ["1", "2"], "with": {"topic": "{topic}", "partition": 0}, "why": {"en": "so"},
    }],
    "claims": [{
        "id": "there", "say": {"en": "{topic} is there"}, "probe": "topic",
        "with": {"topic": "{topic}", "partitions": 1},
        "hints": {"absent": [{"en": "make it"}, {"en": "kafka-topics.sh --create"}],
                  "more": {"en": "begin anew"}},
    }],
}
THERE = {"topic name=t-ann": [{"number": 0, "leader": 1, "replicas": [1], "isr": [1]}],
         "brokers": [1]}
ABSENT: dict[str, Any] = {"topic name=t-ann": None, "brokers": [1]}
STEPS = Steps(absent="make it first", stopped="start it first")


def topology(brokers: int = 1, control: int = 1) -> Topology:
    return build(lab_of({"owner": "ann", "datacenters": [{
        "name": "dc1", "cidr": "10.1.0.0/24", "kafka": brokers, "zookeeper": 1, "control": control,
    }]}).lab)


def instance(name: str, *, running: bool = True) -> Instance:
    return Instance(name, name, running, "127.0.0.1", 22, "student", "ssh-ed25519 AAAA", "10.1.0.9")


@dataclass
class Lab:
    """answers: what its cluster says, by question; another question is a KeyError."""

    state: Path
    topology: Topology
    answers: Mapping[str, Any]
    instances: dict[str, Instance]
    hosts: list[FakeHost] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def session(self) -> Any:
        return SimpleNamespace(
            state=self.state, topology=self.topology,
            platform=SimpleNamespace(
                instances=lambda: self.instances, steps=STEPS, key_file=self.state / "key"),
            context=lambda software, instances, *_: Context(self.topology, reached={
                (host.name, 9094): ("127.0.0.1", 9) for host in self.topology.hosts}),
            fleet=lambda instances: nullcontext(FakeFleet(self.hosts)),
        )

    def course(self, folder: Path, data: Mapping[str, Any] = EXERCISE) -> Course:
        return Course(self.session, Book(exercise_of(data, id="ch3-try"), folder), "en")


def a_lab(
    monkeypatch: pytest.MonkeyPatch, state: Path, answers: Mapping[str, Any], brokers: int = 1
) -> Lab:
    """A lab that runs, whose cluster answers so."""
    shape = topology(brokers)
    lab = Lab(state, shape, answers, {host.name: instance(host.name) for host in shape.hosts})

    class Live:
        def __init__(self, site: Any) -> None:
            assert site.name == "dc1"

        def anew(self) -> Live:
            return self

        def ask(self, what: str, arguments: Mapping[str, Any]) -> Any:
            lab.asked.append(question(what, arguments))
            return lab.answers[lab.asked[-1]]

        def close(self) -> None:
            lab.asked.append("closed")

    monkeypatch.setattr(live, "Live", Live)
    return lab


def done(value: Any) -> Future[Any]:
    found: Future[Any] = Future()
    if isinstance(value, Exception):
        found.set_exception(value)
    else:
        found.set_result(value)
    return found


@dataclass
class Admin:
    """An admin client: topics and groups with their members. leaving: how many looks it takes until
    a group's members have left, None for never. slow: how many listings a removed topic stays in.
    """

    topics: set[str] = field(default_factory=set)
    groups: dict[str, list[str]] = field(default_factory=dict)
    leaving: int | None = 0
    slow: int = 0
    heard: list[str] = field(default_factory=list)
    _leaving: dict[str, int] = field(default_factory=dict)

    def list_topics(self, timeout: float) -> Any:
        assert timeout
        for name, left in list(self._leaving.items()):
            self._leaving[name] = left - 1
            if left <= 0:
                del self._leaving[name]
                self.topics.discard(name)
        return SimpleNamespace(topics=dict.fromkeys(self.topics))

    def delete_topics(self, names: list[str], operation_timeout: float) -> dict[str, Future[Any]]:
        assert operation_timeout
        found = {}
        for one in names:
            assert one in self.topics, f"there is no topic {one}"
            gone = KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
            found[one] = done(gone if one in self._leaving else None)
            self.heard.append(f"topic {one}")
            self._leaving.setdefault(one, self.slow)
            if not self.slow:
                self.topics.discard(one)
        return found

    def list_consumer_groups(self, request_timeout: float) -> Future[Any]:
        assert request_timeout
        return done(SimpleNamespace(
            valid=[SimpleNamespace(group_id=one) for one in self.groups], errors=[]))

    def describe_consumer_groups(self, names: list[str]) -> dict[str, Future[Any]]:
        (name,) = names
        if self.leaving is not None:
            self.leaving -= 1
            if self.leaving < 0:
                self.groups[name] = []
        return {name: done(SimpleNamespace(members=[
            SimpleNamespace(client_id=one, host="/10.1.0.9") for one in self.groups[name]]))}

    def delete_consumer_groups(self, names: list[str]) -> dict[str, Future[Any]]:
        for one in names:
            assert self.groups.pop(one) == [], f"{one} is not empty"
            self.heard.append(f"group {one}")
        return {one: done(None) for one in names}
