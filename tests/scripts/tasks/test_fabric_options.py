"""What `fab`'s own options do here: each works as `fab --help` says, or is refused in one line.

The engine is a program that lists what a file holds, and fails for every command that would act.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts import namespace
from scripts.tasks.cli import LabTask
from scripts.tasks.fabric_options import FIRST
from scripts.workstation.output import GONE
from tests import forked
from tests.conftest import LAB, NAME, PROJECT

pytestmark = pytest.mark.programs

ENGINE = """\
#!/bin/sh
echo "$*" >> {folder}/called
case $1 in
  ps) cat {folder}/containers ;;
  logs) ;;
  network) test $2 = ls && cat {folder}/networks ;;
  images) ;;
  version) echo 4.3.1 ;;
  *) echo "the engine was told to act: $*" >&2; echo "$*" >> {folder}/acted; exit 125 ;;
esac
"""
ZK, KAFKA = "ann-dc1-zk01", "ann-dc1-kafka01"
Setting = dict[str, str]


@dataclass
class Bench:
    """A folder with a lab file and an engine in it."""

    folder: Path

    def environment(self, **setting: str) -> dict[str, str]:
        found = {
            **{key: value for key, value in os.environ.items()
               if not key.startswith(("FABRIC_", "INVOKE_"))},
            "LAB": str(self.folder / "lab.toml"), "XDG_STATE_HOME": str(self.folder / "state"),
            "HOME": str(self.folder), "LAB_ENGINE": "docker", "LAB_PLATFORM": "local",
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "KAFKALAB_KAFKA_SOURCES": "none", **setting,
        }
        found.pop("SSH_AUTH_SOCK", None)
        return found

    def fab(self, *words: str, **setting: str) -> subprocess.CompletedProcess[str]:
        done = forked.fab(*words, timeout=60, environment=self.environment(**setting))
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    def refused(self, *words: str, status: int = 2, **setting: str) -> str:
        """The one line that `fab` ends with, and nothing was touched."""
        done = self.fab(*words, **setting)
        assert (done.returncode, done.stdout) == (status, ""), done
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith("error: ")
        assert not (self.folder / "called").exists(), "the engine was asked"
        assert not list((self.folder / "state").glob("**/lock"))
        return done.stderr

    @property
    def acted(self) -> list[str]:
        path = self.folder / "acted"
        return path.read_text().splitlines() if path.exists() else []

    def has(self, *hosts: str) -> None:
        """Let the engine list a container and a network of the lab."""
        (self.folder / "containers").write_text("".join(json.dumps({
            "ID": f"id-{host}", "Names": f"{NAME}-{host}", "State": "running",
            "Labels": f"kafkalab.lab={NAME}-ann,kafkalab.host={host}",
        }) + "\n" for host in hosts))
        (self.folder / "networks").write_text(f"kafkalab-{NAME}\n")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "lab.toml").write_text(LAB)
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(ENGINE.format(folder=tmp_path))
    program.chmod(0o755)
    for name in ("containers", "networks"):
        (tmp_path / name).write_text("")
    return Bench(tmp_path)


# -- the table: every line of `fab --help`

def refuses(*words: str, says: str = "is not for the lab's tasks") -> Callable[[Bench], None]:
    """Before or after the task, with no task begun."""
    def check(bench: Bench) -> None:
        for line in ((*words, "up"), ("down", *words), ("status", "up", *words)):
            assert says in bench.refused(*line)
        assert says in bench.refused(*words, "plan", status=1)
    return check


def prints(*words: str, text: str, status: int = 0) -> Callable[[Bench], None]:
    """Says `text` and runs no task."""
    def check(bench: Bench) -> None:
        done = bench.fab(*words)
        assert (done.returncode, bench.acted) == (status, [])
        assert text in done.stdout + done.stderr
        assert not (bench.folder / "called").exists()
    return check


def goes_on(*words: str) -> Callable[[Bench], None]:
    """Changes nothing of what a task does."""
    def check(bench: Bench) -> None:
        plain, done = bench.fab("plan"), bench.fab(*words, "plan")
        assert (done.returncode, done.stdout) == (2, plain.stdout)
    return check


def echoes(bench: Bench) -> None:
    assert "docker ps --all" not in bench.fab("plan").stderr
    assert "docker ps --all" in bench.fab("-e", "plan").stderr


def dry(bench: Bench) -> None:
    done = bench.fab("--dry", "up")
    assert (done.returncode, bench.acted) == (0, [])
    assert "plan: 14 hosts to create" in done.stdout


def narrows(bench: Bench) -> None:
    assert only(bench.fab("--hosts", f"{KAFKA},{ZK}", "status")) == {KAFKA, ZK}


def reads_a_config(bench: Bench) -> None:
    path = bench.folder / "mine.yaml"
    assert f"--config {path} (no such file)" in bench.refused("-f", str(path), "up")
    path.write_text("run: [unclosed\n")
    assert f"--config {path}" in bench.refused("up", "-f", str(path))
    path.write_text("run: {dry: true}\n")
    assert "plan: 14 hosts to create" in bench.fab("-f", str(path), "up").stdout
    assert bench.acted == []


def looks_elsewhere(bench: Bench) -> None:
    (bench.folder / "fabfile.py").write_text(
        "from fabric import task\n@task\ndef other(c):\n    print('of another project')\n"
    )
    done = bench.fab("--search-root", str(bench.folder), "other")
    assert (done.returncode, done.stdout) == (0, "of another project\n")


OPTIONS: dict[str, Callable[[Bench], None]] = {
    "--collection": prints("-c", "nothing", "up", text="nothing", status=1),
    "--command-timeout": refuses("-T", "5"),
    "--complete": prints("--complete", "--", "fab drill.", text="drill.failover"),
    "--config": reads_a_config,
    "--connect-timeout": refuses("--connect-timeout", "5"),
    "--debug": prints("-d", "--list", text="drill.failover"),
    "--dry": dry,
    "--echo": echoes,
    "--help": prints("--help", "up", text="only this host"),
    "--hide": refuses("--hide", "both"),
    "--hosts": narrows,
    "--identity": refuses("-i", "/none/id"),
    "--list": prints("--list", text="drill.failover"),
    "--list-agent-keys": prints("--list-agent-keys", text=""),
    "--list-depth": prints("--list", "-F", "nested", "-D", "1", text="drill [9 tasks]"),
    "--list-format": prints("--list", "-F", "json", text='"name": "up"'),
    "--no-dedupe": goes_on("--no-dedupe"),
    "--print-completion-script": prints("--print-completion-script", "bash", text="complete -F"),
    "--prompt-for-login-password": refuses("--prompt-for-login-password"),
    "--prompt-for-passphrase": refuses("--prompt-for-passphrase"),
    "--prompt-for-sudo-password": refuses("--prompt-for-sudo-password"),
    "--pty": refuses("-p"),
    "--search-root": looks_elsewhere,
    "--ssh-config": refuses("-S", "/none/config"),
    "--version": prints("-V", text="Fabric 3"),
    "--warn-only": refuses("--warn-only"),
    "--write-pyc": goes_on("--write-pyc"),
}


def listed() -> list[str]:
    """The long options that `fab --help` shows."""
    fab = Path(sys.executable).parent / "fab"
    text = subprocess.run([fab, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  (?:-\w.*?, )?(--[a-z-]+)", text, re.MULTILINE)


def test_every_option_that_fab_has_is_in_the_table() -> None:
    assert sorted(listed()) == sorted(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_does_what_it_says_or_is_refused(bench: Bench, option: str) -> None:
    OPTIONS[option](bench)


# -- -H

def only(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The hosts in the one table of `fab status`."""
    found = re.findall(r"^  dc\d +(ann-\S+)", done.stdout, re.MULTILINE)
    assert len(found) == len(set(found)), f"it ran more than once:\n{done.stdout}"
    return set(found)


