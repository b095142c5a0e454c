"""The read and the change scripts in a real bash: files in a folder, systemd and nft played.

The stand-ins for systemctl, nft and sysctl reject every call that they do not expect.
"""

from __future__ import annotations

import base64
import getpass
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from lab import state
from lab.state import Change, HostState, Key, diff
from scripts.errors import LabError
from scripts.hosts import change as changing, read as reading
from scripts.hosts.change import change_script, restart_script, wait_script
from scripts.hosts.read import BEGIN, END, parse, read_script
from scripts.hosts.units import FORMER, STALE, START_SECONDS, units_script
from scripts.operations.described import describe_change

pytestmark = pytest.mark.programs

ME = getpass.getuser()


@pytest.fixture(autouse=True)
def _marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a host marks in /run lies in the test's own folder."""
    marks, notes = str(tmp_path / "stale"), str(tmp_path / "running")
    prelude = reading.PRELUDE.replace(STALE, marks)
    prelude = prelude.replace(f"{state.RUNNING}/", f"{notes}/")
    monkeypatch.setattr("scripts.hosts.read.PRELUDE", prelude)
    monkeypatch.setattr("scripts.hosts.change.STALE", marks)
    monkeypatch.setattr(
        "scripts.hosts.change.PRELUDE",
        changing.PRELUDE.replace(STALE, marks).replace(FORMER, str(tmp_path / "former")),
    )
    installing = str(tmp_path / "installing")
    monkeypatch.setattr(
        "scripts.hosts.read.PRELUDE",
        reading.PRELUDE.replace(reading.INSTALLING, installing),
    )
    monkeypatch.setattr("scripts.hosts.change.INSTALLING", installing)


STRICT = "#!/bin/bash\necho \"unexpected: ${0##*/} $*\" >&2\nexit 99\n"


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """A folder with stand-ins that reject everything, for the front of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("systemctl", "nft", "sysctl", "useradd", "apt-get", "dnf", "journalctl"):
        fake(folder, name, STRICT)
    return folder


def fake(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)


def bash(script: str, fakes: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = f"{fakes}:{os.environ['PATH']}" if fakes else os.environ["PATH"]
    return subprocess.run(
        ["bash", "-s"], input=script, text=True, capture_output=True, check=False,
        env={**os.environ, "PATH": path},
    )


def read(desired: HostState, fakes: Path | None = None) -> HostState:
    done = bash(read_script(desired), fakes)
    assert done.returncode == 0, done.stderr
    return parse(done.stdout, desired, host="here")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=40)


@given(st.dictionaries(
    st.sampled_from(["a", "b c", "d/e", "link"]),
    st.tuples(texts | st.binary(max_size=40), st.sampled_from([0o600, 0o644]), st.booleans()),
    min_size=1,
), texts)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture],
          deadline=None)
def test_what_was_changed_is_what_is_read(
    files: dict[str, tuple[str | bytes, int, bool]], old: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").write_text(old, newline="")
        desired: dict[Key, state.Resource] = {
            Key("directory", f"{folder}/d"): state.Directory(0o750, ME),
            Key("link", f"{folder}/to"): state.Link("/usr/share/zoneinfo/Asia/Seoul"),
        }
        for path, (text, mode, secret) in files.items():
            desired[Key("file", f"{folder}/{path}")] = state.File(text, mode, ME, secret)
        before = read(desired)
        assert before.get(Key("file", f"{folder}/a")) is None or "a" in files
        done = bash(change_script(diff(before, desired)))
        assert done.returncode == 0, done.stderr
        assert read(desired) == desired
        assert diff(read(desired), desired) == ()


@pytest.mark.parametrize("content", ["sesame", b"sesame\x00\xff"])
def test_a_secret_that_differs_never_leaves_its_host(content: str | bytes, tmp_path: Path) -> None:
    """Neither the one that is there nor the one that is wanted, in any encoding."""
    path = tmp_path / "password"
    path.write_bytes(b"rhubarb")
    want = state.File(content, 0o600, ME, secret=True)
    desired = {Key("file", str(path)): want}
    said = bash(read_script(desired)).stdout
    for secret in (b"rhubarb", want.data):
        for shown in (secret.decode(errors="replace"), base64.b64encode(secret).decode()):
            assert shown not in said
            assert shown not in read_script(desired)
    changes = diff(read(desired), desired)
    assert [line.strip() for line in describe_change(changes[0])] == [f"~ file {path}"]
    done = bash(change_script(changes))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert path.read_bytes() == want.data
    assert diff(read(desired), desired) == ()


def test_a_link_replaces_a_file_and_the_file_is_not_reported_again(tmp_path: Path) -> None:
    (tmp_path / "localtime").write_text("old")
    desired = {Key("link", f"{tmp_path}/localtime"): state.Link("/x")}
    changes = diff(read(desired), desired)
    assert {change.key.kind for change in changes} == {"link"}
    assert bash(change_script(changes)).returncode == 0
    assert read(desired) == desired


def test_a_folder_in_the_place_of_a_link_is_set_aside_with_all_in_it(tmp_path: Path) -> None:
    """Kafka's own scripts make their folder for logs where the lab has a link."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/mine.log").write_text("mine")
    desired = {Key("link", f"{tmp_path}/logs"): state.Link("/x")}
    changes = diff(read(desired), desired)
    assert [line.strip() for line in describe_change(changes[0])] == [f"+ link {tmp_path}/logs"]
    for _ in range(2):
        done = bash(change_script(changes))
        assert done.returncode == 0, done.stderr
    assert read(desired) == desired
    assert [path.read_text() for path in tmp_path.glob("logs.*/mine.log")] == ["mine"]


