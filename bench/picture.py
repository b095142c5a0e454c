"""What the picture of a lab costs, how late it is, and how fast a browser draws it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.browser import Browser, browser
from bench.lab import FAB, BenchLab, lab_file
from bench.measure import BenchError, Sample
from bench.scenarios import Bench
from bench.scene import Scene
from bench.shots import beside, reading
from lab.endpoint import Endpoint
from lab.picture.history import History
from lab.picture.pace import Pace
from scripts.clients.kafka import admin_client
from scripts.picture.page import render
from scripts.workstation.paths import PROJECT

SECONDS = 600
# Partitions of a topic beside another of three, in each of two datacenters: 150 rows, and 6,006.
ROWS, MANY = 72, 3000
SPEED, FRAMES_S = 1, 5.0
BEGIN_S = 199  # of the story, in which a broker dies after 200 s
LOOKS = 3
RATE, DURATION = 800, 10  # records a second; seconds before a broker dies, and after
COST_S = 30.0
ASKED_S = 0.03
TICK = os.sysconf("SC_CLK_TCK")

COUNT_FRAMES = """new Promise((done) => {
  let count = 0;
  const began = performance.now();
  const frame = () => {
    count += 1;
    const took = performance.now() - began;
    if (took < %d) requestAnimationFrame(frame);
    else done(count * 1000 / took);
  };
  requestAnimationFrame(frame);
})"""
# Notes in every page how long it took, in ms, until what is in its islands was painted.
PAINTED = """(() => {
  const look = new MutationObserver(() => {
    if (!document.querySelector("#islands .partition, #islands .folded")) return;
    look.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
  });
  look.observe(document, { subtree: true, childList: true });
})()"""
# Notes when the page shows another leader of a partition, once it is painted.
WATCH = """(() => {
  window.moved = [];
  const was = new Map();
  const look = () => {
    for (const body of document.querySelectorAll("tbody")) {
      const where = body.closest("[data-datacenter]").dataset.datacenter;
      const topic = body.querySelector(".topic b").textContent;
      for (const row of body.querySelectorAll(".partition")) {
        const key = JSON.stringify([where, topic, row.rowIndex]);
        const boxes = [...row.querySelectorAll("td > .replica")];
        const leader = boxes.findIndex((one) => one.classList.contains("leader")) + 1;
        if (leader && was.has(key) && was.get(key) !== leader) {
          const number = Number(row.querySelector("th").textContent.replace("✗ ", ""));
          window.moved.push([where, topic, number, leader, Date.now() / 1000]);
        }
        if (leader) was.set(key, leader);
      }
    }
  };
  look();
  new MutationObserver(() => requestAnimationFrame(look)).observe(
    document.getElementById("islands"), { subtree: true, childList: true, attributes: true });
})()"""
Place = tuple[str, int]


def page(bench: Bench) -> None:
    """A page of ten busy minutes, of 150 partitions, each drawn, and of 6,000, folded."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        chromium.ask("Page.addScriptToEvaluateOnNewDocument", source=PAINTED)
        for key, partitions in (("page", ROWS), ("page-many", MANY)):
            history = paced(Scene(seconds=SECONDS, partitions=partitions, step=2.0))
            file = Path(folder) / f"{key}.html"
            file.write_text(render(history, lab="kafkalab", owner="ann"), encoding="utf-8")
            bench.results.add(f"{key}.size", Sample(file.stat().st_size / 1e6), "MB")
            bench.results.add(f"{key}.sent", Sample(sent(history) / SECONDS / 1000), "KB/s")
            for _ in range(LOOKS):
                bench.results.add(f"{key}.paint", Sample(paint(chromium, file)))
            bench.results.add(f"{key}.frames", Sample(frames(chromium, file)), "frames/s")


def paced(scene: Scene) -> History:
    """The story as a feed keeps it."""
    looks, pace = scene.snapshots(), Pace()
    history = History.of(next(looks))
    for one in looks:
        history = history.plus(pace.through(history.now, one))
    return history


def sent(history: History) -> int:
    """The bytes of all that is told to a reader that is there from the beginning."""
    return sum(len(json.dumps(one.as_json(), separators=(",", ":"))) for one in history.moments)


def paint(chromium: Browser, file: Path) -> float:
    """Seconds until partitions are painted: the first contentful paint would be that of the head,
    which is there before the picture is."""
    chromium.open(f"{file.as_uri()}#at={BEGIN_S}")
    return float(chromium.until("window.painted")) / 1000


def frames(chromium: Browser, file: Path) -> float:
    """Frames a second while it is played."""
    chromium.open(f"{file.as_uri()}#at={BEGIN_S}")
    chromium.run(f"document.getElementById('speed').value = '{SPEED}'")
    chromium.run("document.getElementById('play').click()")
    return float(chromium.run(COUNT_FRAMES % (FRAMES_S * 1000)))


