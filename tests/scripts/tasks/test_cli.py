"""The command line as far as it goes without a host: lab files, names, exit statuses, its cost."""

from __future__ import annotations

import logging
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from invoke import Collection, Task

from scripts import namespace
from scripts.errors import foreign
from scripts.tasks import cli
from scripts.workstation.runlog import RunLog
from tests.conftest import LAB, NAME, PROJECT, Fab

pytestmark = pytest.mark.programs

BAD = """\
name = "No Host"
owner = "ann"
colour = "red"
[kafka]
versoin = "3.9.2"
replication_factor = 4
[kafka.config]
"broker.id" = 7
"log.retention.hour" = 5
"num.io.threads" = 0
log.segment.ms = 7
[[topics]]
name = "orders"
config = { "cleanup.policy" = "keep" }
[[datacenters]]
name = "dc1"
cidr = "10.31.0.0/24"
[[datacenters]]
name = "dc1"
cidr = "10.31.0.0/25"
kafka = 0
[[datacenters]]
name = "dc3"
cidr = "8.8.8.0/24"
"""


TASKS = ("up", "plan", "hosts", "zookeeper", "kafka", "verify", "status", "down")


@pytest.mark.parametrize("task", [*TASKS, "ssh --host=x", "logs --host=x --service=kafka"])
def test_a_bad_lab_file_is_told_whole_with_a_line_a_problem(fab: Fab, task: str) -> None:
    done = fab(*task.split(), text=BAD)
    # 2 means "there are changes" for plan.
    assert done.returncode == (1 if task == "plan" else 2)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    for field, *words in (
        ("name = 'No Host'", "RFC 1123"),
        ("colour = 'red'", "unknown key"),
        ("kafka.versoin = '3.9.2'", "did you mean version?"),
        ("kafka.replication_factor = 4", "at most 3"),
        ("kafka.config.broker.id = 7", "decided by the lab"),
        ("kafka.config.log.retention.hour = 5", "nearest: log.retention.hours"),
        ("kafka.config.num.io.threads = 0", "at least 1"),
        ("kafka.config.log.segment.ms = 7", 'quote the key: "log.segment.ms" = 7'),
        ("topics[1].config.cleanup.policy = 'keep'", "some of compact, delete"),
        ("datacenters[2].name = 'dc1'", "used twice"),
        ("datacenters[2].cidr", "overlaps"),
        ("datacenters[2].kafka = 0", "greater than or equal to 1"),
        ("datacenters[3].cidr", "a public range"),
    ):
        mine = [line for line in lines if f": {field}" in line]
        assert len(mine) == 1, f"{field}:\n{done.stderr}"
        assert all(word in mine[0] for word in words), mine[0]
    assert all(".toml: " in line for line in lines)


def test_a_lab_file_that_is_not_there_is_named(fab: Fab, tmp_path: Path) -> None:
    for task, status in (("up", 2), ("status", 2), ("plan", 1)):
        done = fab(task, text=None)
        assert done.returncode == status
        assert done.stderr == (
            f"{tmp_path / 'lab.toml'}: file: No such file or directory; "
            "name another file with LAB=PATH\n"
        )


def test_a_lab_file_that_is_no_toml_is_told_with_its_line(fab: Fab) -> None:
    done = fab("up", text="owner = \n")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "(at line 1, column 9)" in done.stderr


@pytest.mark.parametrize("task", [task for task in TASKS if task != "down"])
def test_names_that_are_not_there_bring_the_nearest_one(fab: Fab, task: str) -> None:
    for option, name, near in (
        ("--host", "ann-dc1-kafak02", "ann-dc1-kafka02"), ("--datacenter", "dc22", "dc2"),
    ):
        done = fab(task, option, name)
        # 2 means "there are changes" for plan.
        assert done.returncode == (1 if task == "plan" else 2)
        what = option.removeprefix("--")
        assert done.stderr.startswith(f"error: no {what} {name!r} in the lab (did you mean {near}")
        assert done.stderr.count("\n") == 1


