"""Copies that lack what their mirror skipped: found by the first record, whatever happened."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import example, given, settings, strategies as st

from lab.mirrors.offsets import Record
from lab.mirrors.whole import Heads, Start, lacking
from tests.lab.test_offsets import Log


@dataclass
class World:
    """A topic of one partition and its mirror, which goes by the number alone, as MirrorMaker does.

    Each record has a value of its own. Time goes on with each record, by one of `paces` in turn.
    """

    paces: list[int] = field(default_factory=lambda: [1])
    source: list[Record] = field(default_factory=list)
    copy: list[Record] = field(default_factory=list)
    source_low: int = 0
    source_end: int = 0
    copy_low: int = 0
    copy_end: int = 0
    mirrored: int = 0
    time: int = 100
    written: int = 0

    def write(self, count: int) -> None:
        for _ in range(count):
            self.time += self.paces[self.written % len(self.paces)]
            self.written += 1
            self.source.append(Record(self.source_end, self.time, None, b"%d" % self.written))
            self.source_end += 1

    def mirror(self, count: int) -> None:
        if self.mirrored > self.source_end:  # out of range: from the earliest
            self.mirrored = self.source_low
        for one in [one for one in self.source if one.offset >= self.mirrored][:count]:
            self.copy.append(one._replace(offset=self.copy_end))
            self.copy_end += 2  # a marker follows each
            self.mirrored = one.offset + 1

    def make_anew(self, count: int) -> None:
        self.time += 1
        self.source, self.source_low, self.source_end = [], 0, 0
        self.write(count)

    def expire(self, count: int) -> None:
        """Retention in the source; it follows in the copy, sooner or later."""
        self.source_low = min(self.source_low + count, self.source_end)
        self.source = [one for one in self.source if one.offset >= self.source_low]

    def expire_copy(self, count: int) -> None:
        kept = self.copy[count:]
        self.copy_low = kept[0].offset if kept else self.copy_end
        self.copy = kept

    def delete_copy(self, count: int) -> None:
        """While nothing is on its way."""
        self.mirror(100)
        self.time += count + 1
        self.copy, self.copy_low, self.copy_end = [], 0, 0

    @property
    def heads(self) -> Heads:
        def start(low: int, records: list[Record]) -> Start:
            return Start(low, records[0].offset, records[0].timestamp) if records else Start(low)

        def since(records: list[Record], at: int | None) -> int | None:
            return None if at is None else next(
                (one.timestamp for one in records if one.timestamp >= at), None
            )

        source, copy = start(self.source_low, self.source), start(self.copy_low, self.copy)
        return Heads(self.mirrored, source, copy, since(self.copy, source.timestamp),
                     since(self.source, copy.timestamp))

    @property
    def lacks(self) -> bool:
        return self.heads.doubtful and lacking(
            self.mirrored, Log(self.source, self.source_end, self.source_low),
            Log(self.copy, self.copy_end, self.copy_low),
        )


STEPS = ("write", "mirror", "make_anew", "expire", "expire_copy", "delete_copy")
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 6)), max_size=14)


@settings(max_examples=400)
@example(  # an older record of a younger time is before the copy that is looked for
    [("write", 1), ("mirror", 1), ("make_anew", 0), ("mirror", 1), ("write", 1), ("mirror", 1)],
    [1, -1],
)
@given(steps, st.lists(st.integers(-3, 3), min_size=1, max_size=6))
def test_what_is_called_lacking_is_not_there(
    found: list[tuple[str, int]], paces: list[int]
) -> None:
    """Whatever the order of timestamps."""
    world = World(paces)
    for name, count in found:
        getattr(world, name)(count)
    if world.lacks:
        first = world.source[0]
        assert world.mirrored > first.offset, "the mirror will not come to it any more"
        assert first.value not in {one.value for one in world.copy}


@settings(max_examples=400)
@example(  # written at once, so that the time of the first is also that of one that came
    [("write", 1), ("mirror", 1), ("make_anew", 2), ("mirror", 1)], [0]
)
@given(steps, st.lists(st.integers(0, 1), min_size=1, max_size=6))
def test_what_was_skipped_is_found_unless_retention_may_have_taken_it(
    found: list[tuple[str, int]], paces: list[int]
) -> None:
    """Where both the topic and its copy were deleted, times have to differ."""
    both = any(name == "delete_copy" for name, _ in found)
    world = World([1] if both else paces)
    for name, count in found:
        if name != "expire_copy":
            getattr(world, name)(count)
    there = {one.value for one in world.copy}
    skipped = world.source and world.source[0].offset < world.mirrored <= world.source_end \
        and world.source[0].value not in there
    if skipped:
        assert world.lacks


@given(steps)
def test_a_mirror_that_is_set_back_lacks_nothing_and_stays_so(
    found: list[tuple[str, int]]
) -> None:
    world = World()
    for name, count in found:
        getattr(world, name)(count)
    if world.lacks:
        world.mirrored = world.source_low
        assert not world.lacks, "nothing is set back twice"
        world.mirror(100)
        assert not world.lacks
        assert {one.value for one in world.source} <= {one.value for one in world.copy}


@given(steps)
def test_a_mirror_that_nobody_disturbs_is_never_in_doubt(found: list[tuple[str, int]]) -> None:
    """So a look at it takes no more than the requests for times, but where the copy keeps what
    retention has taken in the source."""
    world = World()
    for name, count in found:
        if name not in ("make_anew", "delete_copy"):
            getattr(world, name)(count)
    assert not world.lacks
    assert not world.heads.strange
    assert world.source_low or not world.heads.doubtful


def test_a_copy_with_times_of_its_own_proves_nothing() -> None:
    source = Log([Record(0, 5, None, b"a")], 1)
    assert lacking(1, source, Log([Record(0, 9, None, b"b")], 1))
    assert not lacking(1, source, Log([Record(0, 9, None, b"b", stamped=True)], 1))


def test_a_copy_that_is_not_there_lacks_all() -> None:
    source = Log([Record(3, 5, None, b"a")], 4, 3)
    assert lacking(4, source, None)
    assert not lacking(3, source, None), "the mirror has yet to come to it"
    assert Heads(4, Start(3, 3, 5), None).doubtful


def test_a_copy_that_begins_with_what_the_source_never_had_is_strange() -> None:
    assert Heads(1, Start(0, 0, 50), Start(0, 0, 7), 50, 50).strange
    assert not Heads(1, Start(0, 0, 7), Start(0, 0, 7), 7, 7).strange
    assert not Heads(9, Start(8, 8, 50), Start(0, 0, 7), 50, 50).strange, "it was deleted there"


def test_a_mirror_that_is_past_the_end_begins_anew_by_itself() -> None:
    source, copy = Log([Record(0, 9, None, b"b")], 1), Log([Record(0, 5, None, b"a")], 1)
    assert lacking(1, source, copy)
    assert not lacking(2, source, copy)
