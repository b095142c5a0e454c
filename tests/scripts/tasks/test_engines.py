"""What `fab` says and does on machines with several engines, with none, and with dead ones.

The engines are programs that know only the commands of this file and note whatever else they are
told; nothing else of the machine is on the path, least of all an apt-get that works.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import forked
from tests.conftest import LAB, NAME

pytestmark = pytest.mark.programs

ENGINE = """\
#!/bin/sh
me={folder}/{name}
echo "$*" >> $me/called
if [ -f $me/silent ]; then cat $me/silent >&2; exit 1; fi
case "$*" in
  --version) echo '{name} version 1' ;;
  version*) echo 1 ;;
  ps*ancestor*|ps*network*) {none} ;;
  ps*) cat $me/containers ;;
  network\\ ls*) ;;
  images\\ --format*) cat $me/images ;;
  images*) ;;
  rm\\ --force\\ --volumes*) {empty} > $me/containers ;;
  *) echo "told to act: $*" >> {folder}/acted; exit 125 ;;
esac
"""
# Installing would make it a machine with Podman.
APT = """\
#!/bin/sh
echo "$*" >> {folder}/acted
exit 1
"""
NO_DAEMON = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
    "Is the docker daemon running?"
)
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="Podman is asked through sudo without root")
# Every task that only looks, but `ssh` and `logs`, which ask what `status` asks.
LOOKS = (("status",), ("status", "--json"), ("plan",), ("verify",), ("container",), ("--dry", "up"),
         ("down",), ("--dry", "down"), ("lab.stop",), ("lab.start",), ("kafka",),
         ("ssh", "ann-dc1-zk01"), ("logs", "ann-dc1-zk01", "ssh"), ("connect.status",))


@dataclass
class Bench:
    """A folder with a lab file and a machine's programs."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "lab.toml").write_text(LAB)
        self.bin.mkdir()
        for name in ("sh", "cat", "true", "ssh-keygen"):
            (self.bin / name).symlink_to(shutil.which(name) or f"/bin/{name}")
        self.program("apt-get", APT.format(folder=self.folder))

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def engine(self, name: str, *, silent: str = "", has: bool = False) -> None:
        """Put an engine on the path, with a host of the lab, or `silent` with these words."""
        here = self.folder / name
        here.mkdir(exist_ok=True)
        empty = "echo '[]'" if name == "podman" else ":"
        self.program(name, ENGINE.format(folder=self.folder, name=name, none=empty, empty=empty))
        if name == "podman":
            for needed in ("iptables", "runc"):
                self.program(needed, "#!/bin/sh\nexit 1\n")
        labels = {"kafkalab.lab": NAME, "kafkalab.host": "ann-dc1-zk01"}
        entry = {"Id": "id1", "Names": [f"{NAME}.zk"], "State": "running", "StartedAt": 1,
                 "Labels": labels}
        joined = ",".join(f"{key}={value}" for key, value in labels.items())
        (here / "containers").write_text(
            json.dumps([entry] if has else []) if name == "podman" else
            json.dumps({"ID": "id1", "Names": f"{NAME}.zk", "State": "running",
                        "Labels": joined}) + "\n" if has else ""
        )
        (here / "images").write_text(
            "localhost/kafkalab/base:1 377 MB\nlocalhost/kafkalab/host:2 546 MB\ndebian:12 1 MB\n"
        )
        (here / "silent").unlink(missing_ok=True)
        if silent:
            (here / "silent").write_text(silent + "\n")

    @property
    def state(self) -> Path:
        return self.folder / "state" / "kafkalab" / NAME

    def remembers(self, name: str) -> None:
        """The lab was made from here, with this engine ("": by an earlier version)."""
        self.state.mkdir(parents=True, exist_ok=True)
        for file in ("id_ed25519", "id_ed25519.pub", "hostkeys.json"):
            (self.state / file).write_text("{}")
        if name:
            (self.state / "engine").write_text(f"{name}\n")

    @property
    def keys(self) -> bool:
        return (self.state / "id_ed25519").exists()

    @property
    def acted(self) -> list[str]:
        path = self.folder / "acted"
        return path.read_text().splitlines() if path.exists() else []

    def fab(self, *words: str, **setting: str) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if key not in (
            "LAB_ENGINE", "DOCKER_HOST", "SSH_AUTH_SOCK",
        ) and not key.startswith(("FABRIC_", "INVOKE_"))}
        done = forked.fab(*words, timeout=60, environment={
            **kept, "LAB": str(self.folder / "lab.toml"), "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"), "LAB_PLATFORM": "local",
            "XDG_CACHE_HOME": str(self.folder / "cache"), "PATH": str(self.bin),
            "KAFKALAB_KAFKA_SOURCES": "none", **setting,
        })
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    def error(self, *words: str, status: int = 1, **setting: str) -> str:
        """The one line that `fab` ends with."""
        done = self.fab(*words, **setting)
        assert done.returncode == status, done
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: "), done
        return done.stderr.strip()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@ROOT
