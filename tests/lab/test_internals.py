"""What workers and mirrors keep for themselves in clusters."""

from __future__ import annotations

from hypothesis import given, strategies as st

from lab.file import parse
from lab.resources import Topic
from lab.services.internals import COMPACT, POLICY, Internal, faults, internals
from lab.services.local import local_context
from lab.topology import build

TOPOLOGY = build(parse({
    "owner": "ann", "datacenters": [
        {"name": "a", "cidr": "10.1.0.0/24", "kafka": 2}, {"name": "b", "cidr": "10.2.0.0/24"},
    ],
    "links": [{"between": ["a", "b"]}], "mirrors": [{"from": "a", "to": "b"}],
}).lab)
CONTEXT = local_context(TOPOLOGY, {})
POLICIES = st.sampled_from(["compact", "delete", "compact,delete"])
THERE = st.dictionaries(
    st.sampled_from(["configs", "offsets", "heartbeats"]),
    st.builds(Topic, st.integers(1, 6), st.just(None),
              st.fixed_dictionaries({POLICY: POLICIES})),
)
WANTED = {
    "configs": Internal(1, 3, single=True), "offsets": Internal(6, 3),
    "heartbeats": Internal(1, 3, workers=False),
}


def test_they_stand_at_both_ends_of_a_mirror() -> None:
    found = internals(TOPOLOGY.datacenter("b"), CONTEXT)
    assert found == {
        "b": {
            "connect-b-configs": Internal(1, 3, single=True), "connect-b-offsets": Internal(6, 3),
            "connect-b-status": Internal(3, 3),
            "a.checkpoints.internal": Internal(1, 3, workers=False),
        },
        "a": {
            "mm2-offset-syncs.b.internal": Internal(1, 2, workers=False),
            "heartbeats": Internal(1, 2, workers=False),
            "connect-b-offsets": Internal(1, 2, workers=False),
        },
    }
    assert internals(TOPOLOGY.datacenter("a"), CONTEXT) == {}, "nothing leads there"


@given(THERE)
def test_what_keeps_workers_from_starting_is_a_fault_and_nothing_else(
    there: dict[str, Topic]
) -> None:
    found = {fault.name: fault for fault in faults("b", WANTED, there)}
    for name, want in WANTED.items():
        have = there.get(name)
        policy = have.config[POLICY] if have else ""
        serves = have is not None and (have.partitions == 1 or name != "configs") and (
            policy == COMPACT or (name == "heartbeats" and policy != "delete")
        )
        assert (name not in found) is serves
        if name in found:
            fault = found[name]
            assert (fault.want, fault.have) == (want, have)
            assert f"internal topic {name} of b" in fault.problem and "`fab up`" in fault.problem
            assert fault.line.startswith("+" if have is None else "~")
            assert fault.anew is ("made anew" in fault.line)
