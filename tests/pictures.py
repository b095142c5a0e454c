"""Pictures of labs for tests: any at all."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from lab.picture.snapshot import (
    DOWN,
    ENSEMBLE,
    KINDS,
    QUORUM,
    Behind,
    Broker,
    Datacenter,
    Flow,
    Group,
    Lag,
    Log,
    Member,
    Mirror,
    Partition,
    Room,
    Server,
    Snapshot,
    Thing,
    Topic,
)

names = st.sampled_from(["a", "b.c", "orders", "__x", "d/e"])
ids = st.integers(0, 3)
optional = st.none() | st.integers(0, 9)
several = st.lists(ids, max_size=3, unique=True).map(tuple)
offsets = st.lists(optional, max_size=3).map(tuple)
members = st.lists(st.builds(
    Member, id=names, label=names, client=names, host=names,
    partitions=st.lists(st.tuples(names, ids), max_size=2, unique=True).map(tuple),
), max_size=2, unique_by=lambda one: one.id).map(tuple)
times = st.floats(0, 9, allow_nan=False)
things: st.SearchStrategy[Thing] = st.one_of(
    st.builds(Datacenter, name=names, place=ids, answers=st.booleans()),
    st.builds(Broker, datacenter=names, id=ids, host=names, label=names, alive=st.booleans(),
              controller=st.booleans()),
    st.builds(Topic, datacenter=names, name=names, internal=st.booleans(), origin=names),
    st.builds(Partition, datacenter=names, topic=names, number=ids, leader=st.none() | ids,
              replicas=several, isr=several),
    st.builds(Log, datacenter=names, topic=names, starts=offsets, ends=offsets),
    st.builds(Behind, datacenter=names, topic=names, records=st.lists(
        st.lists(optional, max_size=3).map(tuple), max_size=3).map(tuple)),
    st.builds(Room, datacenter=names, id=ids, heap=optional, heap_most=optional, logs=optional,
              free=optional, disk=optional),
    st.builds(Group, datacenter=names, name=names, since=times, generation=optional,
              state=st.sampled_from(["stable", "empty", "preparing rebalance"]), members=members),
    st.builds(Lag, datacenter=names, group=names, topic=names, records=offsets),
    st.builds(Server, datacenter=names, of=st.sampled_from([ENSEMBLE, QUORUM]), number=ids,
              host=names, label=names, state=st.sampled_from(["leader", "follower", DOWN])),
    st.builds(Mirror, name=names, source=names, target=names, problem=names | st.just("")),
    st.builds(Flow, name=names, rate=st.none() | times, records=optional,
              seconds=st.none() | times, checkpoint_age=st.none() | times),
)
assert len(KINDS) == 12  # as many as there are above


def snapshots(at: st.SearchStrategy[float] = times) -> st.SearchStrategy[Snapshot]:
    return st.builds(Snapshot.of, at, st.lists(things, max_size=12))


def without(snapshot: Snapshot, *keys: tuple[str | int, ...]) -> Snapshot:
    return replace(snapshot, things={
        key: one for key, one in snapshot.things.items() if key not in keys
    })
