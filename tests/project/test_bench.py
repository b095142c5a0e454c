"""The benchmark's pure parts: figures, tables, inventories, run logs."""

from __future__ import annotations

import json
import re
import sys
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import (
    carrying,
    checks,
    enterprise,
    lab as bench_lab,
    loading,
    measure,
    peers,
    picture,
    processes,
    report,
    runlog,
    scraping,
    shots,
    sinks,
    steps,
    versions,
)
from bench.__main__ import SCENARIOS, _arguments
from bench.scenarios import without_version
from bench.scene import Scene
from lab.file import load, parse
from lab.learning.needs import needs
from lab.load import Load, Tally, closing
from lab.services.registry import roles
from lab.topology import Topology, build
from scripts.errors import LabError
from scripts.learning import library
from scripts.picture.page import render
from scripts.platforms.local import image, recipe
from scripts.software.kept import RECIPES
from scripts.workstation import runlog as runlog_of_runs, screen as progress
from scripts.workstation.paths import PROJECT
from tests.labs import obtained


def topology(**options: Any) -> Topology:
    return build(parse(tomllib.loads(bench_lab.lab_file(**options))).lab)


def sample(wall: float, **more: Any) -> dict[str, Any]:
    quiet = {"busy_cores": 0.1, "load1": 0.3, "quiet": True}
    return {
        "wall": wall, "cpu": wall * 2, "controller_cpu": 1.0, "controller_mb": 75.4,
        "before": quiet, **more,
    }


def result(**walls: list[float]) -> dict[str, Any]:
    """A result with the runs of `scenario__measure=[seconds, …]`."""
    measures = {
        key.replace("__", ".").replace("_", "-", key.startswith("raw")):
            [sample(wall) for wall in runs]
        for key, runs in walls.items()
    }
    return {"machine": {"date": "2026-01-02T03:04:05Z", "commit": "abc"}, "measures": measures,
            "breakdown": {}}


@pytest.mark.parametrize(("values", "text"), [
    ([1.234], "1.23"),
    ([3.0, 1.0, 2.0], "2.00 [1.00-3.00]"),
    ([20.0, 10.0], "15.0 [10.0-20.0]"),
    ([2.0, 2.0], "2.00"),
])
def test_spread_shows_the_median_and_the_range(values: list[float], text: str) -> None:
    assert str(report.Spread.of(values)) == text


def test_records_are_counted_and_never_broken() -> None:
    costs = {
        f"failover-hosts.{cost}": [{"wall": value} for value in (0.0, 1701.0, 2176.0)]
        for cost in ("rto", "records")
    }
    text = report.render({"machine": result()["machine"], "measures": costs, "breakdown": {}})
    row = next(line for line in text.splitlines() if line.startswith("| hosts killed"))
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[2] == "1,701.0 [0.0-2,176.0]"
    assert "1,701 [0-2,176]" in cells


def test_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no runs"):
        report.Spread.of([])


def test_a_figure_that_was_not_measured_is_an_empty_cell() -> None:
    assert report.spread([sample(1.0, cpu=None)], "cpu") is None
    assert report.table(["", "s"], [["a", None]]).splitlines()[-1] == "| a |  |"


def test_tables_hold_what_was_measured_and_no_more() -> None:
    text = report.render(result(ours__first=[4.0, 6.0, 5.0], ours__second=[1.0]))
    assert "| kafkalab, distribution in the image | 5.00 [4.00-6.00] |" in text
    assert "Ansible" not in text
    assert "divided" not in text
    assert "Caches cold" not in text


def test_ratios_compare_medians_with_our_best_and_with_like() -> None:
    text = report.render(result(
        ours__first=[9.0, 10.0, 99.0], ours__second=[3.0], raw__first=[40.0], raw__second=[6.0],
        **{"network-jvm__first": [30.0], "network-jvm__second": [4.5]},
    ))
    assert "| raw parallel SSH | 0.25 | 0.50 | 0.75 | 0.75 |" in text


def test_ratio_without_its_other_half_stays_empty() -> None:
    text = report.render(result(ours__first=[10.0], raw__first=[40.0]))
    assert "| raw parallel SSH | 0.25 |  |  |  |" in text


