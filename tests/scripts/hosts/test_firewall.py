"""Other security rules: kept when somebody still comes in, else taken back. In a real bash."""

from __future__ import annotations

import getpass
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import state
from lab.services.firewall import RULES_FILE, TABLE
from lab.state import Change, Key
from scripts.errors import LabError
from scripts.hosts import firewall
from tests.fakes import FakeHost

ME = getpass.getuser()
OLD_RULES = state.Firewall("old")
LIST = f"table inet {TABLE} {{ old }}\n"
NEW = f"table inet {TABLE} {{ new }}\n"
STEP = """\
n=$(($(cat {0}/count) + 1)); echo $n >{0}/count
[ $n != "$(cat {0}/kill)" ] || kill -9 $PPID
"""
FAKES = {
    "nft": """\
case "$*" in
  "-s list table inet kafkalab") cat {0}/kernel ;;
  "-f "*)
    grep -v '^table inet kafkalab$\\|^delete ' "$2" >{0}/part && mv {0}/part {0}/kernel ;;
  *) echo "unexpected: $*" >&2; exit 99 ;;
esac
""",
    "systemd-run": """\
[ "$*" = "--quiet --collect --unit=kafkalab-firewall-undo --on-active=45 \\
--timer-property=AccuracySec=1s /bin/sh -c ${{!#}}" ] || exit 99
[ ! -e {0}/timer ] || exit 1
echo "${{!#}}" >{0}/timer
""",
    "systemctl": """\
case "$*" in
  "-q stop kafkalab-firewall-undo.timer") rm {0}/timer 2>/dev/null || exit 5 ;;
  "-q enable --no-reload nftables.service") ;;
  *) exit 99 ;;
esac
""",
}


