"""The way back: from wherever an exercise was left, also by a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.endpoint import Endpoint
from scripts.clients.kafka import Cluster
from scripts.errors import LabError
from scripts.learning import back, removal, shell
from scripts.learning.look import looking
from scripts.learning.reset import reset
from tests.fakes import FakeFleet, FakeHost
from tests.scripts.learning.fakes import THERE, Admin, a_lab

HOSTS = ("ann-dc1-ctl01", "ann-dc1-kafka01")


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    one = Admin()
    monkeypatch.setattr(removal, "admin_client", lambda endpoint: one)
    return one


def site(*hosts: FakeHost) -> Any:
    return SimpleNamespace(name="dc1", fleet=FakeFleet(hosts),
                           kafka=SimpleNamespace(endpoint=Endpoint("a:1")))


def test_only_what_is_there_and_its_own_is_removed(admin: Admin) -> None:
    admin.topics, admin.groups = {"mine", "other"}, {"g": [], "h": []}
    assert removal.remove(site(), ["mine", "never"], ["g", "no"]) == [
        "dc1: group g removed", "dc1: topic mine removed"]
    assert (admin.topics, admin.groups) == ({"other"}, {"h": []})
    assert removal.remove(site(), ["mine"], ["g"]) == [], "a second time there is nothing to do"


def test_it_waits_until_the_topic_is_away(admin: Admin) -> None:
    admin.topics, admin.slow = {"mine"}, 2
    assert "dc1: topic mine removed" in removal.remove(site(), ["mine"], [])
    assert admin.topics == set()


class MadeAgain(Admin):
    """Where somebody makes a topic again, so often."""

    often = 1

    def list_topics(self, timeout: float) -> Any:
        found = super().list_topics(timeout)
        if self.heard and not self.topics and self.often:  # there when one looks again
            self.often -= 1
            self.topics.add("mine")
        return found


def test_a_topic_that_a_producer_makes_again_is_removed_once_he_had_time(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, removed = MadeAgain({"mine"}), list[float]()
    monkeypatch.setattr(removal, "admin_client", lambda endpoint: admin)
    monkeypatch.setattr(removal, "AGAIN_SECONDS", 0.5)
    delete = admin.delete_topics

    def deleted(names: list[str], operation_timeout: float) -> Any:
        removed.append(time.monotonic())
        return delete(names, operation_timeout)

    monkeypatch.setattr(admin, "delete_topics", deleted)
    assert removal.remove(site(), ["mine"], [], stay=0.3) == ["dc1: topic mine removed"]
    assert len(removed) == 2 and removed[1] - removed[0] >= 0.5
    assert time.monotonic() - removed[1] >= 0.3
    admin.often, admin.topics = 1_000, {"mine"}
    monkeypatch.setattr(removal, "AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(removal, "GONE_SECONDS", 0.6)
    with pytest.raises(LabError, match=r"dc1: who writes to mine makes them again \(end him\)"):
        removal.remove(site(), ["mine"], [], stay=0.3)


def test_a_group_is_removed_when_its_last_member_has_left(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed script left behind needs a moment to leave."""
    admin.groups, admin.leaving = {"g": ["rdkafka"]}, 2
    assert removal.remove(site(), [], ["g"]) == ["dc1: group g removed"]
    admin.groups, admin.leaving = {"g": ["rdkafka", "rdkafka"]}, None
    monkeypatch.setattr(removal, "GONE_SECONDS", 0.05)
    with pytest.raises(LabError) as caught:
        removal.remove(site(), [], ["g"])
    assert str(caught.value) == (
        "dc1: group g still has members (rdkafka at /10.1.0.9), so it cannot be removed "
        "(end them, and run it again)")


def run(text: str) -> str:
    """What a script prints that bash runs here, as on a host."""
    return subprocess.run(["bash", "-s"], input=text, text=True, check=True, timeout=20,
                          capture_output=True).stdout


