"""Certificates and rights as exercises look at them."""

from __future__ import annotations

from typing import Any

import pytest

from lab.file import parse as lab_of
from lab.learning.exercise import parse
from lab.learning.facts import Facts, recorded
from lab.learning.needs import fits, lab_file, needs
from lab.learning.probes import look

EXPIRED = "the certificate is not believed: certificate has expired"
MISMATCH = ("the certificate is not believed: IP address mismatch, certificate is not valid for "
            "'127.0.0.1'.")
STRANGER = "the certificate is not believed: unable to get local issuer certificate"


def facts(*, shown: Any = None, refused: Any = (), rights: Any = ()) -> Facts:
    return recorded({"dc1": {
        "certificates": {"1": shown} if shown else {},
        "refusals user=u": [list(one) for one in refused], "rights user=u": list(rights),
    }}, "dc1")


@pytest.mark.parametrize(("left", "state"), [(5, "good"), (90000, "good"), (0, "good"),
                                             (-1, "ok")])
def test_a_certificate_has_ended_once_no_second_of_it_is_left(left: int, state: str) -> None:
    assert look("outlived", facts(shown=[["a"], left, ""]), {"broker": 1}).state == state
    assert look("outlived", facts(), {"broker": 1}).state == "none"
    assert look("outlived", facts(shown=[["a"], left, ""]), {"broker": 2}).state == "none"


@pytest.mark.parametrize(("names", "left", "state"), [
    (["old"], 90000, "ok"), (["old"], -1, "ended"), (["old", "localhost"], 90000, "others"),
    (["localhost"], 90000, "others"),
])
def test_a_certificate_for_a_name_that_nobody_calls(
    names: list[str], left: int, state: str
) -> None:
    asked = {"broker": 1, "name": "old"}
    assert look("misnamed", facts(shown=[names, left, MISMATCH]), asked).state == state
    assert look("misnamed", facts(), asked).state == "none"


@pytest.mark.parametrize(("left", "refusal", "state"), [
    (86400, "", "ok"), (86399, "", "short"), (-5, EXPIRED, "expired"),
    (90000, MISMATCH, "mismatch"), (90000, STRANGER, "unknown"),
    (90000, "connection refused", "unknown"),
])
def test_a_certificate_is_believed_by_what_a_client_says(
    left: int, refusal: str, state: str
) -> None:
    found = look("believed", facts(shown=[["a"], left, refusal]), {"broker": 1})
    assert found.state == state
    assert look("believed", facts(), {"broker": 1}).state == "none"


@pytest.mark.parametrize(("name", "answer"), [("127.0.0.1", "answers"), ("old", "mismatch")])
def test_what_a_client_says_of_a_name(name: str, answer: str) -> None:
    found = look("misnaming", facts(), {"name": name, "called": "127.0.0.1:9194"})
    assert found.answer == answer


REFUSED = [("describe", "topic", "t"), ("read", "group", "g"), ("describe", "topic", "other")]


@pytest.mark.parametrize(("kind", "name", "state"), [
    ("topic", "t", "ok"), ("group", "g", "ok"), ("group", "t", "others"), ("topic", "g", "others"),
])
def test_who_was_refused_what(kind: str, name: str, state: str) -> None:
    asked = {"user": "u", "kind": kind, "name": name}
    found = look("denied", facts(refused=REFUSED), asked)
    assert (found.state, found.answer) == (state, kind if state == "ok" else None)
    assert look("denied", facts(), asked).state == "none"
    if state == "others":
        assert found.seen["found"] == "group g, topic other", "the last ones"


@pytest.mark.parametrize(("rights", "state", "seen"), [
    ([], "none", {}), (["read topic t"], "fewer", {"lacking": "read group g"}),
    (["read topic t", "read group g"], "ok", {}),
    (["read topic t", "read group g", "describe topic t"], "ok", {}),
    (["read topic *", "read group g"], "more", {"found": "read topic *"}),
    (["read topic t", "read group g", "write topic t"], "more", {"found": "write topic t"}),
    (["deny read topic t"], "more", {"found": "deny read topic t"}),
])
def test_what_was_granted_is_that_and_no_more(
    rights: list[str], state: str, seen: dict[str, str]
) -> None:
    found = look("granted", facts(rights=rights), {"user": "u", "topic": "t", "group": "g"})
    assert found.state == state
    assert seen.items() <= found.seen.items()


def exercise(**change: Any) -> Any:
    return parse({"minutes": 5, "title": {"en": "T"}, "claims": [
        {"id": "a", "say": {"en": "A"}, "probe": "topic"}], **change}, id="ch-x")


PLACE = lab_of({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24"}]}).lab.datacenters[0]


def test_what_such_exercises_need() -> None:
    certified, proven = exercise(certificates=True), exercise(user="clerk")
    assert needs(certified) == "brokers with certificates"
    assert needs(proven) == "acls = true and a user clerk who proves it"
    assert {lab_file(certified), lab_file(proven)} == {"labs/guarded.toml"}
    assert fits(certified, PLACE, mirrored=False, certified=True)
    assert not fits(certified, PLACE, mirrored=False)
    assert fits(proven, PLACE, mirrored=False, users=("bob", "clerk"))
    assert not fits(proven, PLACE, mirrored=False, users=("bob",))
