"""The lab that is measured: its file, its hosts, and the product's own commands on them."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import runlog, steps
from bench.measure import BenchError, Ran, timed, wait_quiet
from lab.file import parse
from lab.topology import Topology, build
from scripts.workstation import paths

NAME = "bench"
REPOSITORY = "localhost/kafkalab-bench"
FAB = str(Path(sys.executable).with_name("fab"))

LAB_FILE = f"""\
name = "{NAME}"
owner = "b"

[local]
port_base = 28000

[[datacenters]]
name = "dc1"
cidr = "10.40.1.0/24"

[[datacenters]]
name = "dc2"
cidr = "10.40.2.0/24"
"""
# The baselines have no mirrors, so what is compared with them has none either. The objectives are
# none: a slow failover is a figure here, and no failure.
MIRRORS = """
[[links]]
between = ["dc1", "dc2"]

[[mirrors]]
from = "dc1"
to = "dc2"

[[mirrors]]
from = "dc2"
to = "dc1"

[objectives]
max_rto_seconds = 600.0
max_rpo_seconds = 600.0
max_recovery_seconds = 600.0
"""
# What Kafka's own start scripts give a broker and a ZooKeeper server (bin/kafka-run-class.sh,
# bin/kafka-server-start.sh, bin/zookeeper-server-start.sh of Kafka 3.9).
KAFKAS_JVM = (
    "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
)
CIDR = re.compile(r"^cidr = .*\n", re.MULTILINE)
KAFKAS_HEAP_MB = {"kafka": 1024, "zookeeper": 512}


def lab_file(
    *, kafkas_jvm: bool = False, mirrored: bool = False, settings: Mapping[str, str] | None = None,
    alone: Mapping[str, object] | None = None, **of_datacenters: object,
) -> str:
    """The lab file: by default as anybody's, with two datacenters of seven hosts.

    `kafkas_jvm`: the JVM options and heaps of Kafka's start scripts instead of the lab's small
    ones. `mirrored`: both ways. `settings` are broker settings. `alone`: the first datacenter only,
    with these keys. Others are keys of all datacenters.
    """
    text = LAB_FILE + MIRRORS if mirrored else LAB_FILE
    if alone is not None:
        text = text[:text.rindex("[[datacenters]]")]
        of_datacenters |= alone
    more = "".join(f"{key} = {json.dumps(one)}\n" for key, one in of_datacenters.items())
    text = CIDR.sub(lambda line: f"{line[0]}{more}", text)
    if kafkas_jvm:
        options = ", ".join(f'"{option}"' for option in KAFKAS_JVM)
        for section, heap in KAFKAS_HEAP_MB.items():
            text += f"\n[{section}]\nheap_mb = {heap}\njvm_options = [{options}]\n"
    if settings:
        text += "\n[kafka.config]\n"
        text += "".join(f'"{key}" = "{value}"\n' for key, value in sorted(settings.items()))
    return text


@dataclass
class BenchLab:
    """One lab at a time, made anew for each run. `folder` holds its file and what runs print."""

    folder: Path
    quiet_s: float
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    _count: int = 0

    def __post_init__(self) -> None:
        self.environ |= {"LAB": str(self.file), "LAB_PLATFORM": "local"}
        self.configure(lab_file())

    @property
    def file(self) -> Path:
        return self.folder / "lab.toml"

    @property
    def state(self) -> Path:
        return paths.state_dir(NAME)

    @property
    def key(self) -> Path:
        return self.state / "id_ed25519"

    @property
    def topology(self) -> Topology:
        return build(parse(tomllib.loads(self.file.read_text())).lab)

    def configure(self, text: str) -> None:
        self.file.write_text(text)

    def run(
        self, what: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None,
        cwd: Path = paths.PROJECT, quiet: bool = True, timeout: float = 900,
    ) -> Ran:
        """Time `argv` with the lab's environment and `env`, on a machine that is quiet before."""
        self._count += 1
        log = self.folder / f"{self._count:03}-{what}.log"
        before = wait_quiet(self.quiet_s) if quiet else None
        return timed(
            argv, log=log, env={**self.environ, **(env or {})}, cwd=cwd, before=before,
            timeout=timeout,
        )

    def fab(self, *tasks: str, env: Mapping[str, str] | None = None, quiet: bool = True) -> Ran:
        return self.run("-".join(("fab", *tasks)), [FAB, *tasks], env=env, quiet=quiet)

    def step(
        self, action: str, *words: str, env: Mapping[str, str] | None = None, quiet: bool = True
    ) -> Ran:
        argv = [sys.executable, "-m", "bench.steps", action, *words]
        return self.run(action, argv, env=env, quiet=quiet)

    @contextmanager
    def hosts(
        self, *words: str, prebuilt: bool, env: Mapping[str, str] | None = None
    ) -> Iterator[Ran]:
        """Fresh hosts, and how long they took to make; gone afterwards."""
        env = {**(env or {}), "LAB_PREBUILT": "1" if prebuilt else "0"}
        try:
            yield self.step("create", *words, env=env)
        finally:
            self.down()

    def down(self) -> None:
        self.fab("down", quiet=False)

    def log_of(self, ran: Ran, task: str) -> list[runlog.Entry]:
        """The run log that a `fab` process left for one of its tasks."""
        found = list((self.state / "runs").glob(f"*-{task}-{ran.pid}.log"))
        if len(found) != 1:
            raise BenchError(f"{len(found)} run logs of `fab {task}`, process {ran.pid}")
        return runlog.parse(found[0].read_text(encoding="utf-8"), began=ran.began)


@contextmanager
def bench_lab(quiet_s: float) -> Iterator[BenchLab]:
    """The lab of a whole benchmark; nothing of it is left afterwards but, on a failure, what its
    runs printed, until the next benchmark."""
    home = paths.cache_dir() / "bench"
    for left in home.glob("run-*"):
        shutil.rmtree(left)
    folder = home / f"run-{os.getpid()}"
    folder.mkdir(parents=True)
    lab = BenchLab(folder, quiet_s)
    try:
        sweep(lab)
        yield lab
    except BaseException:
        print(f"what the runs printed: {folder}", file=sys.stderr)
        raise
    else:
        shutil.rmtree(folder)
    finally:
        steps.remove_images(REPOSITORY)


def sweep(lab: BenchLab) -> None:
    """Remove what a benchmark that was killed left behind."""
    lab.down()
    steps.remove_images(REPOSITORY)
