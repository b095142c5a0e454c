"""What is measured of closed listeners: the way there, in which order, and what is told of it."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from itertools import pairwise

import pytest

from bench import costs, measure, report, security
from lab.file import parse
from lab.listeners import KINDS, opened, steps, wanted
from lab.model import Lab


def lab(listeners: list[str] | None = None, rolled: int = 0) -> Lab:
    return parse(tomllib.loads(security.secured(rolled=rolled, listeners=listeners))).lab


def test_each_step_of_the_way_restarts_every_broker_once() -> None:
    """So that each can be held against one rolled setting."""
    before = wanted(lab().security)
    for step, listeners in security.STEPS.items():
        after = wanted(lab(listeners).security)
        assert steps([before] * 3, after) == (after,), step
        before = after
    assert before == wanted(lab(["scram"]).security)


def test_where_listeners_are_measured_all_of_them_are_open_and_brokers_speak_what_is_said() -> None:
    for step, speaks in security.MEASURED.items():
        there = wanted(lab(security.STEPS[step]).security)
        assert {one for one in there.open if KINDS[one].outside} == set(report.LISTENED)
        assert there.brokers == speaks in report.SPOKEN


def test_it_is_the_default_lab_with_its_mirrors_and_a_user_who_may_write_and_read() -> None:
    closed = lab(["scram"], rolled=101)
    assert closed.security.acls and len(closed.mirrors) == 2
    assert closed.kafka.config == {security.ROLLED: "101"}
    assert lab().kafka.config == {} and not lab().security.acls
    (user,) = closed.users
    assert {"write topic *", "read topic *"} <= set(user.acls)
    assert opened(lab().security.listeners) == ("plaintext",)


def test_each_listener_is_first_and_last_equally_often() -> None:
    names = ["plaintext", "mtls", "scram"]
    turns = [costs.order(names, turn) for turn in range(6)]
    assert all(sorted(turn) == sorted(names) for turn in turns)
    for place in range(3):
        assert set(Counter(turn[place] for turn in turns).values()) == {2}
    following = Counter(pair for turn in turns for pair in pairwise(turn))
    assert set(following.values()) == {2}, "who comes after whom"



def told(output: str) -> measure.Ran:
    return measure.Ran(measure.Sample(1.0), output, 1, 0.0)


def test_figures_are_the_last_line_that_is_printed() -> None:
    figures = {"mtls": {"write": [1.0, 2.0]}}
    assert security.told(told(f"warning: x\n{json.dumps(figures)}\n")) == figures
    for wrong in ("", "no figures\n"):
        with pytest.raises(measure.BenchError, match="no figures were told"):
            security.told(told(wrong))


def rendered(**measures: list[float]) -> str:
    """The tables of measures; two underscores stand for what a name of Python cannot have."""
    def named(key: str) -> str:
        *listener, figure = key.split("__")
        return f"{'-'.join(listener)}.{figure}"

    return report.render({
        "machine": {"date": "2026-01-02", "cores": 2, "cpu": "x"},
        "measures": {named(key): [{"wall": one} for one in walls]
                     for key, walls in measures.items()},
    })


def test_a_listener_has_a_row_for_each_way_in_which_brokers_speak() -> None:
    text = rendered(cost__plaintext__scram__write=[40.0, 50.0, 60.0],
                    cost__plaintext__scram__p99=[9.0], cost__mtls__mtls__write=[30.0])
    assert "| scram | plaintext | 50.0 [40.0-60.0] |  |  |  |  |  |  | 9.00 |  |" in text
    assert "| mtls | mtls | 30.0 |" in text
    assert "| plaintext | mtls |" not in text
    assert "What a listener costs" not in rendered(secure__open=[1.0])


def test_steps_have_their_aims() -> None:
    assert "| go over, the same | 1.25 |  | ≤ 1.5 |" in rendered(secure__over_ratio=[1.25])