@pytest.mark.parametrize("task", [
    "down", "lab.stop", "lab.start", "drill.failover", "mirror.status",
])
def test_a_task_that_cannot_be_narrowed_refuses_hosts(bench: Bench, task: str) -> None:
    bench.has(KAFKA, ZK)
    for words in (("-H", KAFKA, task), (task, "-H", KAFKA), ("--hosts", f"{KAFKA},{ZK}", task)):
        assert f"`fab {task}` cannot be narrowed to hosts" in bench.refused(*words)


def test_hosts_are_those_of_the_task_wherever_they_stand(bench: Bench) -> None:
    for words in (
        ("-H", KAFKA, "status"), ("status", "-H", KAFKA), ("-H", KAFKA, "status", "--host", KAFKA),
        ("-H", f" {KAFKA},{KAFKA}", "status"),
    ):
        assert only(bench.fab(*words)) == {KAFKA}
    done = bench.fab("kafka", "-H", f"{KAFKA},{ZK}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {KAFKA}: does not exist")
    assert done.stderr.count("\n") == 1
    done = bench.fab("-H", "ann-dc1-kafak01", "up")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "did you mean ann-dc1-kafka01?" in done.stderr


def test_two_ways_of_naming_hosts_have_to_agree(bench: Bench) -> None:
    assert "name different hosts" in bench.refused("-H", KAFKA, "up", "--host", ZK)
    assert "name different hosts" in bench.refused("-H", KAFKA, "plan", "--host", ZK, status=1)
    assert "-H names no host" in bench.refused("-H", ",", "up")


