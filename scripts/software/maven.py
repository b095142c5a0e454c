"""Artifacts from Maven: the jars that a recipe's POM collects, with what lies beside them.

Kafka's archive, for one, is no Maven artifact, but everything in its libs/ is. A recipe is a folder
below recipes/ with a POM that leaves one tar in target/, and what is to be in it; where it has a
tools.toml, wrappers for bin/ are made from that. Folders of shared/ that its shared.toml names are
part of it.
"""

from __future__ import annotations

import os
import re
import shutil
import string
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.artifacts import Artifact
from scripts.errors import ESCAPE, FOREIGN, CommandError, LabError, one_line
from scripts.software.kept import recipe_files
from scripts.workstation import process

# Seconds. On a slow line 60 MB of jars may take minutes; a proxy that never answers must end too.
_BUILD_TIMEOUT = 900.0
_INSTALL_TIMEOUT = 600.0
_HINT = "install Maven 3.6 or newer, with `apt-get install maven` or `brew install maven`"
# For what is over in a second or two: it ends before a second compiler has paid for itself.
_BRIEF = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true"
# The jars that hold classes with a `main`; looking into the other hundred takes longer than these.
_WITH_TOOLS = re.compile(r"/libs/(kafka|connect|zookeeper)[^/]*\.jar$")


# Runs a script with arguments where there is a JDK, from one tar to another.
Compile = Callable[[str, Sequence[str], Path, Path], None]


def build(
    artifact: Artifact, folder: Path, say: Callable[[str], None], compile: Compile | None = None
) -> tuple[Path, dict[str, bytes]]:
    """Build an artifact in `folder`: its plain tar, and the wrappers that belong beside it.

    Installs Maven first where that is possible without asking. What Maven has collected for a
    recipe with a compile.sh is compiled by that. Raises LabError with Maven's own first error, or
    with what to install.
    """
    ensure_maven(say)
    project = folder / "recipe"
    for name, path in recipe_files(artifact.recipe).items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, project / name)
    reword(project)
    given = {f"{artifact.name}.version": artifact.version, **dict(artifact.given)}
    words = [f"-D{name}={value}" for name, value in given.items()]
    argv = ["mvn", "-q", "-B", "-C", "-f", "pom.xml", "package", *words]
    env = {"MAVEN_OPTS": _BRIEF, **os.environ}
    done = process.run(
        argv, cwd=project, timeout=_BUILD_TIMEOUT, env=env, check=False, hint=_HINT
    )
    if done.returncode:
        said = _first_error(done.stdout)
        raise LabError(f"`{' '.join(argv)}` ended with {done.returncode}: {said}")
    tars = list((project / "target").glob("*.tar"))
    if len(tars) != 1:
        raise LabError(f"`{' '.join(argv)}` left {len(tars)} archives instead of one")
    script = project / "compile.sh"
    if script.exists():
        if compile is None:
            raise LabError("there is nothing to compile it with")
        compiled = folder / "compiled.tar"
        compile(script.read_text(), [artifact.folder], tars[0], compiled)
        return compiled, {}
    if not (project / "tools.toml").exists():
        return tars[0], {}
    return tars[0], wrappers(project, classes_in(tars[0]))


def reword(project: Path) -> None:
    """Say in a recipe's scripts what its words.toml says: how a variant calls the same thing."""
    words = project / "words.toml"
    if not words.exists():
        return
    table: dict[str, str] = tomllib.loads(words.read_text())["instead"]
    for path in [*(project / "bin").iterdir(), *(project / "templates").iterdir(),
                 project / "tools.toml"]:
        text = path.read_text()
        for old, new in table.items():
            text = text.replace(old, new)
        path.write_text(text)


def ensure_maven(say: Callable[[str], None]) -> None:
    """Make `mvn` available, or raise LabError with how to."""
    if shutil.which("mvn"):
        return
    privilege = _privilege()
    if privilege is None or not shutil.which("apt-get"):
        raise LabError("there is no `mvn` here", hint=_HINT)
    say("Maven is not installed; installing it with apt-get")
    apt = [*privilege, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    install = [*apt, "install", "--no-install-recommends", "maven"]
    try:
        # A new machine's package lists are often missing or too old: once more with new ones.
        if process.run(install, timeout=_INSTALL_TIMEOUT, check=False).returncode:
            process.run([*apt, "update"], timeout=_INSTALL_TIMEOUT)
            process.run(install, timeout=_INSTALL_TIMEOUT)
    except CommandError as error:
        raise LabError(f"Maven could not be installed: {error}", hint=_HINT) from error


def _privilege() -> list[str] | None:
    """What to put before a command to be root; None where root would ask for a password."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and not process.run(["sudo", "-n", "true"], check=False).returncode:
        return ["sudo", "-n"]
    return None


def _first_error(output: str) -> str:
    """Maven's first error line: the last ones only tell how to ask for more output."""
    plain = ESCAPE.sub("", output)
    errors = re.findall(r"^\[ERROR\](?: \[ERROR\])*+[ \t]*(\S.*)", plain, re.MULTILINE)
    return one_line(errors[0] if errors else plain.strip()[-FOREIGN:]) or "it said nothing"


def classes_in(tar: Path) -> frozenset[str]:
    """The class names in those jars of a plain tar that hold Kafka's tools."""
    found: set[str] = set()
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if _WITH_TOOLS.search(member.name) else None
            if content is not None:
                with zipfile.ZipFile(content) as jar:
                    found.update(jar.namelist())
    suffix = ".class"
    return frozenset(n.removesuffix(suffix).replace("/", ".") for n in found if n.endswith(suffix))


class _Shell(string.Template):
    """A template of a shell script, where `$` and a single `@` are the shell's own."""

    delimiter = "@@"


def wrappers(recipe: Path, classes: frozenset[str]) -> dict[str, bytes]:
    """The scripts of bin/ for the tools that are among `classes`, by path in the distribution."""
    with (recipe / "tools.toml").open("rb") as file:
        table = tomllib.load(file)
    made: dict[str, bytes] = {}
    for kind, fields in (("tool", _tool), ("server", _server), ("stop", _stop)):
        template = _Shell((recipe / "templates" / f"{kind}.sh").read_text())
        for name, entry in table[kind].items():
            cls = _present(entry["classes"], classes)
            if cls:
                made[f"bin/{name}.sh"] = template.substitute(fields(entry, cls)).encode()
    return made


def _present(candidates: Sequence[str], classes: frozenset[str]) -> str | None:
    return next((cls for cls in candidates if cls in classes), None)


def _tool(entry: Mapping[str, Any], cls: str) -> dict[str, str]:
    return {
        "cls": cls,
        "heap": entry.get("heap", "-Xmx256M"),
        "speed": "" if entry.get("steady") else _BRIEF,
        "first": "".join(f"{word} " for word in entry.get("first", ())),
    }


def _server(entry: Mapping[str, Any], cls: str) -> dict[str, str]:
    extra = entry["daemon"] + (" -loggc" if entry.get("gc_log") else "")
    return {
        "cls": cls,
        "heap": entry["heap"],
        "log4j": entry["log4j"],
        "takes": entry["takes"],
        "extra": extra,
    }


def _stop(entry: Mapping[str, Any], cls: str) -> dict[str, str]:
    return {"what": entry["what"], "pattern": cls.replace(".", "[.]")}