def test_what_is_measured_has_the_default_labs_hosts_and_no_mirrors() -> None:
    """Its figures are compared with baselines that set up no Connect, and with those of before."""
    measured, default = topology(), build(load(PROJECT / "lab.toml").lab)
    assert [[host.role for host in one.hosts] for one in measured.datacenters] == [
        [host.role for host in one.hosts] for one in default.datacenters
    ]
    assert measured.config.mirrors == ()
    assert not any("connect" in roles(host, measured) for host in measured.hosts)


def test_totals_are_sums_within_a_run() -> None:
    text = report.render(result(ours__create=[3.0, 1.0], ours__first=[4.0, 4.0]))
    assert "| from no hosts to verified | 6.00 [5.00-7.00] | 12.0 [10.0-14.0] |  |  |" in text


def test_report_says_when_the_machine_was_not_quiet() -> None:
    noisy = result(ours__first=[1.0, 2.0])
    assert "quiet before each of 2" in report.render(noisy)
    noisy["measures"]["ours.first"][1]["before"]["quiet"] = False
    assert "Other work was going on before 1 of 2" in report.render(noisy)


def test_breakdown_is_of_the_run_nearest_to_the_median() -> None:
    measured = result(ours__first=[10.0, 30.0, 11.0])
    steps = [
        [{"task": "up", "step": f"of {wall}", "role": "kafka", "count": 6,
          "median": 1, "longest": 2, "ended": 3}]
        for wall in (10, 30, 11)
    ]
    measured["breakdown"]["ours"] = steps
    assert "| up: of 11 | kafka | 6 | 1.00 | 2.00 | 3.00 |" in report.render(measured)


def test_each_phase_of_a_cold_run_has_its_row() -> None:
    """Those that a run's log has under these names; the table passes over what it does not know."""
    known = {name.removeprefix("cold.") for name, _ in report.COLD}
    phases = ("Kafka 3.9.2 from Maven", "host image from Debian packages",
              "host image into the engine", "Kafka 3.9.2 into the host image", "create hosts",
              "converge", "clusters")
    assert {without_version(phase) for phase in phases} <= known


def test_later_results_replace_the_same_measure_of_earlier_ones() -> None:
    merged = report.merge([result(ours__first=[1.0], cold__up=[60.0]), result(ours__first=[2.0])])
    assert merged["measures"]["ours.first"][0]["wall"] == 2.0
    assert merged["measures"]["cold.up"][0]["wall"] == 60.0


def test_a_page_of_several_results_says_what_is_of_which_commit() -> None:
    first, second = result(ours__first=[1.0], cold__up=[60.0]), result(ours__first=[2.0])
    second["machine"] = {**second["machine"], "commit": "def"}
    text = report.render(report.merge([first, second]))
    assert "Cold: measured 2026-01-02 at commit abc:" in text
    assert "Ours: measured 2026-01-02 at commit def:" in text
    assert "Measured 2026-01-02 at commit abc:" in report.render(report.merge([first]))


def test_page_keeps_all_but_the_text_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for text in ("one", "two"):
        report.write(page, text)
    assert page.read_text() == f"before\n{report.BEGIN}\n\ntwo\n\n{report.END}\nafter\n"


def test_page_without_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no markers")
    with pytest.raises(ValueError, match="bench:begin"):
        report.write(page, "text")


def test_the_real_page_has_the_markers() -> None:
    text = Path("docs/performance.md").read_text()
    assert text.count(report.BEGIN) == text.count(report.END) == 1


def test_every_compared_scenario_exists() -> None:
    assert set(report.TITLES) <= set(SCENARIOS)
    assert {key for pair in report.LIKE.items() for key in pair} <= set(SCENARIOS)


def test_lab_files_are_accepted_and_have_fourteen_hosts() -> None:
    assert len(topology().hosts) == 14
    assert topology(settings={"log.retention.hours": "7"}).config.kafka.config == {
        "log.retention.hours": "7"
    }
    kafkas = topology(kafkas_jvm=True).config
    assert kafkas.kafka.heap_mb == 1024
    assert "-XX:+UseG1GC" in kafkas.kafka.jvm_options
    assert kafkas.zookeeper.heap_mb == 512


