"""From samples to tables: medians, spreads and ratios as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

TITLES = {
    "ours": "kafkalab, distribution in the image",
    "network": "kafkalab, distribution over the network",
    "network-jvm": "kafkalab, over the network, Kafka's own JVM options",
    "raw": "raw parallel SSH",
    "raw-opt": "raw, plain tar, cheap cipher, the lab's JVM options",
    "raw-prebuilt": "raw, the same, distribution in the image",
    "ansible": "Ansible, tuned",
    "ansible-default": "Ansible, defaults",
}
# Which of ours had the same image, archive and JVM options as a baseline.
LIKE = {
    "raw": "network-jvm", "raw-opt": "network", "raw-prebuilt": "ours",
    "ansible": "network-jvm", "ansible-default": "network-jvm",
}
PHASES = (
    ("ours.total", "from no hosts to verified"),
    ("ours.create", "create: 14 containers until sshd answers"),
    ("ours.converge", "converge: until every service answers"),
    ("ours.verify", "verify"),
    ("ours.second_up", "`fab up` with nothing to change"),
    ("ours.second", "`fab up verify` with nothing to change"),
    ("ours.rolling", "one broker setting through 6 brokers, one a datacenter at a time"),
    ("many.second", "the look at a hundred hosts in order, which only speak SSH"),
    ("import.fab_list", "`fab --list`"),
    ("import.tasks", "`python -c 'import scripts.tasks'`"),
    ("import.python", "`python -c pass`, for comparison"),
)
# Phases by the names that the run log has, without the numbers of versions; some lie side by side,
# so they are no sum of `cold.up`.
COLD = (
    ("cold.environment", "Python environment"),
    ("cold.up", "`fab up`, of which:"),
    ("cold.Kafka from Maven", "Kafka from Maven (its local repository is warm)"),
    ("cold.host image from Debian packages", "host image from Debian packages"),
    ("cold.host image into the engine", "host image into the engine"),
    ("cold.Kafka into the host image", "Kafka into the host image, with class-data archives"),
    ("cold.create hosts", "create hosts"),
    ("cold.converge", "converge"),
    ("cold.clusters", "what is in the clusters: topics, connectors"),
    ("cold.verify", "verify, with the mirrors"),
    ("cold.total", "from an empty machine to mirrors verified, both ways"),
)
MIRRORED = (
    ("mirrors.total", "from no hosts to mirrors verified, both ways"),
    ("mirrors.converge", "converge: until every service answers and every connector runs"),
    ("mirrors.verify", "verify, with the mirrors"),
    ("mirrors.second", "`fab up verify` with nothing to change"),
    ("latency.median", "a record mirrored, median of 20 s at 1,000 records/s"),
    ("latency.p99", "a record mirrored, p99"),
)
FAILOVERS = {
    "failover-hosts": "hosts killed", "failover-services": "services killed",
    "failover-link": "link cut",
}
COSTS = {
    "rto": "RTO, s", "write": "write gap, s", "rpo": "RPO, s", "records": "RPO, records",
    "again": "read again, records", "catch_up": "catch-up, s", "home": "RTO of the return, s",
}
# What is measured of the picture, in which unit, and what is aimed at.
PICTURE = (
    ("picture.cpu", "CPU of `fab view`, all looks and a page that is open", "% of a core", "≤ 5"),
    ("picture.late", "a leader that moves: from when the brokers tell it until it is painted", "s",
     "≤ 1"),
    ("picture.after_log", "the last of them painted, after the drill's clients were served again",
     "s", "≤ 1"),
    ("page.paint", "150 partitions painted, of ten minutes, each drawn", "s", "≤ 0.3"),
    ("page.frames", "frames while it is played, a broker dying", "1/s", "≥ 30"),
    ("page.sent", "what a reader is sent meanwhile", "KB/s", ""),
    ("page.size", "that page", "MB", ""),
    ("page-many.paint", "6,000 partitions painted, all of them busy, folded", "s", "≤ 0.3"),
    ("page-many.frames", "frames while it is played, a broker dying", "1/s", "≥ 30"),
    ("page-many.sent", "what a reader is sent meanwhile", "KB/s", ""),
    ("page-many.size", "that page", "MB", ""),
)
# The same of Kafka's versions.
VERSIONS = (
    ("fresh-zookeeper.total", "from no hosts to verified: Kafka 3.9 with ZooKeeper", "s", ""),
    ("fresh-kraft.total", "the same: Kafka 4.3 with KRaft", "s", ""),
    ("fresh.ratio", "the second divided by the first", "", "≤ 1.25"),
    ("migration.total", "metadata of 3 servers and 3 brokers moves to KRaft, for good", "s",
     "≤ 90"),
    ("migration.migrate", "of which: until brokers are with KRaft", "s", ""),
    ("migration.back", "from there back to ZooKeeper", "s", ""),
    ("migration.written", "records written meanwhile, 200 a second", "records", ""),
    ("migration.failed", "of which failed", "records", "0"),
    ("balance.took", "a fourth broker gets its share, 50 MB/s at most", "s", ""),
    ("balance.copied", "replicas that were copied for it", "", ""),
    ("balance.least", "that had to be copied at least", "", ""),
    ("balance.replicas", "replicas by which brokers differ then", "", "≤ 1"),
    ("balance.leaders", "leaders by which brokers differ then", "", "≤ 1"),
    ("balance.bytes", "bytes by which they differ, of the mean", "%", "≤ 10"),
)
# And of a sink: dc1, a mirror, dc2's Connect, Elasticsearch there, refresh_interval 1 s.
SINKS = (
    ("sinks-500.median", "a record of dc1 found in dc2's store, median, at 500 records/s", "s",
     "≤ 1.5"),
    ("sinks-500.p99", "the same, p99", "s", "≤ 4"),
    ("sinks-500.catch_up", "the store killed: until it has all but the last 2 s again", "s", ""),
    ("sinks-1000.median", "at 1,000 records/s, median", "s", ""),
    ("sinks-1000.p99", "the same, p99", "s", ""),
    ("sinks-1000.catch_up", "the store killed, the same", "s", ""),
    ("sinks.sink", "the sink alone, of 100,000 documents of 120 bytes", "records/s", ""),
    ("sinks.loader", "a plain bulk loader with the same documents", "records/s", ""),
    ("sinks.ratio", "the sink divided by the loader", "", "≥ 0.6"),
    ("sinks-places.sink", "the sink into HBase alone, 100,000 rows", "records/s", ""),
    ("sinks-places.loader", "a plain loader with the same rows", "records/s", ""),
    ("sinks-places.ratio", "the sink divided by the loader", "", "≥ 0.6"),
    ("sinks-keys.sink", "the same, rows by their keys: two changes for a record", "records/s", ""),
    ("sinks-keys.loader", "a plain loader with one change for each", "records/s", ""),
    ("sinks-keys.ratio", "the sink divided by the loader", "", ""),
)
# And of closing listeners of the default lab while it runs.
SECURED = (
    ("secure.rolling", "one broker setting through 6 brokers", "s", ""),
    ("secure.open", "brokers open mtls and scram beside plaintext, with ACLs", "s", ""),
    ("secure.over", "brokers and the lab's own clients go over to mtls", "s", ""),
    ("secure.close", "brokers close plaintext", "s", ""),
    ("secure.open_ratio", "open, divided by the rolled setting", "", "≤ 1.5"),
    ("secure.over_ratio", "go over, the same", "", "≤ 1.5"),
    ("secure.close_ratio", "close, the same", "", "≤ 1.5"),
)
# What a listener costs: `cost-{what brokers speak to each other}-{listener}.{figure}`.
SPOKEN, LISTENED = ("plaintext", "mtls"), ("plaintext", "mtls", "scram")
LISTENER_COSTS = {
    "write": "written, MB/s", "write_cpu": "brokers, CPU s/100 MB",
    "write_client": "client, CPU s/100 MB", "read": "read, MB/s",
    "read_cpu": "brokers, CPU s/100 MB", "read_client": "client, CPU s/100 MB",
    "median": "acknowledged after, ms", "p99": "p99, ms", "begin": "a new client's first, ms",
}
# And of labs/enterprise.toml, 15 hosts, of which Prometheus asks all every 15 s.
ENTERPRISE = (
    ("enterprise.up", "`fab up` from no hosts, the image is there", "s", "≤ 150"),
    ("enterprise.create hosts", "of which: create hosts", "s", ""),
    ("enterprise.converge", "converge: until every service answers", "s", ""),
    ("enterprise.clusters", "what is in the clusters: topics, connectors", "s", ""),
    ("enterprise.verify", "verify: to document, row, schema and dashboard", "s", ""),
    ("enterprise.second", "`fab up` with nothing to change", "s", ""),
    ("enterprise.default", "the same of the default lab", "s", ""),
    ("enterprise.ratio", "the first divided by the second", "", "≤ 2"),
    ("enterprise.counted", "memory that `fab up` counts", "GB", "≤ 9"),
    ("enterprise.resident", "resident memory of all processes of all hosts", "GB", "≤ 9"),
    ("scraping.whole", "scraping, agents and all", "% of a core", "≤ 5"),
    ("scraping.prometheus", "of which: Prometheus", "% of a core", ""),
    ("scraping.alertmanager", "Alertmanager", "% of a core", ""),
    ("scraping.lag-exporter", "the lag exporter", "% of a core", ""),
    ("scraping.node-exporter", "the hosts' exporters", "% of a core", ""),
    ("scraping.answering", "agents in JVMs, and all else that answers", "% of a core", ""),
    ("scraping.alone", "all but those, while nobody asks", "% of a core", ""),
)
COUNTED = ("records", "again")  # numbers of records, not seconds
WHOLE = ("migration.written", "migration.failed", "balance.copied", "balance.least",
         "balance.replicas", "balance.leaders", *(
             f"{sink}.{way}" for sink in ("sinks", "sinks-places", "sinks-keys")
             for way in ("sink", "loader")))
# What is the sum of other measures of the same run.
SUMS = {
    "ours.total": ("ours.create", "ours.first"),
    "mirrors.total": ("mirrors.create", "mirrors.first"),
    "fresh-zookeeper.total": ("fresh-zookeeper.create", "fresh-zookeeper.first"),
    "fresh-kraft.total": ("fresh-kraft.create", "fresh-kraft.first"),
    "migration.total": ("migration.migrate", "migration.finish"),
    "cold.total": ("cold.environment", "cold.up", "cold.verify"),
}

Samples = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Spread:
    """Median and range of some runs; as text `12.3 [11.9-13.0]`."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Raises ValueError without values."""
        values = list(values)
        if not values:
            raise ValueError("no runs")
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return self.text(2 if self.median < 10 else 1)

    def text(self, digits: int) -> str:
        """With so many digits after the point."""
        middle, low, high = (f"{v:,.{digits}f}" for v in (self.median, self.low, self.high))
        return middle if low == high else f"{middle} [{low}-{high}]"


