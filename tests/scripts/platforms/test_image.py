"""What goes into an image's name, where images come from, and the archive that engines load."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, BinaryIO

import pytest

from lab.packages import SOFTWARE, Software
from lab.services.context import LANG
from lab.services.registry import SERVICES
from scripts.errors import CommandError, LabError, UsageError
from scripts.platforms.local import image, recipe
from scripts.platforms.local.engine import Engine
from scripts.platforms.local.image import Images
from scripts.software.packages import Packages
from scripts.workstation import process
from tests.labs import obtained

ONE = obtained(Path("unused"), "0" * 64)


class Store:
    """An engine's images. Any command that is not in `works` fails; the calls are kept."""

    def __init__(self, *works: str) -> None:
        self.works, self.calls = works, list[list[str]]()
        self.there: set[str] = set()
        self.unshares, self.in_memory = True, False

    def __call__(
        self, argv: Sequence[str], *, check: bool = True, stdin: bytes | None = None,
        stdout: BinaryIO | None = None, **_: Any,
    ) -> CompletedProcess[str]:
        words = list(argv)
        if words[1:3] == ["image", "inspect"]:
            return CompletedProcess(words, 0 if words[3] in self.there else 1, "", "")
        if words[1] == "ps":
            return CompletedProcess(words, 0, "[]", "")
        if words == ["unshare", "--mount", "true"]:
            return CompletedProcess(words, 0 if self.unshares else 1, "", "")
        if words[0] == "unshare":
            words = words[words.index("mmdebstrap") :]
            self.in_memory = True
        self.calls.append(words)
        name = words[1] if words[0] == "podman" else words[0]
        if name not in self.works:
            raise CommandError(words, 125, stderr=f"{name} does not work here")
        if "--output" in words:
            Path(words[words.index("--output") + 1]).write_bytes(b"saved")
        if words[0] == "mmdebstrap":
            assert words[-1] == "-" and stdout is not None
            stdout.write(b"layer")
        return CompletedProcess(words, 0, "", "")

    def names(self) -> list[str]:
        return [call[1] if call[0] == "podman" else call[0] for call in self.calls]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(image.VARIABLE, raising=False)
    monkeypatch.setattr(image, "elevation", lambda: ())
    monkeypatch.setattr(image, "available_mb", lambda: 8000)
    monkeypatch.setattr(image.shutil, "which", lambda name: f"/bin/{name}")
    return tmp_path / "kafkalab" / "images"


def images(monkeypatch: pytest.MonkeyPatch, store: Store) -> Images:
    monkeypatch.setattr(process, "run", store)
    return Images(Engine("podman", ("podman",)), lambda line: None)