def test_jvm_options_are_those_of_kafkas_start_script() -> None:
    script = (RECIPES / "kafka/bin/kafka-run-class.sh").read_text().replace("\\\n", " ")
    found = re.search(r"KAFKA_JVM_PERFORMANCE_OPTS:-([^}]*)}", script)
    assert found is not None
    assert tuple(found[1].split()) == bench_lab.KAFKAS_JVM


def test_inventory_names_every_host_with_its_place() -> None:
    text = peers.inventory(topology())
    assert "dc1-ctl01 ansible_port=28010 ip=10.40.1.10\n" in text
    assert "dc2-zk03 ansible_port=29023 ip=10.40.2.23 zk_id=3\n" in text
    assert "dc2-kafka01 ansible_port=29031 ip=10.40.2.31 broker_id=1\n" in text
    groups = {
        name: lines.split("\n") for name, lines in re.findall(r"\[(.+)\]\n((?:.+\n?)+)", text)
    }
    counts = {name: len([line for line in lines if line]) for name, lines in groups.items()}
    assert counts == {"dc1": 7, "dc2": 7, "ctl": 2, "zookeeper": 6, "kafka": 6, "verify": 2,
                      "dc1:vars": 1, "dc2:vars": 1}


def test_fleet_list_has_a_line_a_host() -> None:
    lines = peers.fleet_list(topology()).splitlines()
    assert lines[0].startswith("#")
    assert len(lines) == 15
    assert lines[1] == "dc1-ctl01 10.40.1.10 28010 ctl 1 1"
    assert lines[-1] == "dc2-kafka03 10.40.2.33 29033 kafka 3 2"


def test_raw_gets_the_jvm_options_of_the_lab() -> None:
    options = peers.fast(topology())
    assert options["KAFKA_ENV"] == (
        'Environment="KAFKA_HEAP_OPTS=-Xms256m -Xmx256m" '
        '"KAFKA_JVM_PERFORMANCE_OPTS=-XX:+UseSerialGC -XX:TieredStopAtLevel=1"'
    )
    assert "-Xmx96m" in options["ZK_ENV"]


@pytest.mark.parametrize(("output", "count"), [
    ("changed=0 rc=0\n", 0),
    ("noise\nchanged=37 rc=0\n", 37),
    ("dc1-zk01  : ok=5  changed=3  unreachable=0  failed=0  skipped=0\n"
     "dc1-zk02  : ok=5  changed=4  unreachable=0  failed=0\n", 7),
])
def test_changes_that_a_baseline_reports(output: str, count: int) -> None:
    ran = measure.Ran(measure.Sample(1.0), output, 1, 0.0)
    assert peers.changed(ran) == count


LOG = """\
23:59:58.500 fab up
23:59:59.000 workstation: podman ps --all --filter x -> 0, 0.050 s
23:59:59.500 b-dc1-kafka01: read -> 0, 0.400 s
00:00:01.000 b-dc1-kafka02: read -> 0, 0.600 s
stderr: something else
00:00:02.000 b-dc1-zk01: write through INTERNAL -> time-out, 1.000 s
"""


def test_run_log_is_read_over_midnight() -> None:
    began = runlog.time.mktime((2026, 1, 1, 23, 59, 58, 0, 0, -1))
    entries = runlog.parse(LOG, began=began)
    assert [round(entry.at, 3) for entry in entries] == [0.5, 1.0, 1.5, 3.0, 4.0]
    assert runlog.count(entries, "read") == 2
    assert entries[-1].status == "time-out"
    steps = {(step["step"], step["role"]): step for step in runlog.breakdown(entries)}
    assert list(steps) == [
        ("podman ps", "workstation"), ("read", "kafka"), ("write through INTERNAL", "zookeeper"),
    ]
    assert steps["read", "kafka"] == {
        "step": "read", "role": "kafka", "count": 2, "median": 0.5, "longest": 0.6, "ended": 3.0,
    }


def test_a_process_is_measured(tmp_path: Path) -> None:
    code = "import time; held = bytearray(80_000_000); time.sleep(0.1); print('out')"
    ran = measure.timed([sys.executable, "-c", code], log=tmp_path / "log", env={}, cwd=tmp_path)
    assert 0.1 <= ran.sample.wall < 20
    assert ran.output == "out\n"
    assert ran.sample.controller_mb is not None
    assert 80 <= ran.sample.controller_mb < 160
    assert ran.sample.cpu is not None