def spread(samples: Samples, what: str) -> Spread | None:
    """The spread of one figure; None where it was not measured."""
    values = [sample[what] for sample in samples if sample.get(what) is not None]
    return Spread.of(values) if values else None


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; None is an empty cell. The first column is text, the others figures."""
    lines = [list(columns), ["---", *("---:" for _ in columns[1:])]]
    lines += [["" if cell is None else str(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def merge(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several result files as one: what a later one measured stands in for the same of earlier.

    `parts` keeps what each of them still stands for, with the machine and commit of its own.
    """
    merged: dict[str, Any] = {"machine": {}, "measures": {}, "breakdown": {}}
    parts: list[dict[str, Any]] = []
    for result in results:
        for part, values in merged.items():
            values.update(result.get(part, {}))
        for earlier in parts:
            for key in result["measures"]:
                earlier["measures"].pop(key, None)
        parts.append({"machine": result["machine"], "measures": dict(result["measures"])})
    return {**merged, "parts": [part for part in parts if part["measures"]]}


def render(result: Mapping[str, Any]) -> str:
    """All tables that the result has figures for."""
    measures: Mapping[str, Samples] = {**result["measures"], **_sums(result["measures"])}
    sources = result.get("parts") or [result]
    parts = [
        *(_about(one["machine"], one["measures"], named=len(sources) > 1) for one in sources),
        _compared(measures), _ratios(measures),
        _steps(measures, PHASES, "Phases, with warm caches"),
        _steps(measures, MIRRORED, "Two datacenters that mirror each other"), _failovers(measures),
        _steps(measures, COLD, "Caches cold"),
        _aimed(measures, VERSIONS, "Versions of Kafka"),
        _aimed(measures, PICTURE, "The picture"),
        _aimed(measures, SINKS, "Sinks"),
        _aimed(measures, SECURED, "Listeners closed while the lab runs"), _listeners(measures),
        _aimed(measures, ENTERPRISE, "The enterprise chapter"),
        _breakdown(result.get("breakdown", {}).get("ours", []), measures),
    ]
    return "\n\n".join(part for part in parts if part)


