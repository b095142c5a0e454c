"""Scripts of exercises: what they see, what goes wrong in words, and that none outlives `fab`."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.artifacts import PREFIX
from scripts.errors import LabError
from scripts.learning import shell
from scripts.workstation.runlog import MANDATE
from tests.scripts.learning.fakes import instance

SECONDS = 10.0
# Stands for OpenSSH: it tells what it was given, and what is on its standard input.
SSH = """\
#!/bin/bash
printf '%s|' "$@" >> "$HEARD"; echo >> "$HEARD"
[ -t 0 ] || cat >> "$HEARD"
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], str]:
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "ssh").write_text(SSH)
    (bin / "fab").write_text('#!/bin/bash\nprintf "fab %s\\n" "$*" >> "$HEARD"\n')
    for one in bin.iterdir():
        one.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin}:{os.environ['PATH']}")
    monkeypatch.setenv("HEARD", str(tmp_path / "heard"))
    monkeypatch.setattr(shell, "FAB", bin / "fab")

    def ran(text: str) -> str:
        (tmp_path / "solution.sh").write_text(text)
        return shell.run(
            tmp_path / "solution.sh", folder=tmp_path,
            values={"topic": "t ann", "records": 3, "exercise": "ch3-try"},
            ssh_config=tmp_path / "config", tools="ctl01", where="ch3-try",
        )

    return ran


def test_parameters_are_variables_in_capitals(run: Callable[[str], str]) -> None:
    assert run('echo "$TOPIC/$RECORDS/$EXERCISE"') == "t ann/3/ch3-try\n"


def test_it_may_run_tasks_on_the_lab_that_is_held_for_it(run: Callable[[str], str]) -> None:
    assert run(f"echo ${MANDATE}") == f"{os.getpid()}\n"


def test_a_command_goes_to_its_host_as_it_was_written(
    run: Callable[[str], str], tmp_path: Path
) -> None:
    run('echo in | on tools kafka.sh --topic "$TOPIC"; on broker1 true')
    first, inside, second = (tmp_path / "heard").read_text().splitlines()
    assert first.startswith(f"-F|{tmp_path}/config|ctl01|bash -lc ")
    assert inside == "in" and "|broker1|" in second
    # The far shell takes it apart again: what it would run is what was written.
    far = first.split("|")[3].replace("bash -lc", "printf '%s\\n'", 1)
    done = subprocess.run(["bash", "-c", far], capture_output=True, text=True, check=True)
    assert done.stdout == (f"PATH=$PATH:{PREFIX}/kafka/bin; export KAFKALAB_EXERCISE=ch3-try; "
                           "kafka.sh --topic t\\ ann \n")


def test_answers_and_checks_are_fabs(run: Callable[[str], str], tmp_path: Path) -> None:
    run("answer who 2; check")
    assert (tmp_path / "heard").read_text().splitlines() == [
        "fab exercise.answer ch3-try who 2", "fab exercise.check ch3-try"]


@pytest.mark.parametrize(("text", "said"), [
    ("echo no topic >&2; exit 3", "solution.sh ended with 3: no topic"),
    ("echo half; false; echo never", "solution.sh ended with 1: half"),
    ("echo $NOBODY", "NOBODY: unbound variable"), ("exit 4", "ended with 4: no word"),
])
def test_one_that_fails_is_a_line(run: Callable[[str], str], text: str, said: str) -> None:
    with pytest.raises(LabError) as caught:
        run(text)
    assert said in str(caught.value) and str(caught.value).startswith("ch3-try: ")
    assert "\n" not in str(caught.value)


def test_a_script_may_wait_for_what_it_began(run: Callable[[str], str]) -> None:
    """For what it began itself, and not for what watches over it."""
    began = time.monotonic()
    assert run("sleep 0.05 & wait; echo over") == "over\n"
    assert time.monotonic() - began < 5


def test_what_it_left_in_the_background_ends_with_it(
    run: Callable[[str], str], tmp_path: Path
) -> None:
    run(f"sleep 60 >/dev/null 2>&1 & echo $! > {tmp_path}/pid")
    _gone(int((tmp_path / "pid").read_text()))


def test_it_does_not_outlive_a_fab_that_is_killed(
    run: Callable[[str], str], tmp_path: Path
) -> None:
    """By SIGKILL, of which nobody hears: it would go on with topics that a reset removes."""
    pid = os.fork()
    if pid == 0:
        try:
            run(f"sleep 60 & echo $$ $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pids; wait")
        finally:
            os._exit(1)
    pids = tmp_path / "pids"
    deadline = time.monotonic() + SECONDS
    while not pids.exists():
        assert time.monotonic() < deadline, "the script did not begin"
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for one in pids.read_text().split():
        _gone(int(one))


def _gone(pid: int) -> None:
    deadline = time.monotonic() + SECONDS
    while _runs(pid):
        assert time.monotonic() < deadline, f"{pid} runs on"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_configuration_has_each_host_with_its_key_and_no_other(tmp_path: Path) -> None:
    path = shell.config([instance("a"), instance("b")], tmp_path / "key", tmp_path)
    text = path.read_text()
    assert [line for line in text.splitlines() if line.startswith("Host ")] == ["Host a", "Host b"]
    assert "StrictHostKeyChecking yes" in text and f'IdentityFile "{tmp_path}/key"' in text
    assert (tmp_path / "known_hosts").read_text() == "127.0.0.1 ssh-ed25519 AAAA\n" * 2