@pytest.fixture
def marked() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes with the mark of an exercise, one of them deaf to SIGTERM, and one of another."""
    name = f"ch3-test-{os.getpid()}"
    words = [["sleep", "60"], ["bash", "-c", "trap '' TERM; echo; while :; do sleep 0.05; done"],
             ["sleep", "60"]]
    started = []
    for mark, argv in zip([name, name, f"{name}-more"], words, strict=True):
        started.append(subprocess.Popen(
            argv, env={**os.environ, shell.MARK: mark}, start_new_session=True,
            stdout=subprocess.PIPE))
    assert started[1].stdout is not None and started[1].stdout.readline()  # it is deaf by now
    yield started
    for one in started:
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.wait()


def test_what_scripts_left_running_is_ended_and_nothing_else(
    marked: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back, "ENDED", back.ENDED.replace("-lt 50", "-lt 3"))
    name = f"ch3-test-{os.getpid()}"
    hosts = [FakeHost(host, {"end what is left": run}) for host in HOSTS[:1]]
    assert back.ended(site(*hosts), [HOSTS[0], HOSTS[0]], name) == [
        "ann-dc1-ctl01: what was left running is ended"]
    assert len(hosts[0].heard) == 1, "a host that is named twice is asked once"
    assert [one.poll() is None for one in marked] == [False, False, True]
    assert back.ended(site(*hosts), [HOSTS[0]], name) == []


@pytest.mark.parametrize("more", ["", "; true"], ids=["in its place", "beside it"])
def test_a_shell_that_has_begun_nothing_yet_is_ended(tmp_path: Path, more: str) -> None:
    """A script is killed just after it has sent a command. What that begins on the host would come
    later, and make a topic again that has been removed meanwhile. more: of the shell that sshd
    starts, which runs the command in its place or beside it."""
    name = f"ch3-test-{os.getpid()}"
    prelude = shell.PRELUDE.replace("@MARK@", shell.MARK).replace("@BIN@", "/nowhere")
    life, ours = os.pipe()
    sent = subprocess.run(
        ["bash", "-c", f"{prelude}on tools sleep 60"], text=True, check=True, capture_output=True,
        env={**os.environ, "SSH": "echo", "TOOLS": "x", "EXERCISE": name, "LIFE": str(life),
             "KAFKALAB_EXPORTS": ""}, pass_fds=(life,), start_new_session=True,
    ).stdout.removeprefix("x ").strip()
    for end in (life, ours):
        os.close(end)
    os.mkfifo(tmp_path / "nobody")
    (tmp_path / ".bash_profile").write_text('echo; read -r _ <"$HOME/nobody"\n')
    began = subprocess.Popen(["bash", "-c", sent + more], stdout=subprocess.PIPE,
                             env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    try:
        assert began.stdout is not None and began.stdout.readline()
        hosts = [FakeHost(HOSTS[0], {"end what is left": run})]
        assert back.ended(site(*hosts), [HOSTS[0]], name) == [
            "ann-dc1-ctl01: what was left running is ended"]
        assert began.wait(10) == -signal.SIGTERM
        assert back.ended(site(*hosts), [HOSTS[0]], name) == []
    finally:
        began.kill()


@pytest.mark.parametrize("killed", ["wait_healthy", "settle", "unlink", ""])
def test_reset_does_all_of_it_again_when_it_was_killed(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, killed: str
) -> None:
    """Killed in the midst of any step, the next one finds the rest."""
    lab = a_lab(monkeypatch, tmp_path, THERE)
    lab.hosts = [FakeHost(name, {"end what is left": "", "start the broker": "started\n"})
                 for name in HOSTS]
    monkeypatch.setattr(Cluster, "wait_healthy", lambda self, timeout: None)
    admin.topics, admin.groups = {"t-ann"}, {"g-ann": []}
    course = lab.course(tmp_path)
    course.begin()
    steps = {"wait_healthy": Cluster, "settle": removal, "unlink": Path}
    with looking(course) as look:
        if killed:
            with monkeypatch.context() as now, pytest.raises(KeyboardInterrupt):
                now.setattr(steps[killed], killed, _ends)
                reset(look)
            assert course.progress.state == "begun", "it is not back yet"
        assert "ann-dc1-kafka01: broker started" in reset(look)
    assert (admin.topics, admin.groups) == (set(), {})
    assert course.progress.state == "new"


def _ends(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_wait_is_on_a_condition_and_not_on_time() -> None:
    began = time.monotonic()
    admin = Admin(groups={"g": []})
    removal._left(admin, "g", "dc1")
    assert time.monotonic() - began < 0.2