@dataclass
class Machine:
    """A host's rules: in its kernel, in the file that it boots from, and the timer."""

    folder: Path

    def bash(self, script: str, kill: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a script; the program that it calls as its `kill`th ends it (0: none does)."""
        (self.folder / "count").write_text("0")
        (self.folder / "kill").write_text(str(kill))
        return subprocess.run(
            ["bash", "-s"], input=self.here(script), text=True, capture_output=True, check=False,
            env={**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
        )

    def here(self, text: str) -> str:
        return text.replace(RULES_FILE, str(self.file))

    @property
    def file(self) -> Path:
        return self.folder / "nftables.conf"

    @property
    def rules(self) -> tuple[str, str]:
        """In the kernel, and in the file."""
        return (self.folder / "kernel").read_text(), self.file.read_text()

    @property
    def armed(self) -> bool:
        return (self.folder / "timer").exists()

    def wait(self) -> int:
        """Let the timer come to its end; the status of what it runs."""
        text = (self.folder / "timer").read_text()
        (self.folder / "timer").unlink()
        return self.bash(text).returncode


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    (tmp_path / "bin").mkdir()
    for name, text in FAKES.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/bash\n{(STEP + text).format(tmp_path)}")
        path.chmod(0o755)
    made = Machine(tmp_path)
    (tmp_path / "kernel").write_text(LIST)
    made.file.write_text("boot with the old\n")
    monkeypatch.setattr(firewall, "NEW", made.here(firewall.NEW))
    return made


def changed(before: state.Firewall | None = OLD_RULES) -> list[Change]:
    return [
        Change(Key("file", RULES_FILE), state.File("boot with the old\n", 0o755, ME),
               state.File(NEW, 0o755, ME)),
        Change(Key("firewall", TABLE), before, state.Firewall("new")),
    ]


OLD_STATE, NEW_STATE = (LIST, "boot with the old\n"), (NEW, NEW)


def test_rules_are_loaded_and_kept_once_somebody_came_in(machine: Machine) -> None:
    done = machine.bash(firewall.load_script(changed()))
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.rules == (NEW, "boot with the old\n"), "a host that boots now has the old ones"
    assert machine.armed
    done = machine.bash(firewall.KEEP)
    assert (done.returncode, done.stderr) == (0, "")
    assert (machine.rules, machine.armed) == (NEW_STATE, False)
    assert sorted(path.name for path in machine.folder.glob("nftables*")) == ["nftables.conf"]


def test_rules_that_nobody_confirms_are_taken_back(machine: Machine) -> None:
    machine.bash(firewall.load_script(changed()))
    assert machine.wait() == 0
    assert machine.rules == OLD_STATE
    assert machine.bash(firewall.KEEP).returncode != 0, "it came too late and must not say kept"
    assert machine.rules == OLD_STATE
    assert sorted(path.name for path in machine.folder.glob("nftables*")) == ["nftables.conf"]


def test_the_timer_that_comes_late_takes_nothing_back(machine: Machine) -> None:
    machine.bash(firewall.load_script(changed()))
    text = (machine.folder / "timer").read_text()
    machine.bash(firewall.KEEP)
    assert machine.bash(text).returncode != 0
    assert machine.rules == NEW_STATE


def test_the_open_connection_takes_them_back_at_once(machine: Machine) -> None:
    machine.bash(firewall.load_script(changed()))
    assert machine.bash(firewall.AT_ONCE).returncode == 0
    assert (machine.rules, machine.armed) == (OLD_STATE, False)


@pytest.mark.parametrize("script", ["load", "keep"])
@pytest.mark.parametrize("kill", range(1, 5))
def test_cut_off_anywhere_it_is_as_it_was_or_the_timer_makes_it_so(
    machine: Machine, script: str, kill: int
) -> None:
    """And the next run completes it, also while the timer of the last one is still armed."""
    texts = {"load": firewall.load_script(changed()), "keep": firewall.KEEP}
    if script == "keep":
        machine.bash(texts["load"])
    done = machine.bash(texts[script], kill)
    called = {"load": 4, "keep": 2}[script]
    assert (done.returncode == -9) == (kill <= called)
    kernel, file = machine.rules
    assert kernel == LIST or machine.armed or script == "keep"
    assert file == "boot with the old\n" or script == "keep"
    if script == "load" and machine.armed:
        text = (machine.folder / "timer").read_text()
        assert machine.bash(text).returncode == 0
        assert machine.rules == OLD_STATE
    assert machine.bash(firewall.load_script(changed())).returncode == 0
    assert machine.bash(firewall.KEEP).returncode == 0
    assert (machine.rules, machine.armed) == (NEW_STATE, False)


def test_a_file_that_is_right_already_is_loaded_as_it_is(machine: Machine) -> None:
    machine.file.write_text(NEW)
    only_loaded = changed()[1:]
    assert machine.bash(firewall.load_script(only_loaded)).returncode == 0
    assert machine.bash(firewall.KEEP).returncode == 0
    assert machine.rules == NEW_STATE


def test_the_first_rules_of_a_host_are_part_of_its_change() -> None:
    other = Change(Key("file", "/etc/hostname"), None, state.File("x", 0o644))
    assert firewall.split([other, *changed(None)]) == ([], [other, *changed(None)])
    assert firewall.split([other, *changed()]) == (changed(), [other])
    firewall.renew(FakeHost("zk"), [])


def test_a_new_connection_confirms() -> None:
    host = FakeHost("zk", {"security rules": ""})
    firewall.renew(host, changed())  # type: ignore[arg-type]
    assert host.labels == ["security rules", "anew", "keep the security rules"]


@pytest.mark.parametrize(("reply", "back"), [
    ("", "are back"), (LabError("the connection broke"), "come back by themselves within 45 s"),
])
def test_without_one_a_line_says_what_is_and_what_to_do(
    reply: str | Exception, back: str
) -> None:
    host = FakeHost(
        "zk", {"security rules": "", "take the security rules back": reply},
        anew_says=LabError("no SSH connection"),
    )
    with pytest.raises(LabError) as caught:
        firewall.renew(host, changed())  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"zk: no new connection with the changed security rules; the old ones {back} "
        "(mend the lab file, then run `fab up` again)"
    )