def test_no_task_of_a_chain_begins_when_one_cannot_be_narrowed(bench: Bench) -> None:
    assert "`fab down`" in bench.refused("-H", KAFKA, "status", "down")
    done = bench.fab("-R", "-H", KAFKA, "up", "up", "--datacenter", "dc1")
    assert done.stdout.count(f"+ host {KAFKA}") == 2, "each of them once"
    assert done.stdout.count("+ host") == 2


def test_tasks_that_another_file_has_refuse_hosts_and_bear_a_dry_run(bench: Bench) -> None:
    """`fab -c scripts` loads them without fabfile.py, and so without what it attaches."""
    for task in ("down", "up"):
        said = bench.refused("-c", "scripts", "-H", KAFKA, task)
        assert said == f"error: -H {KAFKA}: say --host (nothing was done)\n"
    assert "has no dry run" in bench.refused("-c", "scripts", "-R", "verify")
    assert "plan: 14 hosts to create" in bench.fab("-c", "scripts", "-R", "up").stdout
    assert bench.acted == []


def test_fab_alone_shows_where_to_begin(bench: Bench) -> None:
    done = bench.fab()
    assert done.returncode == 0 and done.stdout.startswith("The lab of ")
    for name in FIRST:
        help_line = (namespace[name].__doc__ or "").strip().splitlines()[0]
        assert re.search(rf"^  fab {re.escape(name)} +{re.escape(help_line)}$", done.stdout, re.M)


def test_a_task_takes_no_command(bench: Bench) -> None:
    assert "a task takes no command" in bench.refused("-H", KAFKA, "status", "--", "reboot")


# -- --dry

@pytest.mark.parametrize(("words", "setting"), [
    (("--dry", "{}"), {}), (("{}", "-R"), {}), (("{}",), {"FABRIC_RUN_DRY": "1"}),
    (("{}",), {"INVOKE_RUN_DRY": "1"}),
], ids=str)
def test_a_dry_run_says_what_would_be_and_touches_nothing(
    bench: Bench, words: tuple[str, ...], setting: Setting
) -> None:
    def dry_run(task: str) -> subprocess.CompletedProcess[str]:
        return bench.fab(*(word.format(task) for word in words), **setting)

    done = dry_run("down")
    assert (done.returncode, done.stdout) == (0, f"nothing of {NAME} is on this machine\n")
    assert f"+ host {KAFKA}" in dry_run("up").stdout
    tasks = ("zookeeper", "kafka", "hosts", "control", "connect", "mirror")
    for task in tasks if words[0] == "--dry" else ("kafka",):
        done = dry_run(task)
        assert done.stderr.startswith("error: ann-dc1-") or "plan: nothing to do" in done.stdout
    bench.has(KAFKA)
    done = dry_run("down")
    assert done.returncode == 0
    assert "would remove" in done.stdout
    assert KAFKA in done.stdout
    assert f"kafkalab-{NAME}" in done.stdout
    assert bench.acted == []