@pytest.mark.parametrize("remembered", ["docker", ""])
def test_down_ends_a_lab_of_docker_that_podman_knows_nothing_of(
    bench: Bench, remembered: str
) -> None:
    bench.engine("docker", has=True)
    bench.engine("podman")
    bench.remembers(remembered)
    done = bench.fab("down")
    assert done.returncode == 0, done
    assert f"removed container {NAME}.zk" in done.stdout
    assert "rm --force --volumes id1" in (bench.folder / "docker" / "called").read_text()
    lines = done.stdout.splitlines()
    assert lines[-3] == f"nothing of {NAME} is left on this machine"
    assert "removed file" in lines[-4] and not bench.keys
    for line, engine in zip(lines[-2:], ("docker", "podman"), strict=True):
        assert line.startswith("the host image stays (377 MB, 546 MB; its parts are stored once)")
        assert line.endswith(f"`{engine} rmi localhost/kafkalab/base:1 localhost/kafkalab/host:2`")


@ROOT
def test_status_names_the_engine_that_the_lab_is_in(bench: Bench) -> None:
    bench.engine("podman")
    bench.engine("docker")
    bench.remembers("docker")
    assert f"{NAME} (local, docker)" in bench.fab("status").stdout
    assert json.loads(bench.fab("status", "--json").stdout)["engine"] == "docker"
    (bench.state / "engine").unlink()
    assert json.loads(bench.fab("status", "--json").stdout)["engine"] == "podman"


@ROOT
@pytest.mark.parametrize("words", [("down",), ("status",), ("up",), ("--dry", "down")])
def test_a_lab_whose_engine_is_silent_is_not_gone(bench: Bench, words: tuple[str, ...]) -> None:
    bench.engine("podman")
    bench.engine("docker", silent=NO_DAEMON)
    bench.remembers("docker")
    assert bench.error(*words) == (
        f"error: the hosts of {NAME} are in Docker. Docker is installed and does not answer: "
        f"{NO_DAEMON} (`sudo systemctl start docker`)"
    )
    (bench.bin / "docker").unlink()
    assert "were made with Docker, which is not on the path" in bench.error(*words)
    assert bench.keys and bench.acted == []


@ROOT
def test_a_lab_of_an_earlier_version_may_be_in_the_engine_that_is_silent(bench: Bench) -> None:
    bench.engine("podman")
    bench.engine("docker", silent=NO_DAEMON)
    bench.remembers("")
    assert f"does not answer: {NO_DAEMON}" in bench.error("down") and bench.keys
    done = bench.fab("down", LAB_ENGINE="podman")
    assert done.returncode == 0 and not done.stdout.startswith("error"), done


@ROOT
def test_of_a_lab_that_nobody_knows_it_is_said_which_engine_was_not_asked(bench: Bench) -> None:
    bench.engine("podman")
    bench.engine("docker", silent=NO_DAEMON)
    for words in (("down",), ("--dry", "down")):
        done = bench.fab(*words)
        assert done.returncode == 0 and done.stdout.count("\n") == 1
        assert done.stdout.startswith(f"nothing of {NAME} is")
        assert done.stderr == (
            f"note: nobody asked docker about {NAME}. Docker is installed and does not answer: "
            f"{NO_DAEMON} (`sudo systemctl start docker`)\n"
        )


@ROOT
def test_a_variable_that_contradicts_is_one_line(bench: Bench) -> None:
    bench.engine("podman")
    bench.engine("docker", has=True)
    bench.remembers("docker")
    for words in (("status",), ("down",), ("up",)):
        assert bench.error(*words, status=2, LAB_ENGINE="podman").startswith(
            f"error: LAB_ENGINE=podman, but the hosts of {NAME} are in Docker ("
        )
    assert bench.keys and bench.acted == []


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_who_makes_no_host_installs_nothing(bench: Bench, words: tuple[str, ...]) -> None:
    done = bench.fab(*words)
    assert bench.acted == []
    assert f"nothing of {NAME} is on this machine" in done.stdout if "down" in words else (
        done.returncode and "there is no container engine on this machine (`fab up` installs"
        in done.stderr
    ), done


@pytest.mark.parametrize("words", [*LOOKS, ("up",)], ids=" ".join)
def test_a_docker_that_does_not_answer_is_named_and_nothing_is_installed(
    bench: Bench, words: tuple[str, ...]
) -> None:
    bench.engine("docker", silent=NO_DAEMON)
    assert bench.error(*words) == (
        f"error: Docker is installed and does not answer: {NO_DAEMON} "
        "(`sudo systemctl start docker`; or with another engine: `LAB_ENGINE=podman fab up` "
        "installs it)"
    )
    assert bench.acted == []


@ROOT
def test_up_installs_where_there_is_no_engine(bench: Bench) -> None:
    """Here an apt-get that fails; on another system it says the command."""
    done = bench.fab("up")
    assert done.returncode == 1, done
    assert [line for line in bench.acted if "install" in line] or "install" in done.stderr


@ROOT
def test_another_lab_is_found_in_whichever_engine(bench: Bench) -> None:
    bench.engine("podman", has=True)
    bench.engine("docker", silent=NO_DAEMON)
    (bench.folder / "lab.toml").write_text(LAB.replace(NAME, "beside"))
    assert "removed container" in bench.fab("down", "--lab", NAME).stdout
    bench.engine("podman")
    said = bench.error("down", "--lab", NAME, status=2)
    assert said.startswith(f"error: no other lab '{NAME}' on this machine (known: none; Docker")
    bench.remembers("docker")
    said = bench.error("down", "--lab", NAME)
    assert said.startswith(f"error: the hosts of {NAME} are in Docker. Docker is installed and")
    assert bench.keys