def test_peak_memory_is_the_programs_own(tmp_path: Path) -> None:
    held = bytearray(b"x") * 100_000_000
    ran = measure.timed(["true"], log=tmp_path / "log", env={"PATH": "/bin:/usr/bin"}, cwd=tmp_path)
    assert held
    assert ran.sample.controller_mb is not None
    assert ran.sample.controller_mb < 30


def test_a_process_that_fails_does_not_count(tmp_path: Path) -> None:
    code = "import sys; print('why it failed'); sys.exit(3)"
    with pytest.raises(measure.BenchError, match=r"ended with 3:\nwhy it failed"):
        measure.timed([sys.executable, "-c", code], log=tmp_path / "log", env={}, cwd=tmp_path)


def test_a_process_that_is_ended_may_clean_up_first(tmp_path: Path) -> None:
    """A drill repairs what it broke; the lab is not taken away from under it."""
    code = (
        "import signal, time, pathlib\n"
        "def end(*_):\n"
        "    time.sleep(0.3); pathlib.Path('clean').touch(); raise SystemExit(143)\n"
        "signal.signal(signal.SIGTERM, end); pathlib.Path('up').touch(); time.sleep(60)"
    )
    with pytest.raises(measure.BenchError, match=r"no end after 1 s"):
        measure.timed(
            [sys.executable, "-c", code], log=tmp_path / "log", env={}, cwd=tmp_path, timeout=1
        )
    assert {path.name for path in tmp_path.iterdir()} >= {"up", "clean"}


def test_a_process_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(measure.BenchError, match=r"no end after 0.3 s"):
        measure.timed(
            [sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "log", env={},
            cwd=tmp_path, timeout=0.3,
        )


def test_phases_come_from_the_run_log_and_are_no_steps_of_hosts(
    tmp_path: Path,
) -> None:
    """What a run writes is what the benchmark reads; a phase that fails has no time."""
    runlog_of_runs.start(tmp_path, "up")
    said: list[str] = []
    with progress.phase("host image", said.append), progress.phase("Kafka from Maven"):
        pass
    with pytest.raises(LabError), progress.phase("create hosts"):
        raise LabError("no")
    (log,) = (tmp_path / "runs").glob("*-up-*.log")
    entries = runlog.parse(log.read_text(), began=time.time())
    assert list(runlog.phases(entries)) == ["Kafka from Maven", "host image"]
    assert runlog.breakdown(entries) == []
    assert said[0] == "host image ..." and re.fullmatch(r"host image: 0\.\d s", said[1])


def test_a_build_from_cold_caches_finds_no_image_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "REPOSITORY", recipe.REPOSITORY)
    monkeypatch.setattr(image, "BUILD_LABEL", image.BUILD_LABEL)
    kafka = obtained(Path("kafka.tar"), "0" * 64)
    usual, label = recipe.host_tag([kafka]), image.BUILD_LABEL
    steps.own_images("localhost/kafkalab-bench")
    assert recipe.host_tag([kafka]) == usual.replace("kafkalab", "kafkalab-bench", 1)
    assert label != image.BUILD_LABEL


def test_baselines_run_only_where_their_folder_is_given(tmp_path: Path) -> None:
    always = ["import", "many", "mirrors", "failovers", "page", "picture", "fresh", "migration",
              "balance", "sinks", "security", "enterprise"]
    assert _arguments([]).names == ["ours", "network", "network-jvm", *always]
    with_peer = _arguments(["--peer", str(tmp_path)]).names
    assert with_peer == [
        "ours", "network", "network-jvm", "raw", "raw-opt", "ansible", *always,
    ]
    assert _arguments(["--peer", str(tmp_path), "--all"]).names == list(SCENARIOS)
    assert _arguments(["--only", "import,ours"]).names == ["ours", "import"]