def _sums(measures: Mapping[str, Samples]) -> dict[str, Samples]:
    """Wall and CPU of what consists of several runs; left out where one of them is missing."""
    sums: dict[str, Samples] = {}
    for key, parts in SUMS.items():
        runs = list(zip(*(measures.get(part, ()) for part in parts), strict=False))
        if runs:
            sums[key] = [
                {what: sum(sample[what] for sample in run) for what in ("wall", "cpu")}
                for run in runs
            ]
    return sums


def write(path: Path, text: str) -> None:
    """Put `text` between the markers of a page. Raises ValueError where they are not there."""
    page = path.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _about(
    machine: Mapping[str, Any], measures: Mapping[str, Samples], *, named: bool = False
) -> str:
    befores = [s["before"] for samples in measures.values() for s in samples if s.get("before")]
    noisy = sum(1 for before in befores if not before["quiet"])
    quiet = (
        f"Other work was going on before {noisy} of {len(befores)} timed runs." if noisy
        else f"The machine was quiet before each of {len(befores)} timed runs."
    )
    runs = sorted({len(s) for key, s in measures.items() if not key.startswith("import.")})
    what = ", ".join(dict.fromkeys(key.partition(".")[0] for key in measures))
    measured = f"{what[0].upper()}{what[1:]}: measured" if named else "Measured"
    return (
        f"{measured} {machine.get('date', '')[:10]} "
        f"at commit {machine.get('commit') or 'unknown'}: "
        f"{machine.get('cores')} cores ({machine.get('cpu')}) shared by hosts and controller, "
        f"{machine.get('memory_gb')} GB, {machine.get('system')}, "
        f"kernel {machine.get('kernel')}, {machine.get('engine')}, "
        f"Python {machine.get('python')}{_ansible(machine)}. "
        f"Median [min-max] of {'/'.join(map(str, runs))} runs. {quiet}"
    )


