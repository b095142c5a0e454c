"""Who listens in on hosts: a program that is started there with all rights, asked at the end for
what it has seen, and gone afterwards."""

from __future__ import annotations

import inspect
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scripts.clients import overhearing
from scripts.drivers.driver import Site
from scripts.errors import LabError

READY_SECONDS = 10
# Of what the kernel says to who may not look on, in the words of its errors (EPERM, EACCES and
# EAFNOSUPPORT); engines hand them on.
FORBIDDEN = ("not permitted", "permission denied", "not supported by protocol")
# Starts a command on a host with all rights, and leaves it; False where root there has them anyway.
Begin = Callable[[str, Sequence[str]], bool]

PREPARE = """\
set -eu
folder=$(mktemp -d /run/kafkalab-wire.XXXXXX)
cat >"$folder/program.py" <<'PYTHON'
@PROGRAM@
PYTHON
cat >"$folder/job" <<'JOB'
@JOB@
JOB
echo "$folder"
"""
START = "setsid @COMMAND@ </dev/null >/dev/null 2>&1 &\n"
AWAIT = """\
for _ in $(seq @TRIES@); do
  if [ -e @FOLDER@/@FILE@ ]; then cat @FOLDER@/@FILE@; exit 0; fi
  sleep 0.05
done
exit 3
"""
END = "touch @FOLDER@/stop\n"
CLEAN = "rm -rf @FOLDER@\n"  # without it, who listens in ends


class Forbidden(LabError):
    """Nobody may listen in on a host: the platform forbids it."""


@dataclass(frozen=True)
class Sought:
    """What a host looks for: marks, and the ports at which it tells them apart."""

    ports: set[int]
    marks: list[str]


@contextmanager
def listening_in(
    site: Site, sought: Mapping[str, Sought], begin: Begin, *, seconds: int,
) -> Iterator[dict[str, dict[str, Any]]]:
    """Hosts look on meanwhile, for so many seconds at most; at its end, what each has seen is
    there. Raises Forbidden where nobody may look, LabError where somebody may and does not."""
    fleet = site.fleet
    answers: dict[str, dict[str, Any]] = {}
    folders: dict[str, str] = {}

    def start(name: str) -> None:
        mine = sought[name]
        job = {"ports": sorted(mine.ports), "marks": mine.marks, "seconds": seconds}
        script = PREPARE.replace("@PROGRAM@", inspect.getsource(overhearing)).replace(
            "@JOB@", json.dumps(job))
        folder = fleet[name].script(script, label="prepare to listen in").stdout.strip()
        folders[name] = folder
        command = ["python3", f"{folder}/program.py", folder]
        over_ssh = "" if _begun(begin, name, command) else START.replace(
            "@COMMAND@", shlex.join(command))
        if refusal := _awaited(site, name, over_ssh, folder, "ready").strip():
            raise _refused(refusal.lower(), name)

    def stop(name: str) -> dict[str, Any]:
        end = END.replace("@FOLDER@", folders[name])
        found: dict[str, Any] = json.loads(_awaited(site, name, end, folders[name], "found"))
        return found

    try:
        fleet.each(start, list(sought))
        yield answers
        answers.update(fleet.each(stop, list(sought)))
    finally:
        fleet.each(lambda name: fleet[name].script(
            CLEAN.replace("@FOLDER@", folders[name]), label="listen in no more", check=False),
            list(folders))


def _begun(begin: Begin, name: str, command: Sequence[str]) -> bool:
    try:
        return begin(name, command)
    except LabError as error:
        if isinstance(refusal := _refused(str(error), name), Forbidden):
            raise refusal from error
        raise


def _refused(said: str, name: str) -> LabError:
    """That nobody listens in on a host, by what was said there: whether nobody may."""
    kind = Forbidden if any(words in said.lower() for words in FORBIDDEN) else LabError
    return kind(f"nobody can listen in there: {said}", where=name)


def _awaited(site: Site, name: str, before: str, folder: str, file: str) -> str:
    """What a file says once it is there. Raises LabError where it does not come."""
    script = before + AWAIT.replace("@FOLDER@", folder).replace("@FILE@", file).replace(
        "@TRIES@", str(READY_SECONDS * 20))
    answer = site.fleet[name].script(script, label=f"listen in: {file}?", check=False)
    if answer.status:
        raise LabError("nothing comes from who is to listen in there", where=name)
    return answer.stdout