def test_a_setting_of_fabric_makes_a_dry_run(bench: Bench) -> None:
    (bench.folder / ".fabric.yaml").write_text("run: {dry: true}\n")
    assert "plan: 14 hosts to create" in bench.fab("up").stdout
    assert bench.acted == []
    bench.has(KAFKA)
    bench.fab("down", FABRIC_RUN_DRY="0")
    assert bench.acted, "a nearer one takes it back"


@pytest.mark.parametrize(("name", "task"), [
    (name, namespace[name]) for name in namespace.task_names
])
def test_every_task_has_a_dry_run_or_refuses_it(bench: Bench, name: str, task: LabTask) -> None:
    if not task.dry:
        said = bench.refused("--dry", "status", name, *positional(name))
        assert said == f"error: `fab {name}` has no dry run (nothing was done)\n"


def positional(name: str) -> list[str]:
    exercise = {"exercise.list": [], "exercise.answer": ["ch3-groups", "idle", "1"]}
    if name.startswith("exercise."):
        return exercise.get(name, ["ch3-groups"])
    return {"ssh": [KAFKA], "tf.apply": ["folder"], "registry.promote": ["dc2"]}.get(name, [])


def test_what_acts_has_no_dry_run_of_its_own_doing() -> None:
    """Whoever calls a task harmless has to say so here, too."""
    harmless = {name for name in namespace.task_names if namespace[name].dry is True}
    assert harmless == {
        "plan", "status", "logs", "grep", "container", "cost", "connect.status", "mirror.status",
        "monitor", "alerts", "kraft.status", "tf.drift", "topics", "groups", "records",
        "exercise.list", "sink.status", "sink.search", "sink.rows", "registry.status",
        "registry.check", "security.status", "security.check",
    }


def test_the_options_stand_before_the_project(bench: Bench) -> None:
    """Also where `fab` begins in a folder below."""
    done = subprocess.run(
        [Path(sys.executable).parent / "fab", "-w", "status"], cwd=PROJECT / "docs",
        capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(bench.folder)},
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: --warn-only is not for the lab's tasks")


def test_a_plan_that_nobody_reads_to_its_end_says_nothing_more(bench: Bench) -> None:
    """`fab plan | head -1`; a task that changes the lab goes on, here until its engine refuses."""
    for words, status in (("plan",), GONE), (("up", "--dry"), GONE), (("down",), 1):
        theirs, ours = os.pipe()
        os.close(theirs)
        if words == ("down",):
            bench.has(ZK)
        with os.fdopen(ours, "wb") as pipe:
            done = subprocess.run(
                [Path(sys.executable).parent / "fab", *words], stdout=pipe, timeout=60, text=True,
                stderr=subprocess.PIPE, env=bench.environment(), cwd=PROJECT, check=False,
            )
        assert done.returncode == status, done
        assert "Traceback" not in done.stderr
    assert bench.acted


@pytest.mark.parametrize(("words", "said", "status"), [
    (("plann",), "no task 'plann' (did you mean plan?)", 2),
    (("up", "plann"), "no task 'plann' (did you mean plan?)", 2),
    (("zzz",), "no task 'zzz' (`fab --list` shows all)", 2),
    (("--help", "plann"), "no task 'plann' (did you mean plan?)", 2),
    (("up", "--datacentre", "dc1"),
     "no option '--datacentre' in `fab up` (did you mean --datacenter?)", 2),
    (("plan", "--zzz"), "no option '--zzz' in `fab plan` (`fab --help plan` shows them)", 1),
    (("--zzz",), "no option '--zzz' in `fab` (`fab --help` shows them)", 2),
    (("up", "--datacenter"), "--datacenter needs a value (`fab --help up` says which)", 2),
    # As a shell makes of "$VARIABLE" that is not set; it must not mean all of them, or this lab.
    (("up", "--datacenter="), "--datacenter needs a value (`fab --help up` says which)", 2),
    (("down", "--lab", ""), "--lab needs a value (`fab --help down` says which)", 2),
    (("plan", "--host="), "--host needs a value (`fab --help plan` says which)", 1),
    (("ssh", ""), "HOST needs a value (`fab --help ssh` says which)", 2),
])
def test_what_is_misspelt_or_empty_is_a_line(
    bench: Bench, words: tuple[str, ...], said: str, status: int
) -> None:
    assert bench.refused(*words, status=status) == f"error: {said}\n"