def _ansible(machine: Mapping[str, Any]) -> str:
    return f", ansible-core {machine['ansible']}" if machine.get("ansible") else ""


def _compared(measures: Mapping[str, Samples]) -> str:
    rows = []
    for key, title in TITLES.items():
        first, second = measures.get(f"{key}.first", ()), measures.get(f"{key}.second", ())
        if first:
            rows.append([
                title, *(spread(samples, what) for samples in (first, second)
                         for what in ("wall", "cpu")),
                spread(first, "controller_cpu"), _whole(spread(first, "controller_mb")),
            ])
    if not rows:
        return ""
    head = "### Hosts up to verified, and the second run with verify\n\n"
    return head + table(
        ["", "first, s", "CPU s", "second, s", "CPU s", "controller CPU s, first",
         "controller MB"], rows,
    )


def _ratios(measures: Mapping[str, Samples]) -> str:
    rows = []
    for peer, like in LIKE.items():
        mine = [f"{key}.first" for key in ("ours", like)]
        if f"{peer}.first" in measures and any(key in measures for key in mine):
            rows.append([
                TITLES[peer],
                *(_ratio(measures, f"{mine}.{run}", f"{peer}.{run}")
                  for mine in ("ours", like) for run in ("first", "second")),
            ])
    if not rows:
        return ""
    head = "### Ours divided by theirs (wall, medians)\n\n"
    return head + table(
        ["", "our best, first", "our best, second", "like with like, first",
         "like with like, second"], rows,
    )


