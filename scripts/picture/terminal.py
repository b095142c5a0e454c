"""The picture in a terminal: the same records as on the page, in characters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lab.counted import counted
from lab.picture.history import History
from lab.picture.snapshot import (
    DOWN,
    LEADS,
    QUORUM,
    Behind,
    Broker,
    Datacenter,
    Flow,
    Group,
    Lag,
    Log,
    Mirror,
    Partition,
    Server,
    Snapshot,
    Topic,
)
from lab.picture.words import BAD, GOOD
from scripts.picture.feed import Feed

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

FRAMES = 4  # a second
EVENTS = 6
GROUPS = 3  # beside a topic
FURNITURE = 9  # lines of a frame that are no partitions: heads, mirrors, rules
ROWS = 150  # where there is no end of lines; more are folded
TONES = {GOOD: "green", BAD: "red"}
SIGNS = {GOOD: "✓", BAD: "✗"}


def show(feed: Feed, *, lab: str, once: bool) -> None:
    """Draw until somebody ends it (KeyboardInterrupt), or once. Ends when a look fails."""
    from rich.console import Console  # noqa: PLC0415 - 0.1 s
    from rich.live import Live  # noqa: PLC0415 - 0.1 s

    console = Console()
    if once:
        if not console.is_terminal:
            console = Console(width=140)
        console.print(frame(feed.history, lab=lab, rows=ROWS))
        return
    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
        drawn, at = -1, 0.0
        while not feed.closed:
            history = feed.history
            if history.number != drawn or time.time() - at >= 1:
                rows = console.height - FURNITURE - EVENTS
                live.update(frame(history, lab=lab, rows=rows), refresh=True)
                drawn, at = history.number, time.time()
            time.sleep(1 / FRAMES)  # no frame sooner than this


def frame(history: History, *, lab: str, rows: int) -> Any:
    """One frame. rows: how many lines partitions may take; topics are folded beyond them."""
    from rich.columns import Columns  # noqa: PLC0415 - 0.1 s
    from rich.console import Group as Lines  # noqa: PLC0415 - 0.1 s
    from rich.text import Text  # noqa: PLC0415 - 0.1 s

    now = history.now
    head = Text.assemble(
        (lab, "bold"), f"  {time.strftime('%H:%M:%S', time.localtime(now.at))}"
    )
    return Lines(
        head, *_mirrors(now),
        Columns([_datacenter(now, one, rows) for one in now.datacenters], padding=(0, 4)),
        *_events(history),
    )


def _mirrors(now: Snapshot) -> Iterator[Text]:
    from rich.text import Text  # noqa: PLC0415 - 0.1 s

    flows = {one.name: one for one in now.all(Flow)}
    for one in now.all(Mirror):
        flow = flows.get(one.name, Flow(one.name))
        line = Text.assemble((f"{one.source} → {one.target}  ", "bold"))
        if one.problem:
            line.append(f"✗ {one.problem}", "red")
        else:
            read = any(group.members for group in now.all(Group, one.source))
            line.append(", ".join(_said(flow, read)))
        yield line


def _said(flow: Flow, read: bool) -> Iterator[str]:
    """read: whether a group of the source has members. Only who reads something new makes another
    checkpoint: else its age tells of no fault."""
    if flow.rate is not None:
        yield f"{flow.rate:,.0f} rec/s" if flow.rate else "idle"
    if flow.records is not None:
        yield (f"{counted(flow.records, 'record')}, {flow.seconds or 0:.1f} s behind"
               if flow.records else "nothing waits")
    if flow.checkpoint_age is not None and flow.rate and read:
        yield f"checkpoint {flow.checkpoint_age:.0f} s ago"


def _datacenter(now: Snapshot, here: Datacenter, rows: int) -> Table:
    from rich import box  # noqa: PLC0415 - 0.1 s
    from rich.table import Table  # noqa: PLC0415 - 0.1 s
    from rich.text import Text  # noqa: PLC0415 - 0.1 s

    brokers = now.all(Broker, here.name)
    partitions: dict[str, list[Partition]] = {}
    for one in now.all(Partition, here.name):
        partitions.setdefault(one.topic, []).append(one)
    topics = sorted(now.all(Topic, here.name), key=lambda one: (one.internal, one.name))
    opened = _opened(topics, partitions, rows)
    title = Text.assemble((here.name, "bold"), "  ", *_servers(now, here.name))
    if not here.answers:
        title.append("  ✗ no broker answers", "red")
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1))
    shown.add_column("partition")
    for broker in brokers:
        mark = (" ♛" if broker.controller else "") if broker.alive else " ✗"
        shown.add_column(Text(broker.label + mark, "" if broker.alive else "red strike"),
                         justify="right")
    shown.add_column("consumers: member, records to read")
    for topic in topics:
        placed = partitions.get(topic.name, [])
        if topic.name not in opened:
            shown.add_row(f"{topic.name} ({len(placed)})", *_folded(placed, brokers), "")
            continue
        for one in placed:
            shown.add_row(f"{topic.name}-{one.number}", *_replicas(now, one, brokers),
                          _consumers(now, one))
    return shown


def _opened(
    topics: Sequence[Topic], partitions: dict[str, list[Partition]], rows: int
) -> set[str]:
    """The topics that are shown partition by partition: the smallest, as long as there is room."""
    left = min(rows, ROWS) - len(topics)
    found = set()
    for topic in sorted((one for one in topics if not one.internal),
                        key=lambda one: len(partitions.get(one.name, []))):
        left -= len(partitions.get(topic.name, [])) - 1
        if left < 0:
            break
        found.add(topic.name)
    return found


def _servers(now: Snapshot, datacenter: str) -> Iterator[tuple[str, str]]:
    """The ensemble, or the quorum, whose leader is the controller."""
    for of, servers in groupby(now.all(Server, datacenter), lambda one: one.of):
        yield f"{of}  ", "dim"
        for one in servers:
            leads = one.state in LEADS
            sign = "✗" if one.state == DOWN else "●" if leads else "○"
            crown = " ♛" if leads and of == QUORUM else ""
            yield f"{sign} {one.label}{crown}  ", "red" if one.state == DOWN else ""


def kind(one: Partition, broker: Broker) -> str:
    """What a replica is on a broker, as on the page."""
    if broker.id not in one.replicas:
        return ""
    if not broker.alive:
        return "gone"
    if one.leader == broker.id:
        return "leader"
    return "follower" if broker.id in one.isr else "out"


def _replicas(now: Snapshot, one: Partition, brokers: Sequence[Broker]) -> Iterator[Text]:
    from rich.text import Text  # noqa: PLC0415 - 0.1 s

    log = now.things.get((Log.KIND, one.datacenter, one.topic))
    end = log.ends[one.number] if isinstance(log, Log) and one.number < len(log.ends) else None
    number = "" if end is None else f"{end:,} "
    behind = now.things.get((Behind.KIND, one.datacenter, one.topic))
    known = isinstance(behind, Behind) and one.number < len(behind.records)
    late = dict(zip(one.replicas, behind.records[one.number], strict=False)) if (
        isinstance(behind, Behind) and known) else {}
    for broker in brokers:
        records = late.get(broker.id)
        lacks = f"\N{MINUS SIGN}{records:,} " if records else ""
        signs = {"leader": (f"{number}■", "bold"), "follower": (f"{lacks}□", ""),
                 "out": (f"{lacks or 'out '}▨", "yellow"), "gone": ("✗", "red"), "": ("", "")}
        yield Text(*signs[kind(one, broker)])


def _folded(placed: Sequence[Partition], brokers: Sequence[Broker]) -> Iterator[Text]:
    """How many a broker leads, and how many of its replicas are not in sync."""
    from rich.text import Text  # noqa: PLC0415 - 0.1 s

    for broker in brokers:
        kinds = [kind(one, broker) for one in placed]
        out, gone = kinds.count("out"), kinds.count("gone")
        text = Text(f"{kinds.count('leader')} ■", "dim")
        if out:
            text.append(f" {out} ▨", "yellow")
        if gone:
            text = Text(f"{gone} ✗", "red")
        yield text


def _consumers(now: Snapshot, one: Partition) -> str:
    words = []
    for group in now.all(Group, one.datacenter):
        lag = now.things.get((Lag.KIND, one.datacenter, group.name, one.topic))
        who = [member.label for member in group.members
               if (one.topic, one.number) in member.partitions]
        if not who and not isinstance(lag, Lag):
            continue
        known = isinstance(lag, Lag) and one.number < len(lag.records)
        records = lag.records[one.number] if isinstance(lag, Lag) and known else None
        has = ",".join(who) or ("…" if group.rebalancing else "-")
        words.append(f"{group.name} {has} {'?' if records is None else f'{records:,}'}")
    more = f"  +{len(words) - GROUPS}" if len(words) > GROUPS else ""
    return "  ".join(words[:GROUPS]) + more


def _events(history: History) -> Iterator[Text]:
    from rich.text import Text  # noqa: PLC0415 - 0.1 s

    lines = [(moment.delta.at, line) for moment in history.moments for line in moment.lines]
    for at, line in lines[-EVENTS:]:
        where = f"{line.where} " if line.where else ""
        yield Text.assemble(
            (time.strftime("%H:%M:%S ", time.localtime(at)), "dim"),
            (f"{SIGNS.get(line.tone, '·')} {where}{line.text}", TONES.get(line.tone, "")),
        )
