"""Scripts of exercises: bash on the workstation, with `on HOST COMMAND` for hosts of the lab.

They see the exercise's parameters as variables in capitals, and type what a student would. FOLDER
is the exercise's, and PYTHON has what its own programs need.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lab.artifacts import PREFIX
from lab.learning.exercise import Value
from scripts.errors import LabError
from scripts.platforms import Instance
from scripts.session import known_host, ssh_options
from scripts.workstation import process
from scripts.workstation.runlog import MANDATE

SECONDS = 300.0
MARK = "KAFKALAB_EXERCISE"  # in the environment of what a script runs on a host
FAB = Path(sys.executable).with_name("fab")
# `on HOST COMMAND…` runs a command there as a person who has logged in; `tools` is the host with
# Kafka's tools. What stands on standard input goes to the command. `answer QUESTION WORD` predicts.
#
# Whoever runs the script has the other end of $LIFE. When he is gone, by a kill too, a process
# beside it reads the end there, and ends all that the script has begun here.
PRELUDE = """\
set -euo pipefail
( { read -r -u "$LIFE" _ || true; kill -TERM -- -$$; } >/dev/null 2>&1 & )
on() {
  local host=$1; shift
  [ "$host" = tools ] && host=$TOOLS
  "${SSH[@]}" "$host" "bash -lc $(printf '%q' "PATH=\\$PATH:@BIN@; ${KAFKALAB_EXPORTS}\
export @MARK@=$EXERCISE; $(printf '%q ' "$@")")"
}
check() { "$FAB" exercise.check "$EXERCISE" >/dev/null || true; }  # let it be seen
answer() { "$FAB" exercise.answer "$EXERCISE" "$1" "$2" >/dev/null; }
"""


def config(instances: Iterable[Instance], key_file: Path, folder: Path) -> Path:
    """Write an OpenSSH configuration with each host by its name, and the keys that they show.

    Connections are kept open for a while: a script has many commands.
    """
    instances = list(instances)
    known = folder / "known_hosts"
    known.write_text("".join(map(known_host, instances)), encoding="ascii")
    shared = {**ssh_options(known, batch=True), "ControlMaster": "auto", "ControlPersist": "20",
              "ControlPath": f'"{folder}/%C"', "IdentityFile": f'"{key_file}"'}
    lines = [f"{key} {value}" for key, value in shared.items()]
    for one in instances:
        lines += [f"Host {one.name}", f"  HostName {one.ssh_host}", f"  Port {one.ssh_port}",
                  f"  User {one.user}"]
    path = folder / "config"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(
    script: Path, *, folder: Path, values: Mapping[str, Value], ssh_config: Path, tools: str,
    where: str, seconds: float = SECONDS, exports: Sequence[str] = (),
) -> str:
    """Run a script to its end, within so many seconds; what it printed. folder: the exercise's, for
    programs that stand there. exports: what a shell on a host has to know of brokers
    (lab.services.tools). Raises LabError with its last line. It does not outlive this
    process."""
    environment = {
        **os.environ, "TOOLS": tools, "LC_ALL": "C.UTF-8", "FAB": str(FAB),
        "FOLDER": str(folder), "PYTHON": sys.executable, MANDATE: str(os.getpid()),
        "KAFKALAB_EXPORTS": "".join(f"{line}; " for line in exports),
        **{name.upper(): str(value) for name, value in values.items()},
    }
    ssh = shlex.join(["ssh", "-F", str(ssh_config)])
    prelude = PRELUDE.replace("@BIN@", f"{PREFIX}/kafka/bin").replace("@MARK@", MARK)
    text = f"SSH=({ssh})\n{prelude}{script.read_text(encoding='utf-8')}"
    life, ours = os.pipe()
    try:
        # Not on standard input: the first ssh would read the rest of it.
        done = process.run(
            ["bash", "-c", text], env={**environment, "LIFE": str(life)}, timeout=seconds,
            check=False, shielded=True, pass_fds=(life,),
        )
    finally:
        os.close(life)
        os.close(ours)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise LabError(
            f"{script.name} ended with {done.returncode}: {said[-1] if said else 'no word'}",
            where=where,
        )
    return done.stdout
