"""How a service is found to be, by the script itself in bash; systemd and its journal are played.

The texts in journals/ are what real services wrote on real hosts when they could not start.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import state
from lab.state import STARTING, YOUNG, Change, Key
from scripts.errors import CommandError
from scripts.hosts.change import change_script, wait_script
from scripts.hosts.read import parse, read_script
from scripts.hosts.units import STAY_AT_MOST, STAY_SECONDS, UnitReport, parse_units, units_script
from scripts.operations.described import describe_change

UNIT = "kafka.service"
JOURNALS = Path(__file__).with_name("journals")
NO_THREADS = ("ConfigException: Invalid value 0 for configuration num.io.threads: "
              "Value must be at least 1")
IN_USE = "KeeperException$NodeExistsException"


class Machine:
    """Stand-ins for what the scripts ask: one unit, one journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.says("")
        self.program("sleep", "")
        self.program("journalctl", f"cat {folder}/journal")
        self.unit()

    def program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def says(self, journal: str) -> None:
        (self.folder / "journal").write_text(journal)

    def unit(
        self, *, active: str = "active", sub: str = "running", restarts: int = 0, ago: float = 1000,
        deaths: bool = False,
    ) -> None:
        """`deaths`: at each look it was restarted once more."""
        count = self.folder / "restarts"
        count.write_text(str(restarts))
        more = f"echo $((n + 1)) >{count};" if deaths else ""
        self.program("systemctl", f"""
            [ "$1" = show ] || {{ echo "$*" >>{self.calls}; exit; }}
            n=$(cat {count}); {more}
            printf '%s\\n' MainPID=0 NRestarts=$n Id={UNIT} ActiveState={active} SubState={sub} \\
              UnitFileState=enabled ActiveEnterTimestamp=@{int(time.time() - ago)}
        """)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-s"], input=script, text=True, capture_output=True, check=False,
            env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"},
        )

    def look(self, port: int | None) -> UnitReport:
        done = self.run(units_script({UNIT: port}))
        assert (done.returncode, done.stderr) == (0, "")
        (found,) = parse_units(done.stdout)
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def silent() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(("restarts", "ago"), [
    (0, 0), (0, 1000), (1, STAY_SECONDS + 1), (46, STAY_AT_MOST + 1),
])
def test_what_serves_and_stays_is_well(
    restarts: int, ago: int, machine: Machine, port: int
) -> None:
    machine.unit(restarts=restarts, ago=ago)
    assert machine.look(port).words == "running"


def test_what_has_just_begun_may_be_silent(machine: Machine, silent: int) -> None:
    machine.unit(ago=30)
    assert machine.look(silent).words == "running"
    machine.unit(ago=300)
    assert machine.look(silent).words == f"does not answer on {silent}, 5 min after its start"


def test_whether_it_has_only_just_begun_is_told(
    machine: Machine, port: int, silent: int
) -> None:
    """Who comes so early waits for it, whoever has started it."""
    for ago, restarts, where, phase in (
        (0, 0, silent, STARTING), (30, 0, silent, STARTING), (30, 0, port, YOUNG),
        (30, 0, None, YOUNG), (30, 2, port, YOUNG), (1000, 0, port, ""), (1000, 0, silent, ""),
    ):
        machine.unit(ago=ago, restarts=restarts)
        assert machine.look(where).phase == phase
        key = Key("unit", UNIT)
        desired = {key: state.Unit("", port=where)}
        found = parse(machine.run(read_script(desired)).stdout, desired, host="h")[key]
        assert isinstance(found, state.Unit) and found.phase == phase
    machine.unit(active="inactive", sub="dead", ago=3)
    assert machine.look(silent).phase == ""


@pytest.mark.parametrize(("active", "sub"), [
    ("active", "running"), ("activating", "auto-restart"),
])
def test_a_circle_is_seen_in_both_its_halves(
    active: str, sub: str, machine: Machine, silent: int
) -> None:
    """It is no running service, so it is started, and not asked whether it bears a restart."""
    machine.unit(active=active, sub=sub, restarts=46, ago=3)
    machine.says((JOURNALS / "iothreads.txt").read_text())
    words = machine.look(silent).words
    assert words.startswith("restarted 46 times, last ")
    assert words.endswith(f": {NO_THREADS}")
    key = Key("unit", UNIT)
    desired = {key: state.Unit("", port=silent)}
    found = parse(machine.run(read_script(desired)).stdout, desired, host="h")
    (change,) = state.diff(found, desired)
    assert not change.restarts
    (line,) = describe_change(change)
    assert line.startswith(f"    repair {UNIT}: restarted 46 times, last ")
    assert line.endswith(NO_THREADS)


