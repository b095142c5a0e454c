"""What topics are carried to: how far each sink is, and what its store finds."""

from __future__ import annotations

import json as jsonlib
from typing import TYPE_CHECKING

from invoke import Collection

from lab.services.hbase import KIND as HBASE
from scripts.errors import UsageError
from scripts.tasks.cli import lab_task

if TYPE_CHECKING:
    from scripts.session import Session

SHOWN = 200  # letters of a document in the table
MAX_SECONDS, MAX_PORT = 24 * 3600, 65535


@lab_task(locks=False, dry=True, help={"json": "print one JSON object, for programs"})
def status(session: Session, json: bool = False) -> int:
    """Show what each sink has of its topics, and what is missing.

    Per topic: the log's end, the documents, how many are missing, dead letters, and the records
    that wait. Exit status 1 when a sink does not run or documents are missing.
    """
    from scripts.drivers.driver import sites
    from scripts.drivers.sinks import SinkStatus, SinkView
    from scripts.workstation.screen import table

    lab = session.file.lab
    instances = session.platform.instances()
    with session.fleet(instances) as fleet:
        places = sites(fleet, session.context({}, instances, fleet), session.topology.datacenters)
        views = {one.connector + one.at: SinkView(one, places[one.at]) for one in lab.sinks}
        seen = fleet.each(lambda name: views[name].status(), views)
    found: list[SinkStatus] = list(seen.values())
    healthy = all(one.healthy for one in found)
    if json:
        print(jsonlib.dumps(
            {"healthy": healthy, "sinks": [one.as_json() for one in found]}, indent=2
        ))
        return 0 if healthy else 1

    def number(value: int | None) -> str:
        return "-" if value is None else f"{value:,}"

    columns = ("sink", "at", "topic", "log end", "documents", "missing", "dead letters", "waiting")
    table("sinks", columns, [
        (one.sink.called, one.sink.at, topic.topic, number(topic.end), number(topic.documents),
         number(topic.missing), number(topic.letters), number(topic.lag))
        for one in found for topic in one.topics
    ])
    for one in found:
        print(f"{one.sink.called}: {one.problem or 'running'}")
        for letter in one.letters[-3:]:
            print(f"{one.sink.called}: dead letter: {letter}")
    return 0 if healthy else 1


@lab_task(locks=False, dry=True, help={
    "query": "words, or Lucene's syntax: 'city:Seoul AND age:>30'",
    "limit": "how many documents to show", "sink": "only this sink",
    "json": "print the stores' answers, for programs",
})
def search(
    session: Session, query: str, limit: int = 10, sink: str = "", json: bool = False
) -> int:
    """Search the documents that sinks have written.

    Exit status 1 when there is none.
    """
    from scripts.drivers.driver import sites
    from scripts.drivers.sinks import SinkView
    from scripts.workstation.screen import table

    searched = [one for one in session.file.lab.sinks if one.kind != HBASE]
    sinks = [one for one in searched if sink in ("", one.called)]
    if not sinks:
        known = ", ".join(one.called for one in searched) or "none"
        raise UsageError(f"no sink {sink}".rstrip() + " that can be searched",
                         hint=f"known: {known}; see docs/sinks.md")
    instances = session.platform.instances()
    with session.fleet(instances) as fleet:
        places = sites(fleet, session.context({}, instances, fleet), session.topology.datacenters)
        answers = {
            f"{one.called} of {one.at}": SinkView(one, places[one.at]).search(query, limit)
            for one in sinks
        }
    total = sum(one["hits"]["total"]["value"] for one in answers.values())
    if json:
        print(jsonlib.dumps(answers, indent=2, ensure_ascii=False))
        return 0 if total else 1
    table("documents", ("index", "id", "document"), [
        (hit["_index"], hit["_id"], _short(hit["_source"]))
        for one in answers.values() for hit in one["hits"]["hits"]
    ])
    print(f"{total:,} found")
    return 0 if total else 1


@lab_task(locks=False, help={
    "port": "of 127.0.0.1 (the first free one from 8020)",
    "seconds": "how long; without it, until Ctrl-C",
})
def view(session: Session, port: int = 0, seconds: int = 0) -> None:
    """Show a page to search sinks' documents and to read their rows.

    And how many come a second. The page is at 127.0.0.1 and changes nothing.
    """
    from scripts.drivers.driver import sites
    from scripts.drivers.sinks import SinkView
    from scripts.picture.searching import Search, serve
    from scripts.picture.server import bound

    lab = session.file.lab
    if not lab.sinks:
        raise UsageError("the lab file has no sink", hint="see docs/sinks.md")
    if not 0 <= seconds <= MAX_SECONDS:
        raise UsageError(f"--seconds {seconds}", hint=f"accepted: 1 to {MAX_SECONDS}")
    if not 0 <= port <= MAX_PORT:
        raise UsageError(f"--port {port}", hint=f"accepted: 1024 to {MAX_PORT}")
    instances = session.platform.instances()
    with bound(port) as listening, session.fleet(instances) as fleet:
        places = sites(fleet, session.context({}, instances, fleet), session.topology.datacenters)
        search = Search({f"{one.called} of {one.at}": SinkView(one, places[one.at])
                         for one in lab.sinks})
        address = "http://{}:{}/".format(*listening.getsockname())
        try:
            serve(search, listening, lab=session.topology.lab, owner=lab.owner, seconds=seconds,
                  started=lambda: session.say(
                      f"the page is at {address}" + ("" if seconds else " (Ctrl-C ends it)")
                  ))
        except KeyboardInterrupt:  # how it is meant to end
            print()


@lab_task(locks=False, dry=True, help={
    "topic": "the topic, which is also what its table is called",
    "limit": "how many rows to show", "start": "begin at this row's key",
    "json": "print the rows with their cells' timestamps, for programs",
})
def rows(
    session: Session, topic: str, limit: int = 10, start: str = "", json: bool = False
) -> int:
    """Show rows that sinks have written into HBase.

    They come in the order of their keys. Exit status 1 when there is none.
    """
    from scripts.drivers.driver import sites
    from scripts.drivers.rows import values
    from scripts.drivers.sinks import SinkView
    from scripts.workstation.screen import table

    into = [one for one in session.file.lab.sinks if one.kind == HBASE]
    sinks = [one for one in into if topic in one.topics]
    if not sinks:
        known = ", ".join(dict.fromkeys(name for one in into for name in one.topics)) or "none"
        raise UsageError(f"no sink into HBase has the topic {topic}",
                         hint=f"known: {known}; see docs/sinks.md")
    instances = session.platform.instances()
    with session.fleet(instances) as fleet:
        places = sites(fleet, session.context({}, instances, fleet), session.topology.datacenters)
        answers = {
            f"{one.called} of {one.at}": SinkView(one, places[one.at]).rows(topic, limit, start)
            for one in sinks
        }
    found = [(name, row) for name, several in answers.items() for row in several]
    if json:
        print(jsonlib.dumps(answers, indent=2, ensure_ascii=False))
        return 0 if found else 1
    table("rows", ("sink", "row", "cells"), [
        (name, row["row"], _short(values(row))) for name, row in found
    ])
    return 0 if found else 1


def _short(document: object) -> str:
    text = jsonlib.dumps(document, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


SINK = Collection("sink")
SINK.add_task(status)
SINK.add_task(search)
SINK.add_task(view)
SINK.add_task(rows)
