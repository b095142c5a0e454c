"""What an ensemble needs, by what its servers' files and processes have."""

from __future__ import annotations

import pytest

from lab import state
from lab.file import parse
from lab.services.context import Context
from lab.services.local import local_context
from lab.services.registry import desired_state
from lab.services.zookeeper import CONFIG
from lab.state import Change, Key
from lab.topology import Host, build
from scripts.drivers.driver import Site
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan
from scripts.passages.growing import Growing, Growth, at, growing, joining
from scripts.passages.passage import Run
from tests.fakes import FakeFleet

FILE, UNIT = Key("file", CONFIG), Key("unit", "zookeeper.service")
ALL = frozenset({1, 2, 3})


def site(servers: int = 3) -> Site:
    topology = build(parse({"owner": "a", "datacenters": [
        {"name": "d", "cidr": "10.1.0.0/24", "zookeeper": servers},
    ]}).lab)
    return Site(FakeFleet([]), local_context(topology, {}), topology.datacenter("d"))


def having(place: Site, host: Host, servers: frozenset[int]) -> dict[Key, state.Resource]:
    context: Context = at(place.context, place.datacenter, servers)
    return dict(desired_state(host, context, ("zookeeper",)))


def plan(
    place: Site, number: int, *, file: frozenset[int] | None, process: frozenset[int] | None
) -> HostPlan:
    """A server with a list in its file, whose process runs with another one (None: there is none).

    """
    host = place.datacenter.by_role("zookeeper")[number - 1]
    wanted, changes = having(place, host, ALL), []
    if file != ALL:
        before = None if file is None else having(place, host, file)[FILE]
        changes.append(Change(FILE, before, wanted[FILE]))
    if process != ALL:
        old = None
        if process is not None:
            unit = having(place, host, process)[UNIT]
            assert isinstance(unit, state.Unit)
            # As `doubt` leaves it where the file differs, and as a mark shows it where it does not.
            old = state.Unit("" if file != ALL else f"stale-{unit.digest}")
        changes.append(Change(UNIT, old, wanted[UNIT]))
    return HostPlan(host, tuple(changes))


def steps(place: Site, *plans: HostPlan) -> list[list[int]]:
    hosts = place.datacenter.by_role("zookeeper")
    found = growing(Run({"d": place}, hosts, {one.host.name: one for one in plans}))
    return [sorted(servers) for servers in found["d"].lists] if found else []


def test_a_single_server_with_two_empty_ones_takes_them_one_at_a_time() -> None:
    place, one = site(), frozenset({1})
    found = steps(
        place, plan(place, 1, file=one, process=one), plan(place, 2, file=None, process=None),
        plan(place, 3, file=None, process=None),
    )
    assert found == [[1], [1, 2], [1, 2, 3]]


def test_in_order_or_new_there_is_nothing_to_grow() -> None:
    place = site()
    assert steps(place, *(plan(place, n, file=ALL, process=ALL) for n in (1, 2, 3))) == []
    assert steps(place, *(plan(place, n, file=None, process=None) for n in (1, 2, 3))) == []


def test_cut_off_after_the_last_file_the_last_step_is_made_again() -> None:
    """The files say that all is done; the processes of two say that they do not know the third."""
    place, two = site(), frozenset({1, 2})
    plans = [plan(place, 1, file=ALL, process=two), plan(place, 2, file=ALL, process=two),
             plan(place, 3, file=ALL, process=ALL)]
    assert steps(place, *plans) == [[1, 2, 3]]
    found = joining(place, {one.host.name: one for one in plans}, ALL)
    assert found.joining == {plans[2].host.name}, "who may be silent meanwhile"


def test_an_ordinary_restart_lets_nobody_be_silent() -> None:
    """Another setting was changed: all know each other."""
    place = site()
    plans = {}
    for number in (1, 2, 3):
        one = plan(place, number, file=ALL, process=ALL)
        after = having(place, one.host, ALL)[UNIT]
        plans[one.host.name] = HostPlan(
            one.host, (Change(UNIT, state.Unit("stale-of-something-else"), after),)
        )
    assert joining(place, plans, ALL).joining == frozenset()
    assert growing(Run({"d": place}, place.datacenter.hosts, plans)) == {}


def test_a_server_alone_is_not_made_to_join() -> None:
    place, one = site(), frozenset({1})
    plans = {p.host.name: p for p in (plan(place, 1, file=one, process=one),)}
    (first, *_) = place.datacenter.by_role("zookeeper")
    with pytest.raises(LabError, match=r"takes all its servers \(run `fab up --datacenter d`\)"):
        growing(Run({"d": place}, [first], plans))
    assert growing(Run({"d": place}, [first], plans, ("kafka",))) == {}


def test_lists_that_differ_too_much_are_refused() -> None:
    place, one = site(), frozenset({1})
    with pytest.raises(LabError, match="d: its ZooKeeper ensemble cannot become servers 1, 2, 3: "):
        steps(place, plan(place, 1, file=one, process=one), plan(place, 2, file=ALL, process=ALL))


def test_a_person_is_told_who_joins_whom() -> None:
    place = site()
    text = list(Growth(place.datacenter, (frozenset({1}), frozenset({1, 2}), ALL)).lines())
    assert text == [
        "a-d-zk02 joins server 1 of d, restarted one at a time",
        "a-d-zk03 joins servers 1, 2 of d, restarted one at a time",
    ]


def test_the_plan_tells_it_once() -> None:
    place = site()
    found = Growing({"d": Growth(place.datacenter, (frozenset({1}), frozenset({1, 2}), ALL))})
    assert found.summary == "2 servers join their ensemble" and found.count == 0
    assert found.tells("d", "zookeeper") and not found.tells("d", "kafka")
    assert not found.tells("e", "zookeeper") and Growing().summary == ""