def test_hosts_and_services_of_ssh_and_logs_are_checked_first(fab: Fab) -> None:
    for words, said in (
        (("ssh", "ann-dc1-zk04"), "error: no host 'ann-dc1-zk04' in the lab (did you mean "),
        (("logs", "nobody", "kafka"), "error: no host 'nobody' in the lab (known: ann-dc1-ctl01, "),
        (("logs", "ann-dc1-zk01", "kafka", "--boot=1"), "error: --boot 1 (accepted: 0, this "),
        (("logs", "ann-dc1-zk01", "kafka", "--boot=-1", "--follow"), "error: --boot -1 --follow: "),
        (("logs", "ann-dc1-zk01", "x; reboot"), "error: no service 'x; reboot' (such as "),
    ):
        done = fab(*words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.startswith(said), done.stderr


@pytest.mark.parametrize("words", [
    ("ssh", ","), ("container", "--datacenter", ","), ("up", "--datacenter", " ,"),
])
def test_an_option_that_names_nobody_is_refused(
    fab: Fab, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended with a traceback, or did nothing and said so with exit status 0. Where there is no
    engine, that is not what is wrong."""
    monkeypatch.setenv("PATH", str(tmp_path))
    done = fab(*words)
    assert done.returncode == 2
    what = "host" if words[0] == "ssh" else "datacenter"
    assert done.stderr.startswith(f"error: {words[-1]!r} names no {what} (known: ")


@pytest.mark.parametrize("task", [
    "up --host x", "plan --host x", "status --host x", "preflight", "cost", "tf.drift",
])
def test_a_lab_that_is_open_to_the_world_is_warned_of_once(fab: Fab, task: str) -> None:
    done = fab(*task.split(), text=f"{LAB}[aws]\nworld_open = true\n")
    assert (done.stdout + done.stderr).count("aws.world_open = true: whoever") == 1


def test_every_task_begins_with_the_warnings() -> None:
    def tasks(collection: Collection) -> Iterator[Task[Any]]:
        yield from collection.tasks.values()
        for inner in collection.collections.values():
            yield from tasks(inner)

    found = list(tasks(namespace))
    assert len(found) > 20
    assert {task.body.__code__.co_filename for task in found} == {cli.__file__}


def test_an_option_or_task_that_is_not_there_is_an_error(fab: Fab) -> None:
    assert fab("up", "--hots", "x").returncode != 0
    assert fab("pu").returncode != 0


@pytest.mark.parametrize(("words", "line"), [
    ("drill.broker --rate fast", "error: --rate 'fast' (accepted: a whole number)"),
    ("drill.failover --duration 1.5", "error: --duration '1.5' (accepted: a whole number)"),
    ("logs ann-dc1-zk01 kafka --lines=many", "error: --lines 'many' (accepted: a whole number)"),
    ("load --skew much", "error: --skew 'much' (accepted: a number)"),
    ("status records --topic t --limit ten", "error: --limit 'ten' (accepted: a whole number)"),
])
def test_what_should_be_a_number_and_is_none_is_told_in_one_line(
    fab: Fab, words: str, line: str
) -> None:
    done = fab(*words.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{line}\n")


@pytest.mark.parametrize(("words", "said"), [
    ("load --rate 0", "error: --rate 0 (accepted: 1 to 20,000 records a second)"),
    ("load --shape wild", "error: --shape wild (accepted: steady, bursty)"),
    ("load --topic a/b", "error: --topic 'a/b' (accepted: letters, digits, dots, _ and -)"),
    ("load --topic __consumer_offsets", "error: --topic __consumer_offsets (Kafka's or the lab's "),
    ("load --topic dc1.kafkalab-drill", "error: --topic dc1.kafkalab-drill (Kafka's or the lab's "),
    ("load --duration=-1", "error: --duration -1 (accepted: seconds, or 0 for without end)"),
    ("load --partitions 5000", "error: --partitions 5000 (accepted: 1 to 1000)"),
    ("records", "error: --topic has to name a topic (`fab topics` lists them)"),
    ("records --topic t --offset newest", "error: --offset newest (accepted: earliest, latest, "),
    ("records --topic t --offset -5 --limit -1", "error: --limit -1 (accepted: 1 to 10,000 "),
    ("records --topic t --partition first", "error: --partition 'first' (accepted: a number, "),
    ("topics --datacenter dc3", "error: no datacenter 'dc3' in the lab (did you mean "),
])
def test_what_the_tools_cannot_use_is_told_before_a_cluster_is_asked(
    fab: Fab, words: str, said: str
) -> None:
    done = fab(*words.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    assert done.stderr.startswith(said)


def test_the_list_of_tasks_is_quick() -> None:
    """It is what a person waits for at every command. CPU time: other tests may keep cores busy."""
    argv = [str(Path(sys.executable).parent / "fab"), "--list"]

    def show() -> None:
        done = subprocess.run(argv, cwd=PROJECT, check=True, capture_output=True, text=True)
        assert "drill.failover" in done.stdout

    assert min(_cpu_seconds(show) for _ in range(3)) < 1.0


def test_what_a_command_compiles_is_written_down_for_the_next(tmp_path: Path) -> None:
    """invoke forbids it unless told otherwise."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    argv = [str(Path(sys.executable).parent / "fab"), "--list"]
    subprocess.run(argv, cwd=PROJECT, env=environment, check=True, capture_output=True)
    assert list(tmp_path.rglob("scripts/tasks/whole.*.pyc"))


def test_tasks_load_what_is_heavy_only_when_they_need_it() -> None:
    heavy = ("paramiko", "confluent_kafka", "rich", "jinja2", "boto3", "pydantic")
    code = f"import sys, scripts.tasks; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    assert done.stdout.strip() == "[]"


def _cpu_seconds(work: Callable[[], object]) -> float:
    """What the processes that `work` runs take."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_from_a_folder_below_the_lab_file_is_found_as_the_tasks_are(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(BAD)
    folder = tmp_path / "docs"
    folder.mkdir()
    (tmp_path / "fabfile.py").write_text((PROJECT / "fabfile.py").read_text())
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "XDG_STATE_HOME": str(tmp_path)}
    environment.pop("LAB", None)
    done = subprocess.run(
        [Path(sys.executable).parent / "fab", "status"], cwd=folder, env=environment, text=True,
        capture_output=True, timeout=60, check=False,
    )
    assert done.returncode == 2
    assert all(line.startswith("../lab.toml: ") for line in done.stderr.splitlines()), done


@pytest.mark.parametrize("folder", ["/dev/null", "/sys"])
def test_a_folder_that_cannot_be_written_is_told_in_one_line(fab: Fab, folder: str) -> None:
    done = fab("status", state=folder)
    assert done.returncode == 1
    assert re.match(rf"error: {folder}/kafkalab(/{NAME})?: .*; XDG_STATE_HOME ", done.stderr), done
    assert done.stderr.count("\n") == 1


def test_a_full_disk_is_told_once_and_does_not_end_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a run's log; what the run itself must write ends it in one line."""
    log = RunLog("/dev/full", encoding="utf-8")
    for text in ("a", "b"):
        log.handle(logging.LogRecord("x", logging.INFO, "", 0, text, (), None))
    said = capsys.readouterr().err
    assert said == "warning: /dev/full: No space left on device: no log of this run\n"
    with pytest.raises(OSError, match="No space left") as caught:
        Path("/dev/full").write_text("x")
    told = foreign(caught.value)
    assert told and str(told) == (
        "this machine: No space left on device (make room, then run it again)"
    )