def test_a_member_of_a_group_is_read_and_added(
    fakes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = tmp_path / "group"
    monkeypatch.setattr(
        "scripts.hosts.read.PRELUDE", reading.PRELUDE.replace("/etc/group", str(groups))
    )
    key = Key("member", "kafka")
    desired: HostState = {key: state.Member("ann")}
    for members, there in (("", False), ("joann,anna", False), ("bob,ann", True), ("ann", True)):
        groups.write_text(f"ann:x:1:ann\nkafka:x:2:{members}\n")
        changes = diff(read(desired), desired)
        assert [change.key for change in changes] == ([] if there else [key])
    script = change_script([Change(key, None, desired[key])])
    fake(fakes, "usermod", STRICT)
    assert bash(script, fakes).stderr.splitlines()[-1] == "failed: member kafka"
    fake(fakes, "usermod", '#!/bin/bash\n[ "$*" = "--append --groups kafka ann" ]\n')
    assert bash(script, fakes).returncode == 0


@pytest.mark.parametrize("around", ["", "127.0.0.1 localhost\n", "no newline at the end", "\n\n"])
def test_a_block_leaves_the_rest_of_the_file_as_it_is(around: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(around)
    key = Key("block", str(path))
    for content in ("10.0.0.1 a\n", "10.0.0.1 a\n10.0.0.2 b\n", ""):
        desired = {key: state.Block(content)}
        done = bash(change_script(diff(read(desired), desired)))
        assert done.returncode == 0, done.stderr
        assert read(desired) == desired
    rest = path.read_text().split(BEGIN)[0].rstrip("\n")
    assert rest == around.rstrip("\n")
    assert path.read_text().count(BEGIN) == path.read_text().count(END) == 1


def test_a_block_that_was_cut_off_while_written_is_repaired_from_its_copy(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("127.0.")  # what a kill in the middle of the write leaves
    (tmp_path / "hosts.kafkalab").write_text(f"127.0.0.1 localhost\n{BEGIN}\nold\n{END}\n")
    desired = {Key("block", str(path)): state.Block("new\n")}
    assert bash(change_script(diff({}, desired))).returncode == 0
    assert path.read_text() == f"127.0.0.1 localhost\n{BEGIN}\nnew\n{END}\n"
    assert not (tmp_path / "hosts.kafkalab").exists()


def test_units_are_read_with_the_digest_of_their_process(fakes: Path) -> None:
    sleeper = [
        "python3", "-c", "import time; print(flush=True); time.sleep(60)", "-Dkafkalab.digest=abc",
    ]
    with subprocess.Popen(sleeper, stdout=subprocess.PIPE) as process:
        # It has its command line once it speaks: the kernel fills that in only after the point
        # at which Popen sees the program started.
        assert process.stdout is not None
        process.stdout.readline()
        fake(fakes, "systemctl", f"""#!/bin/bash
            wanted='show --timestamp=unix -p Id,ActiveState,SubState,UnitFileState,MainPID,'
            wanted+='LoadState,NRestarts,ActiveEnterTimestamp -- a.service b.service'
            [ "$*" = "$wanted" ] || exit 99
            printf 'MainPID={process.pid}\\nId=a.service\\nLoadState=loaded\\n'
            printf 'ActiveState=active\\nUnitFileState=enabled\\n\\n'
            printf 'MainPID=0\\nId=b.service\\nLoadState=not-found\\n'
            printf 'ActiveState=inactive\\nUnitFileState=\\n'
        """)
        desired = {Key("unit", f"{name}.service"): state.Unit("abc") for name in "ab"}
        found = read(desired, fakes)
        process.kill()
    assert found == {
        Key("unit", "a.service"): state.Unit("abc", True, True),
        Key("unit", "b.service"): state.Unit("", False, False),
    }


@pytest.mark.parametrize(("pid", "digest"), [("alive", "abc"), ("none", "")])
def test_a_unit_without_a_jvm_is_read_with_the_digest_that_it_noted(
    pid: str, digest: str, fakes: Path, tmp_path: Path
) -> None:
    """The note of a process that has ended says nothing of the next one."""
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / "a.service").write_text("abc\n")
    active = "active" if pid == "alive" else "inactive"
    fake(fakes, "systemctl", f"""#!/bin/bash
        printf 'MainPID={os.getpid() if pid == "alive" else 0}\nId=a.service\n'
        printf 'ActiveState={active}\nUnitFileState=enabled\n'
    """)
    desired = {Key("unit", "a.service"): state.Unit("abc")}
    assert read(desired, fakes) == {
        Key("unit", "a.service"): state.Unit(digest, pid == "alive", True)
    }


def test_an_archive_that_lost_a_file_is_damaged(tmp_path: Path) -> None:
    libs = tmp_path / "kafka" / "libs"
    libs.mkdir(parents=True)
    for name in ("b.jar", "a.jar"):
        (libs / name).write_text(name * 3)
    (tmp_path / "kafka" / ".manifest").write_text("15 a.jar\n15 b.jar\n")
    (tmp_path / "kafka" / ".digest").write_text("feed")
    key = Key("archive", f"{tmp_path}/kafka")
    assert read({key: state.Archive("feed")}) == {key: state.Archive("feed")}
    (libs / "a.jar").write_text("cut")
    assert read({key: state.Archive("feed")}) == {key: state.Archive("damaged")}
    (tmp_path / "kafka" / ".digest").unlink()
    assert read({key: state.Archive("feed")}) == {}


def test_a_setting_tells_whether_the_host_lets_us_set_it() -> None:
    key = Key("sysctl", "kernel.ostype")
    found = read({key: state.Sysctl("Linux")})[key]
    assert found == state.Sysctl("Linux", settable=False)


def test_units_are_enabled_and_started_once(fakes: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    fake(fakes, "systemctl", f'#!/bin/bash\necho "$*" >>{calls}\n')
    key = Key("unit", "kafka.service")
    changes = [Change(key, state.Unit("", False, False), state.Unit("x"))]
    assert bash(change_script(changes), fakes).returncode == 0
    assert calls.read_text().splitlines() == [
        "daemon-reload", "-q enable --no-reload kafka.service", "restart kafka.service",
    ]


def test_a_running_unit_is_left_to_the_rolling_restart(fakes: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    fake(fakes, "systemctl", f'#!/bin/bash\necho "$*" >>{calls}\n')
    key = Key("unit", "kafka.service")
    changes = [Change(key, state.Unit("old"), state.Unit("new"))]
    assert bash(change_script(changes), fakes).returncode == 0
    assert not calls.exists()


def test_a_unit_is_known_to_be_old_from_before_the_write_until_its_restart(
    fakes: Path, tmp_path: Path
) -> None:
    """Also where its command line is right: it was started with files that were not."""
    code = "import time; print(1, flush=True); time.sleep(60)"
    sleeper = ["python3", "-c", code, "-Dkafkalab.digest=new"]
    key = Key("unit", "k.service")
    desired = {key: state.Unit("new")}
    changes = [Change(Key("file", "/proc/no"), None, state.File(""))]  # cannot be written
    with subprocess.Popen(sleeper, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()  # it has its command line by now
        fake(fakes, "systemctl", f"""#!/bin/bash
            [ "$1" = show ] || exit 0
            printf 'MainPID={process.pid}\\nId=k.service\\n'
            printf 'ActiveState=active\\nUnitFileState=enabled\\n\\n'
        """)
        assert read(desired, fakes) == desired
        assert bash(
            restart_script("k.service", "127.0.0.1", 1, 5, changes), fakes
        ).returncode != 0
        assert read(desired, fakes) == {key: state.Unit("stale-new")}
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            script = restart_script("k.service", "127.0.0.1", port, 5)
            assert bash(script, fakes).returncode == 0
        assert read(desired, fakes) == desired
        process.kill()


def test_a_step_that_fails_is_named_and_ends_the_change(fakes: Path) -> None:
    changes = [
        Change(Key("sysctl", "a.b"), None, state.Sysctl("1")),
        Change(Key("unit", "kafka.service"), None, state.Unit("x")),
    ]
    done = bash(change_script(changes), fakes)
    assert done.returncode != 0
    assert "failed: sysctl a.b" in done.stderr
    assert "systemctl" not in done.stderr


def test_an_answer_that_is_cut_off_is_never_read_as_nothing() -> None:
    desired = {Key("unit", "a.service"): state.Unit("x")}
    for answer in ("", "unit\ta.service\tactive\tenabled\tx\n"):
        with pytest.raises(LabError, match="cut off"):
            parse(answer, desired, host="h")


def test_waiting_ends_with_the_unit_and_its_port(fakes: Path) -> None:
    fake(fakes, "journalctl", "#!/bin/bash\necho 'ERROR no disk (kafka.Log)'\n")
    done = bash(wait_script("kafka.service", "127.0.0.1", 1, 1), fakes)
    assert done.returncode != 0
    assert "kafka.service does not answer on 127.0.0.1:1 after 1 s" in done.stderr
    assert "after 1 s: no disk\n" in done.stderr


def test_a_restart_waits_for_its_port(fakes: Path) -> None:
    fake(fakes, "systemctl", "#!/bin/bash\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert bash(restart_script("k.service", "127.0.0.1", port, 5), fakes).returncode == 0


class Moody:
    """A service that serves only with a good file, and systemd around it."""

    def __init__(self, fakes: Path, tmp_path: Path) -> None:
        self.fakes, self.file, self.former = fakes, tmp_path / "conf", tmp_path / "former"
        self.pid = tmp_path / "pid"
        self.file.write_text("good 1")
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        listen = (f"import socket, time; s = socket.create_server((\"127.0.0.1\", {self.port})); "
                  "time.sleep(60)")
        fake(fakes, "systemctl", f"""#!/bin/bash
            end() {{ [ ! -e {self.pid} ] || {{ kill $(<{self.pid}); rm {self.pid}; }}; }}
            case $1 in
              stop) end;;
              start|restart) end; grep -q good {self.file} || exit 0
                python3 -c '{listen}' >/dev/null 2>&1 & echo $! >{self.pid};;
              show) printf 'Id=k.service\nActiveState=active\nSubState=running\nNRestarts=0\n\n';;
              daemon-reload|reset-failed) ;;
              *) exit 99;;
            esac
        """)
        fake(fakes, "journalctl", "#!/bin/bash\necho 'ERROR it is bad (kafka.Log)'\n")

    def script(self, content: str) -> str:
        """What restarts it with another file, or as it is where that is right already."""
        key = Key("file", str(self.file))
        before = self.file.read_text()
        changes = [] if before == content else [
            Change(key, state.File(before, owner=ME), state.File(content, owner=ME))
        ]
        return restart_script("k.service", "127.0.0.1", self.port, 1, changes)

    def end(self) -> None:
        bash("systemctl stop k.service", self.fakes)


@pytest.fixture
def moody(fakes: Path, tmp_path: Path) -> Iterator[Moody]:
    service = Moody(fakes, tmp_path)
    try:
        yield service
    finally:
        service.end()


def test_a_service_that_serves_with_its_new_file_keeps_it(moody: Moody) -> None:
    script = moody.script("good 2").replace(f"{moody.port} 1\n", f"{moody.port} 60\n")
    done = bash(script, moody.fakes)
    assert (done.returncode, done.stderr) == (0, "")
    assert moody.file.read_text() == "good 2"
    assert list(moody.former.iterdir()) == []


@pytest.mark.parametrize(("cut", "then"), [
    ("", ""), ("mark what has to restart", "bad 2"), ("write files", "bad 3"),
    ("reload systemd", "bad 2"), ("restart k.service", "bad 3"), ("wait for k.service", "bad 2"),
    ("wait for k.service", "bad 3"),
])
def test_a_service_that_does_not_serve_with_its_new_file_goes_on_with_the_former(
    cut: str, then: str, moody: Moody, tmp_path: Path
) -> None:
    """Also when the first run was cut off at any step, and when the lab file is another one then.
    """
    script = moody.script("bad 2")
    if cut:
        script = script.partition(f"step='{cut}'")[0]
        assert bash(script, moody.fakes).returncode == 0
        script = moody.script(then)
    done = bash(script, moody.fakes)
    assert done.returncode != 0
    assert "after 1 s: it is bad; it goes on with its former settings\n" in done.stderr
    assert moody.file.read_text() == "good 1"
    with socket.create_connection(("127.0.0.1", moody.port), timeout=5):
        pass
    assert list(moody.former.iterdir()) == []
    assert not (tmp_path / "stale" / "k.service").exists()


def test_a_host_that_was_cut_off_is_mended_by_who_repairs_it(moody: Moody) -> None:
    """As the next run does it, for a unit that systemd starts in vain: without other files."""
    script = moody.script("bad 2").partition("step='wait for")[0]
    assert bash(script, moody.fakes).returncode == 0
    done = bash(wait_script("k.service", "127.0.0.1", moody.port, 1, stay=True), moody.fakes)
    assert "it goes on with its former settings" in done.stderr
    assert moody.file.read_text() == "good 1"


def test_former_files_that_do_not_serve_either_are_told(moody: Moody) -> None:
    moody.file.write_text("bad 1")
    patience = f'"$3" {START_SECONDS} '
    script = moody.script("bad 2")
    assert patience in script
    done = bash(script.replace(patience, '"$3" 1 '), moody.fakes)
    assert "its former settings are back, but it does not serve with them either" in done.stderr
    assert moody.file.read_text() == "bad 1"


JAVA = Key("package", "java")


def wants(path: Path | str, *more: Change) -> list[Change]:
    """Changes of a host that lacks a package whose file is `path`."""
    return [Change(JAVA, None, state.Package(str(path))), *more]


def apt_get(fakes: Path, update: str, install: str) -> None:
    """An apt-get whose two commands do these things; its calls are kept."""
    fake(fakes, "apt-get", f"""#!/bin/bash
        echo "$*" >>{fakes}/calls
        case " $* " in
          *' update '*) {update};; *' install '*) {install};; *) exit 99;;
        esac
    """)


def calls(fakes: Path) -> list[str]:
    return (fakes / "calls").read_text().splitlines()


@pytest.mark.parametrize(("update", "install", "reason"), [
    ("echo 'E: the disk is full' >&2; exit 100", "touch {path}", "E: the disk is full"),
    (":", "echo 'E: Unable to locate package java' >&2; exit 100", "E: Unable to locate package"),
    (":", "exit 0", "java is installed, but {path} is not there"),
])
def test_a_package_that_could_not_be_installed_ends_the_change(
    update: str, install: str, reason: str, fakes: Path, tmp_path: Path
) -> None:
    path = tmp_path / "java"
    apt_get(fakes, update, install.format(path=path))
    fake(fakes, "dpkg", "#!/bin/bash\n[ \"$*\" = '--configure -a' ]\n")
    changes = wants(path, Change(Key("unit", "kafka.service"), None, state.Unit("x")))
    done = bash(change_script(changes), fakes)
    assert done.returncode != 0
    assert reason.format(path=path) in done.stderr
    assert done.stderr.splitlines()[-1] == "failed: install packages"
    assert "unexpected: systemctl" not in done.stderr, "it went on"
    want = {JAVA: state.Package(str(path))}
    path.touch()
    assert read(want, fakes) == {}, "what may be there in part is not taken for installed"


def test_lists_that_somebody_else_refreshes_are_waited_for(fakes: Path, tmp_path: Path) -> None:
    path = tmp_path / "java"
    locked = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"
    apt_get(
        fakes,
        f"[ -e {tmp_path}/free ] || {{ touch {tmp_path}/free; echo '{locked}' >&2; exit 100; }}",
        f"touch {path}",
    )
    fake(fakes, "sleep", "#!/bin/bash\n")
    done = bash(change_script(wants(path)), fakes)
    assert done.returncode == 0, done.stderr
    assert [("update" in call, "install" in call) for call in calls(fakes)] == [
        (True, False), (True, False), (False, True),
    ]
    assert read({JAVA: state.Package(str(path))}, fakes) == {JAVA: state.Package(str(path))}


def test_an_interrupted_dpkg_is_repaired_before_the_next_try(fakes: Path, tmp_path: Path) -> None:
    path = tmp_path / "java"
    apt_get(fakes, ":", f"""[ -e {tmp_path}/whole ] || {{
        echo "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'" >&2; exit 100
    }}; touch {path}""")
    fake(fakes, "dpkg", f"#!/bin/bash\n[ \"$*\" = '--configure -a' ] && touch {tmp_path}/whole\n")
    done = bash(change_script(wants(path)), fakes)
    assert done.returncode == 0, done.stderr


def test_a_systemd_that_does_not_answer_is_no_host_without_units(fakes: Path) -> None:
    fake(fakes, "systemctl", "#!/bin/bash\necho 'Failed to connect to bus' >&2\nexit 1\n")
    done = bash(read_script({Key("unit", "a.service"): state.Unit("x")}), fakes)
    assert done.returncode != 0
    assert "Failed to connect to bus" in done.stderr
    with pytest.raises(LabError, match="cut off"):
        parse(done.stdout, {}, host="h")
    assert bash(units_script({"a.service": None}), fakes).returncode != 0, "nor is a unit missing"
