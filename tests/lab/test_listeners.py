"""How brokers come to other listeners: at no moment does one of them, or a client, find it shut.
"""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import pytest
from hypothesis import given, strategies as st

from lab.file import LabFileError, parse
from lab.listeners import KINDS, Listening, now, said, steps, wanted, words
from lab.options.security import Protocol, Security

protocols = st.sampled_from(get_args(Protocol))
goals = st.lists(protocols, min_size=1, max_size=2, unique=True).filter(
    lambda names: len(names) == 1 or "plaintext" in names).map(
    lambda names: wanted(Security.model_validate({"listeners": names})))


def sound(brokers: list[Listening], clients: str) -> bool:
    """Every broker reaches every other one, and the lab's clients reach them all; none of them has
    to log in."""
    return not KINDS[clients].mechanism and all(
        one.brokers in other.open and not KINDS[one.brokers].mechanism
        for one in brokers for other in brokers
    ) and all(clients in one.open for one in brokers)


@given(st.data(), goals, goals, st.integers(1, 5))
def test_no_door_is_shut_before_everybody_has_gone_through_another(
    data: st.DataObject, first: Listening, goal: Listening, count: int
) -> None:
    """Brokers restart one at a time, in any order; a run is cut off anywhere, and the next one goes
    on, perhaps to another goal."""
    brokers = [first] * count
    for target in (goal, data.draw(goals)):
        for _ in range(data.draw(st.integers(0, 2))):  # runs that are cut off
            walk(data, brokers, target, whole=False)
        walk(data, brokers, target, whole=True)
        assert all((set(one.open), one.brokers) == (set(target.open), target.brokers)
                   for one in brokers)
        assert steps(brokers, target) == ()


def walk(data: st.DataObject, brokers: list[Listening], goal: Listening, *, whole: bool) -> None:
    ahead = steps(brokers, goal)
    assert len(ahead) <= 3
    for step in ahead:
        assert sound(brokers, step.clients)
        for index in data.draw(st.permutations(range(len(brokers)))):
            brokers[index] = said(step.option)
            assert sound(brokers, step.clients)
            if not whole and data.draw(st.booleans()):
                assert sound(brokers, now(brokers, goal).clients)
                return


PLAIN, TLS = Listening(), Listening(("tls",), "tls", "tls")
BOTH = Listening(("plaintext", "tls"), "tls", "tls")


def test_it_takes_no_more_steps_than_it_must() -> None:
    """Nobody may speak what is not open everywhere, nor close what somebody speaks: three steps
    from one to the other, two while both stay open, one to close what nobody speaks."""
    counts = {
        (PLAIN, PLAIN): 0, (PLAIN, BOTH): 2, (BOTH, TLS): 1, (PLAIN, TLS): 3,
        (TLS, PLAIN): 3, (BOTH, PLAIN): 2, (TLS, TLS): 0,
    }
    assert {pair: len(steps([pair[0]] * 3, pair[1])) for pair in counts} == counts


def test_the_steps_are_told() -> None:
    at, told = PLAIN, []
    for step in steps([PLAIN], TLS):
        told.append(words(at, step))
        at = step
    assert told == [
        "brokers open tls beside plaintext",
        "brokers and the lab's own clients go over to tls",
        "brokers close plaintext",
    ]


SCRAM = Listening(("mtls", "scram"), "mtls", "mtls")


def test_people_come_to_log_in_beside_the_labs_own_listener() -> None:
    at, told = PLAIN, []
    for step in steps([PLAIN], wanted(Security(listeners=("scram",)))):
        told.append(words(at, step))
        at = step
    assert told == [
        "brokers open mtls, scram beside plaintext",
        "brokers and the lab's own clients go over to mtls",
        "brokers close plaintext",
    ]
    assert (at.people, at.clients) == ("scram", "mtls")
    assert [words(SCRAM, step) for step in steps([SCRAM], Listening(("mtls",), "mtls", "mtls"))] \
        == ["brokers close scram"]


@pytest.mark.parametrize(("listeners", "people"), [
    (("plaintext", "scram"), "scram"), (("scram", "plaintext"), "plaintext"), (("mtls",), "mtls"),
    (("kerberos",), "scram"),
])
def test_people_take_what_the_file_names_last(listeners: tuple[Protocol, ...], people: str) -> None:
    assert wanted(Security(listeners=listeners)).people == people


def test_what_may_be_open_together_has_ports_of_its_own() -> None:
    for one, other in combinations(KINDS, 2):
        ports = [{KINDS[name].inside, KINDS[name].outside} for name in (one, other)]
        same = ports[0] & ports[1]
        assert bool(same) is ({one, other} == {"tls", "mtls"})


def test_without_security_nothing_is_on_a_command_line() -> None:
    assert PLAIN.option == "" and said("java\n-Xmx64m\nkafka.Kafka") == PLAIN
    assert said(f"java\n{BOTH.option}\nkafka.Kafka") == BOTH


@pytest.mark.parametrize(("value", "accepted"), [
    ("tls", ("tls",)), (["plaintext", "tls"], ("plaintext", "tls")),
])
def test_one_is_a_list_of_one(value: object, accepted: tuple[str, ...]) -> None:
    assert lab(value).security.listeners == accepted


@pytest.mark.parametrize("value", [
    "ssl", [], ["tls", "tls"], ["plaintext", "tls", "plaintext"], 1, ["tls", "mtls"],
    ["tls", "scram"], ["mtls", "scram"], ["scram", "kerberos"], ["tls", "kerberos"],
])
def test_what_is_no_protocol_is_told(value: object) -> None:
    with pytest.raises(LabFileError, match=r"security\.listeners"):
        lab(value)


def lab(listeners: object):  # type: ignore[no-untyped-def]
    return parse({
        "owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
        "security": {"listeners": listeners},
    }).lab