def test_an_image_that_is_there_is_only_looked_up(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    found = images(monkeypatch, store)
    store.there = {f"{recipe.REPOSITORY}/base:{recipe.digest()}"}
    assert found.base() in store.there
    store.there = {recipe.host_tag([ONE])}
    assert found.host([ONE]) in store.there
    assert store.calls == []


def test_the_kept_archive_is_loaded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("load")
    cache.mkdir(parents=True)
    archive = cache / f"base-{recipe.digest()}.tar"
    archive.write_bytes(b"x")
    images(monkeypatch, store).base()
    assert store.calls == [["podman", "load", "--input", str(archive)]]


def test_packages_when_no_registry_answers(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("mmdebstrap", "load")
    cache.mkdir(parents=True)
    (cache / "base-older.tar").write_bytes(b"of another recipe")
    images(monkeypatch, store).base()
    assert store.names() == ["pull", "mmdebstrap", "load"]
    names = sorted(path.name for path in cache.iterdir())
    assert names == [".lock", f"base-{recipe.digest()}.tar"], "no half-made file, no old one"


@pytest.mark.parametrize(
    ("memory", "unshares", "expected"),
    [(8000, True, True), (2000, True, False), (None, True, False), (8000, False, False)],
)
def test_the_root_is_made_in_memory_where_that_may_be(
    cache: Path, monkeypatch: pytest.MonkeyPatch, memory: int | None, unshares: bool, expected: bool
) -> None:
    store = Store("mmdebstrap", "load")
    store.unshares = unshares
    found = images(monkeypatch, store)
    monkeypatch.setattr(image, "available_mb", lambda: memory)
    found.base()
    assert store.in_memory is expected
    assert (cache / f"base-{recipe.digest()}.tar").exists()


def test_without_the_right_to_mount_the_command_runs_all_the_same(tmp_path: Path) -> None:
    """`unshare` played: what follows it runs with a `mount` that is refused, or is not."""
    argv = recipe.in_memory()
    assert argv[:2] == ["unshare", "--mount"]
    for status, expected in ((1, "/here"), (0, "/dev/shm")):
        (tmp_path / "mount").write_text(f"#!/bin/sh\nexit {status}\n")
        (tmp_path / "mount").chmod(0o755)
        done = subprocess.run(
            [*argv[2:], "sh", "-c", 'echo "$TMPDIR $1"', "sh", "a word"], check=True,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": "/here"}, capture_output=True,
            text=True,
        )  # fmt: skip
        assert done.stdout == f"{expected} a word\n"


def test_the_registry_where_it_answers(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("pull", "build", "save")
    images(monkeypatch, store).base()
    assert store.names() == ["pull", "build", "save"]
    build = store.calls[1]
    assert build[build.index("--file") + 1] == str(recipe.FOLDER / "Containerfile")
    assert (cache / f"base-{recipe.digest()}.tar").exists()


def test_every_source_tells_why_it_failed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError, match=r"registry: .*pull does not.*mmdebstrap: .*mmdebstrap does"):
        images(monkeypatch, Store()).base()
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_sources_can_be_restricted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert image.sources() == ("registry", "mmdebstrap")
    monkeypatch.setenv(image.VARIABLE, " mmdebstrap ")
    assert image.sources() == ("mmdebstrap",)
    monkeypatch.setenv(image.VARIABLE, "floppy")
    with pytest.raises(UsageError, match="unknown source floppy"):
        image.sources()


def test_the_lab_image_is_its_parent_with_a_label(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store("build")
    assert images(monkeypatch, store).lab("tiny", "parent:1") == f"{recipe.REPOSITORY}/lab:tiny"
    assert store.names() == ["build"]


def test_the_digest_follows_the_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "host"
    shutil.copytree(recipe.FOLDER, copy)
    before = recipe.digest()
    monkeypatch.setattr(recipe, "FOLDER", copy)
    monkeypatch.setattr(recipe, "SEED", copy / "seed.sh")
    assert recipe.digest() == before, "neither place nor time of a file counts"
    of_host = recipe.host_tag([ONE])
    (copy / "seed.sh").write_text("exit 1\n")
    assert recipe.digest() == before
    assert recipe.host_tag([ONE]) != of_host
    (copy / "packages.txt").write_text("less\n")
    changed = recipe.digest()
    assert changed != before
    (copy / "setup.sh").chmod(0o644)
    assert recipe.digest() != changed
    assert recipe.host_tag([obtained(Path("kafka.tar"), "1" * 64)]) != of_host


def test_both_ways_run_the_same_setup_on_the_same_packages() -> None:
    containerfile = (recipe.FOLDER / "Containerfile").read_text()
    assert f"FROM {image.FROM_IMAGE}\n" in containerfile
    assert "/tmp/host/packages.txt" in containerfile
    assert "/tmp/host/setup.sh /tmp/host" in containerfile
    argv = " ".join(recipe.mmdebstrap())
    assert "/tmp/host/setup.sh /tmp/host" in argv
    assert recipe.packages() == sorted(recipe.packages())
    assert f"--include={','.join(recipe.packages())}" in argv


@pytest.mark.parametrize(
    "script", ["setup.sh", "seed.sh", "files/usr/local/lib/kafkalab/first-boot"]
)
def test_the_scripts_are_shell(script: str) -> None:
    subprocess.run(["sh", "-n", str(recipe.FOLDER / script)], check=True)


def test_what_nobody_reads_is_left_out_without_a_filter_for_each_package(tmp_path: Path) -> None:
    """mmdebstrap runs a Python program for every essential package when dpkg's options exclude."""
    argv = recipe.mmdebstrap()
    assert not [word for word in argv if word.startswith("--dpkgopt=path-exclude")]
    (hook,) = [word for word in argv if word.startswith("--extract-hook=")]
    for folder in ("etc/dpkg/dpkg.cfg.d", "usr/share/doc/bash", "usr/share/man/man1"):
        (tmp_path / folder).mkdir(parents=True)
    # As mmdebstrap runs a hook.
    subprocess.run(["sh", "-c", hook.partition("=")[2], "exec", str(tmp_path)], check=True)
    assert sorted(path.name for path in (tmp_path / "usr/share").iterdir()) == []
    options = (tmp_path / "etc/dpkg/dpkg.cfg.d/kafkalab").read_text().splitlines()
    assert options == [f"path-exclude={folder}/*" for folder in recipe.UNREAD]


def test_a_root_that_could_not_be_made_leaves_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fails(Store):
        def __call__(self, argv: Sequence[str], **options: Any) -> CompletedProcess[str]:
            if "mmdebstrap" in argv:
                options["stdout"].write(b"half of a root")
                raise CommandError(list(argv), 1, stderr="no space left")
            return super().__call__(argv, **options)

    with pytest.raises(LabError, match="no space left"):
        images(monkeypatch, Fails("load")).base()
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_an_error_is_one_line_however_long_the_command(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(image.VARIABLE, "mmdebstrap")
    with pytest.raises(LabError) as caught:
        images(monkeypatch, Store()).base()
    assert str(caught.value).endswith(
        ": mmdebstrap: `mmdebstrap` ended with 125: mmdebstrap does not work here"
    )
    (tmp_path / "kafka.tar").write_bytes(b"")
    kafka = obtained(tmp_path / "kafka.tar")
    with pytest.raises(LabError) as caught:
        images(monkeypatch, Store("mmdebstrap", "load", "rm")).host([kafka])
    assert str(caught.value) == "`seed.sh` ended with 125: run does not work here"


def test_the_archive_holds_what_its_manifest_says(tmp_path: Path) -> None:
    printed = ["sh", "-c", "printf 'a file system'"]
    recipe.wrap(
        tmp_path / "image.tar", lambda file: process.run(printed, stdout=file),
        tag="localhost/x:1", labels={"a": "b"},
    )  # fmt: skip
    with tarfile.open(tmp_path / "image.tar") as archive:
        content = {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]
    (manifest,) = json.loads(content["manifest.json"])
    assert manifest["RepoTags"] == ["localhost/x:1"]
    config = content[manifest["Config"]]
    assert manifest["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    (layer,) = manifest["Layers"]
    assert content[layer] == b"a file system"
    parsed = json.loads(config)
    digest = hashlib.sha256(b"a file system").hexdigest()
    assert parsed["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
    assert parsed["config"]["Labels"] == {"a": "b"}


def packages(folder: Path, sha256: str = "cd" * 32) -> Packages:
    tar = folder / "set.tar"
    tar.write_bytes(b"debs")
    return Packages(("kcat",), tar, sha256)


def test_packages_are_one_layer_on_top_made_without_network(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = Store("run", "commit", "rm")
    found, wanted = images(monkeypatch, store), packages(tmp_path)
    tag = found.packed("below:1", wanted)
    assert store.names() == ["run", "commit", "rm"]
    made, committed = store.calls[0], store.calls[1]
    assert made[made.index("--network") + 1] == "none"
    assert made[made.index("below:1") + 1 :][:2] == ["bash", "-c"]
    assert made[-3:] == ["cd" * 32, "/tmp/packages.tar", "kcat:kcat:/usr/bin/kcat"]
    assert committed[-1] == tag
    assert "LABEL kafkalab.packages=cdcdcdcdcdcd" in committed
    store.there = {tag}
    store.calls.clear()
    assert found.packed("below:1", wanted) == tag
    assert store.calls == []


def test_the_name_of_an_image_with_packages_follows_all_that_is_in_it(tmp_path: Path) -> None:
    wanted = packages(tmp_path)
    tags = {
        recipe.packed_tag("below:1", wanted), recipe.packed_tag("below:2", wanted),
        recipe.packed_tag("below:1", packages(tmp_path, "ef" * 32)), recipe.host_tag([ONE]),
    }
    assert len(tags) == 4


def test_every_way_into_a_host_has_the_locale_of_its_services() -> None:
    """sshd takes none of the client's, which is not installed."""
    files = recipe.FOLDER / "files"
    sshd = (files / "etc/ssh/sshd_config").read_text()
    assert f"\nSetEnv LANG={LANG}\n" in sshd and "AcceptEnv" not in sshd
    manager = (files / "etc/systemd/system.conf.d/kafkalab.conf").read_text()
    assert f"\nDefaultEnvironment=LANG={LANG}\n" in manager


def test_only_what_the_base_lacks_is_beyond_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the lab's own services ask for is in the base: the default image has no layer."""
    asked = [name for service in SERVICES.values() for name in service.packages]
    assert asked
    assert recipe.lacking(asked) == ()
    monkeypatch.setitem(SOFTWARE, "tree", Software("/usr/bin/tree", {"debian": "tree"}))
    monkeypatch.setitem(SOFTWARE, "rpm", Software("/usr/bin/rpm", {"amazon": "rpm"}))
    assert recipe.lacking([*asked, "tree", "rpm"]) == ("tree",), "one has no package in Debian"


def test_packages_are_fetched_in_a_container_of_the_base_with_a_network(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = Store("run")
    found, base = images(monkeypatch, store), f"{recipe.REPOSITORY}/base:{recipe.digest()}"
    store.there = {base}
    with (tmp_path / "set").open("wb") as target:
        found.fetch(("kcat", "jq"), target)
    (call,) = store.calls
    assert call[call.index("--network") + 1] == "host"
    assert "--rm" in call and f"{image.BUILD_LABEL}=1" in call
    assert call[call.index(base) + 1 :][:2] == ["bash", "-c"]
    assert call[-2:] == ["kcat", "jq"]


@pytest.mark.parametrize(("said", "why"), [
    ("docker: Error response from daemon: no space left on device\n\n"
     "Run 'docker run --help' for more information\n", "no space left on device"),
    ("tar: short read\nreason: the archive is cut off\n", "the archive is cut off"),
])
def test_a_layer_that_fails_is_one_line_without_its_script(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, why: str
) -> None:
    def run(argv: Sequence[str], **more: Any) -> CompletedProcess[str]:
        if argv[1] == "run":
            raise CommandError(list(argv), 125, stderr=said)
        return CompletedProcess(list(argv), 1 if argv[1] == "image" else 0, "", "")

    monkeypatch.setattr(process, "run", run)
    tar = tmp_path / "one.tar"
    tar.write_bytes(b"")
    made = Images(Engine("docker", ("docker",)), lambda line: None)
    packed = Packages(("kcat",), tar, "ab" * 32)
    works: list[tuple[Callable[[], object], str]] = [
        (lambda: made._seed("below", "tag", obtained(tar)), recipe.SEED.name),
        (lambda: made.packed("below", packed), "docker run"),
        (lambda: made._layer("below", "tag", ("a", "b"), tar, "line\n" * 100), "docker run"),
    ]
    for work, name in works:
        with pytest.raises(CommandError) as caught:
            work()
        assert str(caught.value) == f"`{name}` ended with 125: {why}"


def test_where_many_images_stay_one_command_ends_them_all() -> None:
    class Many(Engine):
        def lines(self, *args: str) -> list[str]:
            return [*(f"localhost/kafkalab/host:{n} 1 GB" for n in range(5)), "debian:12 80 MB"]

    assert Images(Many("podman", ("sudo", "-n", "podman")), print).told() == (
        "5 images of hosts stay (their parts are stored once): the next lab is made in seconds. "
        "To remove them: `sudo podman rmi $(sudo podman images --quiet "
        "--filter reference='localhost/kafkalab/*')`"
    )


def test_an_image_that_goes_while_they_are_listed_is_no_failure() -> None:
    answers = [CommandError(["podman", "images"], 125, stderr="Error: image not known"), ["a:1 x"]]

    class Racing(Engine):
        def lines(self, *args: str) -> list[str]:
            answer = answers.pop(0)
            if isinstance(answer, CommandError):
                raise answer
            return answer

    engine = Racing("podman", ("podman",))
    assert engine.image_lines("--all") == ["a:1 x"]
    answers[:] = [CommandError(["podman", "images"], 125, stderr="no space left on device")]
    with pytest.raises(CommandError, match="125"):
        engine.image_lines("--all")