def _ratio(measures: Mapping[str, Samples], mine: str, theirs: str) -> str | None:
    a, b = spread(measures.get(mine, ()), "wall"), spread(measures.get(theirs, ()), "wall")
    return f"{a.median / b.median:.2f}" if a and b else None


def _steps(
    measures: Mapping[str, Samples], steps: Sequence[tuple[str, str]], title: str
) -> str:
    rows = [
        [text, spread(measures[key], "wall"), spread(measures[key], "cpu"),
         spread(measures[key], "controller_cpu"), _whole(spread(measures[key], "controller_mb"))]
        for key, text in steps if key in measures
    ]
    if not rows:
        return ""
    columns = ["", "wall, s", "CPU s", "controller CPU s", "controller MB"]
    return f"### {title}\n\n" + table(columns, rows)


def _failovers(measures: Mapping[str, Samples]) -> str:
    rows = [
        [title, *(_cost(cost, measures.get(f"{key}.{cost}", ())) for cost in COSTS)]
        for key, title in FAILOVERS.items() if f"{key}.rto" in measures
    ]
    if not rows:
        return ""
    head = "### Failover and return, at 1,000 records/s, given up after 3 s of silence\n\n"
    return head + table(["", *COSTS.values()], rows)


def _aimed(
    measures: Mapping[str, Samples], lines: Sequence[tuple[str, str, str, str]], title: str
) -> str:
    """Figures with their units, and what is aimed at."""
    rows = [[text, _figure(key, spread(measures[key], "wall")), unit, aim]
            for key, text, unit, aim in lines if key in measures]
    if not rows:
        return ""
    return f"### {title}\n\n" + table(["", "measured", "unit", "aim"], rows)


def _listeners(measures: Mapping[str, Samples]) -> str:
    """A row for each listener, with brokers that speak plaintext to each other and with others."""
    rows = [
        [listener, among, *(spread(measures.get(f"cost-{among}-{listener}.{what}", ()), "wall")
                            for what in LISTENER_COSTS)]
        for among in SPOKEN for listener in LISTENED if f"cost-{among}-{listener}.write" in measures
    ]
    if not rows:
        return ""
    head = "### What a listener costs, side by side on the same three brokers\n\n"
    return head + table(["listener", "among brokers", *LISTENER_COSTS.values()], rows)


def _figure(key: str, found: Spread | None) -> str | None:
    return found.text(0) if found and key in WHOLE else str(found) if found else None


def _cost(cost: str, samples: Samples) -> str | None:
    found = spread(samples, "wall")
    if found is None:
        return None
    return found.text(0) if cost in COUNTED else str(found)


def _breakdown(runs: Sequence[Sequence[Mapping[str, Any]]], measures: Mapping[str, Samples]) -> str:
    """The steps of the run whose time is nearest to the median."""
    walls = [sample["wall"] for sample in measures.get("ours.first", ())]
    if not runs or len(walls) != len(runs):
        return ""
    middle = statistics.median(walls)
    steps = min(zip(walls, runs, strict=True), key=lambda pair: abs(pair[0] - middle))[1]
    head = "### Where the time goes between hosts up and verified\n\n"
    return head + table(
        ["task and step", "on", "how often", "median s", "longest s", "over after s"],
        [[f"{s['task']}: {s['step']}", s["role"], s["count"],
          *(f"{s[what]:.2f}" for what in ("median", "longest", "ended"))] for s in steps],
    )


def _whole(value: Spread | None) -> str | None:
    return f"{value.median:.0f}" if value else None