@pytest.mark.parametrize("words", [["--only", "raw"], ["--only", "rwa"], ["--runs", "0"]])
def test_what_cannot_be_run_is_a_usage_error(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        _arguments(words)
    assert caught.value.code == 2


def test_what_is_measured_of_the_picture_has_its_unit_and_aim() -> None:
    text = report.render(result(picture__cpu=[3.0, 4.0], page__frames=[57.0]))
    assert "| CPU of `fab view`, all looks and a page that is open | 3.50 [3.00-4.00] " \
        "| % of a core | ≤ 5 |" in text
    assert "| 57.0 | 1/s | ≥ 30 |" in text
    assert "The picture" not in report.render(result(ours__first=[1.0]))


def test_labs_of_both_kinds_have_the_same_hosts_and_one_datacenter_may_be_alone() -> None:
    both = [topology(version=version, metadata=metadata)
            for metadata, version in versions.KEPT.items()]
    assert [len(one.hosts) for one in both] == [14, 14]
    assert [one.config.versions for one in both] == [("3.9.2",), ("4.3.1",)]
    moving = topology(alone={**versions.ALONE, "metadata": "kraft"})
    assert [one.name for one in moving.datacenters] == ["dc1"]
    assert moving.datacenters[0].config.led is False or moving.datacenters[0].config.kraft
    assert [len(topology(alone=one).hosts) for one in (
        versions.ALONE, {**versions.ALONE, "kafka": 4})] == [7, 8]


def test_what_versions_cost_has_its_aims_and_a_move_is_the_sum_of_its_steps() -> None:
    text = report.render(result(
        migration__migrate=[40.0, 50.0], migration__finish=[10.0, 10.0],
        migration__failed=[0.0, 0.0], fresh__ratio=[1.1, 1.3]))
    assert "| for good | 55.0 [50.0-60.0] | s | ≤ 90 |" in text.replace(
        "metadata of 3 servers and 3 brokers moves to KRaft, ", "")
    assert "| of which failed | 0 | records | 0 |" in text
    assert "| the second divided by the first | 1.20 [1.10-1.30] |  | ≤ 1.25 |" in text


def test_how_far_brokers_are_apart() -> None:
    assert versions.apart("10 3 100\n11 3 90\n10 4 110\n") == {
        "replicas": 1.0, "leaders": 1.0, "bytes": 20.0}


def test_figures_of_a_balance_and_of_a_load_are_read_from_what_they_tell() -> None:
    said = ("dc1: 18 replicas to copy, 40MB (at least 17 have to move); 6 partitions to be led\n"
            "dc1: balanced in 12.5 s\n")
    ran = measure.Ran(measure.Sample(1.0), said, 1, 0.0)
    assert versions._told(ran) == (18, 17, 12.5)
    with pytest.raises(measure.BenchError, match="no balance was told:\ndc1: nothing to do"):
        versions._told(measure.Ran(measure.Sample(1.0), "dc1: nothing to do", 1, 0.0))
    tally = Tally(sent=1200, acked=1199, lost=1)
    found = versions.WRITTEN.search(f"x\n{closing(tally, 3.0, 'orders of dc1', Load())}\n")
    assert found and found.groups() == ("1,200", "1,199", "1")


def test_what_a_sink_is_measured_in_has_a_store_behind_a_mirror() -> None:
    one = build(parse(tomllib.loads(sinks.lab_file())).lab)
    assert len(one.hosts) == 14
    (sink,) = one.config.sinks
    assert json.loads(str(sink.config["index.settings"]))["refresh_interval"] == "1s"
    assert [(m.source, m.target) for m in one.config.mirrors] == [("dc1", "dc2"), ("dc2", "dc1")]


def test_rates_of_sink_and_loader_are_read_from_what_they_tell() -> None:
    said = "keys loader: 20000.0 records/s\nkeys sink: 15000.5 records/s\n"
    ran = measure.Ran(measure.Sample(1.0), said, 1, 0.0)
    assert sinks.told(ran) == {"keys": {"loader": 20000.0, "sink": 15000.5}}
    for lacking in ("", f"{said}places loader: 1.0 records/s\n"):
        with pytest.raises(measure.BenchError, match="no rates were told"):
            sinks.told(measure.Ran(measure.Sample(1.0), lacking, 1, 0.0))
    text = report.render(result(sinks__ratio=[0.7, 0.8], sinks__sink=[15000.5, 16000.0]))
    assert "| the sink divided by the loader | 0.75 [0.70-0.80] |  | ≥ 0.6 |" in text
    assert "15,500 [15,000-16,000] | records/s |" in text


def test_rows_are_measured_without_the_other_store_and_each_sink_has_its_figures() -> None:
    lab = parse(tomllib.loads(sinks.lab_file(sinks.ROWS))).lab
    assert [(one.called, one.kind, one.by_key) for one in lab.sinks] == [
        ("places", "hbase", False), ("keys", "hbase", True)]
    shown = {key.partition(".")[0] for key, *_ in report.SINKS}
    called = {one.called for text in (sinks.SINK, sinks.ROWS)
              for one in parse(tomllib.loads(sinks.lab_file(text))).lab.sinks}
    assert called == sinks.CALLED.keys() and set(sinks.CALLED.values()) <= shown


def test_both_get_documents_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "DOCUMENTS", 1000)
    found = list(carrying.documents())
    assert len({number for number, _ in found}) == 1000
    assert all(json.loads(value)["number"] == number for number, value in found)


