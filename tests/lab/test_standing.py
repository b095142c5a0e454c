"""Which hosts that exist leave the lab with its file, and which are nobody's to remove."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings, strategies as st

from lab.file import parse
from lab.standing import Standing, leaving
from lab.topology import Host, Topology, build


def lab(*kafka: int, owner: str = "ann", **more: Any) -> Topology:
    return build(parse({"owner": owner, "datacenters": [
        {"name": f"dc{n}", "cidr": f"10.1.{n}.0/24", "control": 1, "zookeeper": 1, "kafka": count,
         **more}
        for n, count in enumerate(kafka, 1)
    ]}).lab)


def standing(host: Host) -> Standing:
    return Standing(host.name, host.fqdn, host.datacenter, host.role, host.address)


def left(after: Topology, before: Topology) -> list[tuple[str, int | None]]:
    found = leaving(after, map(standing, before.hosts))
    return [(one.name, one.broker) for one in found]


def test_brokers_that_the_file_has_no_more_leave_with_their_ids() -> None:
    assert left(lab(3, 1), lab(5, 1)) == [("ann-dc1-kafka04", 4), ("ann-dc1-kafka05", 5)]
    assert left(lab(3, 1), lab(3, 1)) == []
    assert left(lab(4, 1), lab(3, 1)) == []


def test_all_hosts_of_a_datacenter_leave_with_it() -> None:
    assert left(lab(1), lab(1, 1)) == [
        ("ann-dc2-ctl01", None), ("ann-dc2-zk01", None), ("ann-dc2-kafka01", None)]


def test_other_hosts_that_the_file_has_no_more_stay() -> None:
    """An ensemble is not made smaller; a control host has what a person put there."""
    assert left(lab(1, control=0), lab(1)) == []
    assert left(lab(1), lab(1, zookeeper=3)) == []


def test_hosts_of_another_name_stay() -> None:
    """With another owner all hosts are strangers: nothing of that is meant to go."""
    assert left(lab(1, owner="ben"), lab(3)) == []
    unknown = Standing("who", "who.lab.internal", "", "", lab(1).hosts[0].address)
    assert leaving(lab(1), [unknown]) == ()


@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.data())
@settings(max_examples=60)
def test_what_leaves_is_never_a_host_of_the_file(before: list[int], data: st.DataObject) -> None:
    after = [data.draw(st.integers(1, 6)) for _ in before[:data.draw(st.integers(1, len(before)))]]
    old, new = lab(*before), lab(*after)
    names = {host.name for host in old.hosts} - {host.name for host in new.hosts}
    assert {name for name, _ in left(new, old)} == names