def picture(bench: Bench) -> None:
    """`fab view` of a lab of two datacenters of three brokers, under load, and one page of it."""
    bench.lab.configure(lab_file(mirrored=True))
    with bench.lab.hosts(prebuilt=True):
        bench.lab.fab("up", "verify", quiet=False)
        for key, value in looked(bench.lab).items():
            bench.results.add(f"picture.{key}", Sample(value), "%" if key == "cpu" else "s")


def looked(lab: BenchLab) -> dict[str, float]:
    """Percent of a core that the looks take; seconds that a leader which moves is shown late."""
    first = _status(lab)[0]
    bootstrap, name = first["kafka"]["bootstrap"], first["name"]
    with ExitStack() as stack:
        stack.enter_context(beside("load", "--rate", str(RATE), environ=lab.environ))
        for number in range(3):
            stack.enter_context(reading(bootstrap, "billing", f"billing-{number}", "orders"))
        address, process = stack.enter_context(viewed(lab))
        chromium = stack.enter_context(browser())
        chromium.open(address)
        chromium.until("document.querySelectorAll('.partition').length")
        found = {"cpu": 100 * cpu(process.pid, COST_S)}
        told = stack.enter_context(leaders(bootstrap))
        chromium.run(WATCH)
        ran = lab.fab("drill.broker", "--rate", "200", "--duration", str(DURATION), quiet=False)
        shown = [tuple(one) for one in chromium.run("window.moved")]
        return found | late(name, told.moved, shown, drilled(lab, ran.pid))


def late(
    name: str, told: Mapping[tuple[Place, int], float], shown: list[Any], drill: Mapping[str, Any]
) -> dict[str, float]:
    """How long the page took to show the leaders that moved when the broker died: the longest
    after the brokers told it, and the last after clients were served again by the drill's log."""
    struck = next(one["at"] for one in drill["events"] if one["kind"] == "fault")
    healthy = next(one["at"] for one in drill["events"] if one["kind"] == "healthy")
    seen: dict[tuple[Place, int], float] = {}
    for where, topic, number, leader, at in shown:
        if where == name and struck <= at < healthy:
            seen.setdefault(((topic, int(number)), int(leader)), at)
    known = {key: at for key, at in told.items() if struck <= at < healthy and key in seen}
    if not known:
        raise BenchError("no leader was seen to move when a broker died")
    first = {key[0]: seen[key] for key in sorted(known, key=lambda one: -seen[one])}
    served = struck + drill["score"]["worst_key_gap_seconds"]
    return {
        "late": max(seen[key] - at for key, at in known.items()),
        "after_log": max(first.values()) - served,
    }


def drilled(lab: BenchLab, pid: int) -> dict[str, Any]:
    found = list((lab.state / "drills").glob(f"*-{pid}.json"))
    if len(found) != 1:
        raise BenchError(f"{len(found)} scores of process {pid}")
    return dict(json.loads(found[0].read_text(encoding="utf-8")))


def cpu(pid: int, seconds: float) -> float:
    """The cores that a process takes, on average."""
    before, began = _worked(pid), time.monotonic()
    time.sleep(seconds)
    return (_worked(pid) - before) / (time.monotonic() - began)


def _worked(pid: int) -> float:
    """Seconds of CPU, proc(5): fields 14 and 15 of what follows the name in brackets."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


@contextmanager
def viewed(lab: BenchLab) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`fab view`: where its page is, and its process."""
    process = subprocess.Popen(
        [FAB, "view"], cwd=PROJECT, env=lab.environ, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        if "http://" not in line:
            raise BenchError(f"`fab view` says {line!r}")
        yield line.split("the lab is at ")[1].split()[0], process
    finally:
        process.terminate()
        process.wait(30)


@dataclass
class Leaders:
    """When the brokers first told of a partition's new leader, by partition and leader."""

    moved: dict[tuple[Place, int], float] = field(default_factory=dict)
    was: dict[Place, int] = field(default_factory=dict)

    def look(self, topics: Mapping[str, Any]) -> None:
        now = time.time()
        for name, topic in topics.items():
            for part in topic.partitions.values():
                at, leader = (name, part.id), part.leader
                if leader >= 0 and self.was.get(at, leader) != leader:
                    self.moved.setdefault((at, leader), now)
                if leader >= 0:
                    self.was[at] = leader


@contextmanager
def leaders(bootstrap: str) -> Iterator[Leaders]:
    """A client that asks for nothing but where partitions are, again and again."""
    from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

    admin, found, stop = admin_client(Endpoint(bootstrap)), Leaders(), threading.Event()

    def ask() -> None:
        while not stop.wait(ASKED_S):
            try:
                found.look(admin.list_topics(timeout=2).topics)
            except KafkaException:  # of a broker that has just died; the next one answers
                continue

    thread = threading.Thread(target=ask, name="leaders", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join(5)


def _status(lab: BenchLab) -> list[dict[str, Any]]:
    told = lab.fab("status", "--json", quiet=False).output
    return list(json.loads(told[told.index("{"):])["datacenters"])