def test_the_loader_of_rows_writes_what_the_sink_would() -> None:
    documents = [(number, json.dumps({"number": number, "sent": 0.0, "key": "k"}).encode())
                 for number in (0, 1, 6)]
    placed = [line.rstrip("\n").split("\t") for line in loading.rows_of(documents, by_key=False)]
    assert [one[:2] for one in placed] == [
        ["kafkalab-drill+0+000000000000", "0"], ["kafkalab-drill+1+000000000000", "0"],
        ["kafkalab-drill+0+000000000001", "1"]]
    assert placed[2][2:] == ["number", "6", "sent", "0.0", "key", "k"]
    keyed = [line.split("\t")[:2] for line in loading.rows_of(documents, by_key=True)]
    assert keyed == [["key-0", "0"], ["key-1", "0"], ["key-6", "1"]]


def test_a_sink_is_done_when_all_is_there_and_not_when_as_much_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A batch that was sent again is counted twice. The clock begins with what is there first."""
    monkeypatch.setattr(carrying, "DOCUMENTS", 1000)
    times, writes = iter([10.0, 11.0, 12.0, 13.0]), iter([0.0, 500.0, 1000.0, 1000.0])
    looks = iter(["some are not there", ""])
    monkeypatch.setattr(carrying, "progress", lambda _: lambda: next(writes))
    monkeypatch.setattr(carrying, "lacks", lambda _: next(looks))
    monkeypatch.setattr(carrying, "time", SimpleNamespace(monotonic=lambda: next(times)))
    carrier: Any = SimpleNamespace(prepare=lambda: None)
    assert carrying.sink(carrier) == 500 / 2


STAT = "100\n1 (systemd) S 0 1 1 0 -1 4194560 9 8 7 6 250 50 100 100 20 0 1 0 1 99 2000 18446\n" \
    "77 (a (b) c) R 1 1 1 0 -1 4194560 9 8 7 6 {} 0 0 0 20 0 1 0 1 99 1000 18446\n"


def hosts(used: int, pid: int = 77) -> dict[str, dict[int, processes.Process]]:
    found = processes.parse(STAT.format(used).replace("77 ", f"{pid} "))
    return {"a": found}


def test_processes_are_read_whatever_they_are_called() -> None:
    found = processes.parse(STAT.format(500))
    assert {pid: one.used_s for pid, one in found.items()} == {1: 5.0, 77: 5.0}
    assert processes.resident_mb([found, found]) == pytest.approx(2 * 3000 * processes.PAGE_MB)
    with pytest.raises(measure.BenchError, match="of no process: 'cat: no such file'"):
        processes.parse("100\ncat: no such file\n")


def test_who_watches_is_told_apart_from_who_answers() -> None:
    watchers = {"a": {77: "prometheus"}}
    found = scraping.shares(hosts(500), hosts(800), watchers, seconds=60)
    assert found == {**dict.fromkeys(scraping.WATCHING, 0.0), "": 0.0, "prometheus": 5.0}
    assert scraping.shares(hosts(500), hosts(800), {"a": {}}, seconds=60)[""] == 5.0
    with pytest.raises(measure.BenchError, match="prometheus of a began anew"):
        scraping.shares(hosts(500), hosts(0, pid=78), watchers, seconds=60)


def test_scraping_is_what_watches_and_what_all_else_does_more() -> None:
    none = dict.fromkeys(scraping.WATCHING, 0.0)
    turns = [scraping.Turn({**none, "prometheus": 0.25}, asked, 10.0) for asked in (10.5, 12, 10.6)]
    found = scraping.told(turns)
    assert found["answering"] == pytest.approx(0.6)
    assert found["whole"] == pytest.approx(0.85)
    lines = "".join(f"{name}: {share:.3f} % of a core\n" for name, share in found.items())
    read = enterprise.scraping(measure.Ran(measure.Sample(1.0), lines, 1, 0.0))
    assert read == pytest.approx(found)
    shown = {key for key, *_ in report.ENTERPRISE}
    assert {f"scraping.{name}" for name in found} - shown == {"scraping.asked"}


def test_the_enterprise_lab_is_measured_as_it_is_but_for_its_name() -> None:
    found, real = tomllib.loads(enterprise.text()), load(enterprise.FILE).lab
    assert parse(found).lab == real.model_copy(update={"name": bench_lab.NAME})
    assert real.monitoring.scrape_s == 15
    said = measure.Ran(measure.Sample(1.0), "counted: 5400 MB\nresident: 3900 MB\n", 1, 0.0)
    assert enterprise.memory(said) == {"counted": 5400, "resident": 3900}
    with pytest.raises(measure.BenchError, match="no memory was told"):
        enterprise.memory(measure.Ran(measure.Sample(1.0), "counted: 5400 MB\n", 1, 0.0))


DRILL = {"score": {"worst_key_gap_seconds": 3.0}, "events": [
    {"kind": "fault", "at": 100.0}, {"kind": "healthy", "at": 120.0}]}


def test_how_late_a_leader_is_shown_is_by_the_brokers_and_by_the_drills_log() -> None:
    told = {(("a", 0), 2): 101.0, (("a", 1), 3): 102.0, (("b", 0), 1): 99.0}
    shown = [["dc1", "a", 0, 2, 101.3], ["dc1", "a", 1, 3, 102.7], ["dc2", "a", 0, 2, 109.0],
             ["dc1", "a", 1, 3, 119.0], ["dc1", "b", 0, 1, 99.2]]
    found = picture.late("dc1", told, shown, DRILL)
    assert found["late"] == pytest.approx(0.7)
    assert found["after_log"] == pytest.approx(-0.3)
    with pytest.raises(measure.BenchError, match="no leader was seen to move"):
        picture.late("dc1", {}, shown, DRILL)


def test_a_leader_is_told_the_first_time_it_is_another() -> None:
    watched = picture.Leaders()
    for leader in (1, -1, 2, 2, 1):
        watched.look({"a": SimpleNamespace(partitions={0: SimpleNamespace(id=0, leader=leader)})})
    assert list(watched.moved) == [(("a", 0), 2), (("a", 0), 1)]


def test_the_telling_moment_is_when_leaders_have_moved() -> None:
    page = render(Scene(seconds=20, killed=12, back=18, partitions=3).history(), lab="x", owner="a")
    assert shots._telling(page) == 13.0 + shots.GONE_S
    whole = render(Scene(seconds=5).history(), lab="x", owner="a")
    with pytest.raises(measure.BenchError, match="no leader was seen to move"):
        shots._telling(whole)


def test_what_is_sent_of_many_busy_partitions_is_bounded() -> None:
    scene = Scene(seconds=10, partitions=400, step=0.5)
    assert picture.sent(picture.paced(scene)) / 10 < 12_000  # bytes a second


def test_only_exercises_are_timed_that_can_take_place_where_they_are() -> None:
    names = set(checks.possible(checks.ALONE))
    assert {"ch3-partitions", "ch6-offsets", "ch9-quota"} <= names
    lacking = {name: needs(library.load(name).exercise) for name in library.names()
               if name not in names}
    assert {"ch10-compat", "ch11-connect", "ch12-mirror", "ch-kraft"} <= lacking.keys()
    assert all(lacking.values()), "a lab that would do was left out"
