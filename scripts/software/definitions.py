"""Kafka's own definitions of its settings, as the table that the lab file is checked against.

`make settings` writes lab/settings/KIND.json anew: the settings of the newest version that the lab
file accepts, and what differs in the others. They come out of Kafka's jars by a small Java program
(java/Definitions.java), which a JDK of 11 or newer runs from its source.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab import artifacts
from lab.settings.definitions import FOLDER
from lab.versions import VERSIONS
from scripts.software.obtain import Obtained, obtain
from scripts.workstation import process

PROGRAM = Path(__file__).parent / "java" / "Definitions.java"
# A brief program: it ends before a second compiler or more threads have paid for themselves.
BRIEF = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
Settings = Mapping[str, Mapping[str, Any]]


def defined(obtained: Obtained) -> dict[str, Settings]:
    """What one version of Kafka defines: by kind and by name. Raises CommandError."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(obtained.tar) as tar:
            tar.extractall(folder, filter="data", members=(
                member for member in tar if member.name.endswith(".jar")
            ))
        libs = f"{folder}/{obtained.artifact.folder}/libs/*"
        done = process.run(
            ["java", *BRIEF, "-cp", libs, str(PROGRAM)],
            hint="it takes a JDK, as in Debian's package openjdk-17-jdk-headless",
        )
    found: dict[str, Settings] = json.loads(done.stdout)
    return found


def tables(versions: Mapping[str, Mapping[str, Settings]]) -> dict[str, str]:
    """The text of each kind's table, from what each version defines, the newest first."""
    newest = next(iter(versions))
    return {
        f"{kind}.json": _table(settings, {
            version: _difference(settings, others.get(kind, {}))
            for version, others in versions.items()
        })
        for kind, settings in versions[newest].items()
    }


def _difference(newest: Settings, other: Settings) -> dict[str, Any]:
    """What another version has otherwise; None for a name that it does not know."""
    return {
        name: other.get(name) for name in sorted(newest.keys() | other.keys())
        if newest.get(name) != other.get(name)
    }


def _table(settings: Settings, versions: Mapping[str, Any]) -> str:
    """A line for each setting, so that a new version shows as what it changes."""
    return "".join((
        '{\n "settings": {\n', _lines(settings, "  "), '\n },\n "versions": {\n',
        _lines(versions, "  "), "\n }\n}\n",
    ))


def _lines(entries: Mapping[str, Any], margin: str) -> str:
    return ",\n".join(
        f"{margin}{json.dumps(name)}: {json.dumps(entries[name])}" for name in entries
    )


def main(versions: Sequence[str] = VERSIONS) -> None:
    found = {version: defined(obtain(artifacts.kafka(version))) for version in versions}
    for name, text in tables(found).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"{name} written")


if __name__ == "__main__":
    main()