def test_a_port_that_answers_makes_no_circle_well_at_once(machine: Machine, port: int) -> None:
    machine.unit(restarts=2, ago=3)
    assert machine.look(port).words.startswith("restarted 2 times, last ")


@pytest.mark.parametrize(("journal", "cause"), [
    ("iothreads", NO_THREADS),
    ("jvm", "Unrecognized VM option 'NoSuchThing'"),
    ("exec", "Main process exited, code=exited, status=203/EXEC"),
    ("killed", f"{IN_USE.partition('$')[2]}: KeeperErrorCode = NodeExists"),
    ("zkcfg", "ConfigException: Error processing /etc/zookeeper/zoo.cfg, caused by "
              'NumberFormatException: For input string: "soon"'),
    ("zkdata", "DatadirException: Cannot write to data directory /data/zk/version-2"),
    ("nozk", "Session 0x0 for server ann-dc1-zk01.lab.internal/10.47.0.21:2181, Closing socket "
             "connection. Attempting reconnect except it is a SessionExpiredException.: "
             "ConnectException: Connection refused"),
])
def test_the_cause_is_read_from_what_real_services_wrote(
    journal: str, cause: str, machine: Machine, silent: int
) -> None:
    unit = "zookeeper.service" if journal.startswith("zk") else UNIT
    text = (JOURNALS / f"{journal}.txt").read_text().replace(unit, UNIT)
    machine.says(text)
    machine.unit(restarts=2, ago=3)
    assert machine.look(silent).trouble.partition(f"{silent}: ")[2] == cause[:230]


def test_a_signal_says_more_than_an_old_error(machine: Machine, silent: int) -> None:
    machine.unit(restarts=1, ago=3)
    machine.says(f"ERROR once (a.B)\njava.io.IOException: once\n"
                 f"{UNIT}: Main process exited, code=killed, status=9/KILL\n")
    assert machine.look(silent).trouble.endswith(": Main process exited, code=killed, "
                                                 "status=9/KILL")


def test_a_start_that_fails_again_and_again_is_not_waited_for(
    machine: Machine, silent: int
) -> None:
    machine.unit(active="activating", sub="auto-restart", ago=1, deaths=True)
    machine.says((JOURNALS / "iothreads.txt").read_text())
    began = time.monotonic()
    done = machine.run(wait_script(UNIT, "127.0.0.1", silent, 60))
    assert done.returncode != 0
    assert time.monotonic() - began < 30
    error = CommandError("change", done.returncode, done.stdout, done.stderr)
    assert f"{UNIT} ended 4 times within " in str(error)
    assert str(error).endswith(NO_THREADS)


def test_what_was_repaired_has_to_stay(machine: Machine, port: int) -> None:
    machine.unit(restarts=1, ago=STAY_SECONDS * 3)
    script = wait_script(UNIT, "127.0.0.1", port, 5, stay=True)
    assert machine.run(script).returncode == 0
    assert machine.calls.read_text() == f"reset-failed {UNIT}\n"
    machine.program("sleep", "exec /bin/sleep 0.05")
    machine.unit(restarts=1, ago=-5)
    done = machine.run(wait_script(UNIT, "127.0.0.1", port, 1, stay=True))
    assert f"{UNIT} does not stay after 1 s" in done.stderr


def test_a_repair_ends_no_process_that_serves_or_has_just_begun(
    machine: Machine, port: int, silent: int
) -> None:
    machine.calls.touch()
    for number, ago, restarted in ((port, 1000, False), (silent, 3, False), (silent, 1000, True)):
        machine.unit(restarts=1, ago=ago)
        sick = state.Unit("a", running=False, trouble="restarted once")
        change = Change(Key("unit", UNIT), sick, state.Unit("a", port=number))
        assert machine.run(change_script([change])).returncode == 0
        assert (f"restart {UNIT}" in machine.calls.read_text().splitlines()) == restarted
