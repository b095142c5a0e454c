"""A process that is no JVM: any program that stays in the foreground."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.services.context import LANG, OPEN_FILES, UNIT_FOLDER, Context
from lab.services.service import Extension
from lab.state import RUNNING, Directory, File, HostState, Key, Resource, Unit, User, digest
from lab.templates import render

PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]+")


@dataclass(frozen=True)
class Daemon:
    """One program: its command line, the files that it reads, the directory that it alone writes.

    command: the program's path and its arguments; systemd expands nothing in them.
    files: by path. user: a system user for this program alone, created if need be.
    prepare: command lines that systemd runs before each start, as that user; they must do no harm
    when run again. software: digests of other things that it runs, such as an artifact
    (`context.digest`).
    """

    name: str
    description: str
    documentation: str
    command: tuple[str, ...]
    data: str
    user: str
    files: Mapping[str, File] = field(default_factory=dict)
    prepare: tuple[str, ...] = ()
    software: tuple[str, ...] = ()

    def state(self, context: Context, extension: Extension) -> HostState:
        """Everything it needs of a host. `extension` is for JVMs and has to be empty here."""
        del context
        if extension != Extension():
            raise ValueError(f"{self.name} is no JVM that could be extended")

        def unit(value: str) -> str:
            # systemd notes the digest before each start, so the note tells which configuration the
            # process was started with, even if the files have changed since.
            return render(
                "daemon.service.j2", description=self.description, digest=value,
                documentation=self.documentation, user=self.user, directory=self.data,
                command=_escaped(self.command), prepare=self.prepare, notes=RUNNING,
                open_files=OPEN_FILES, lang=LANG,
            )

        running = digest(
            unit(""), *self.software,
            *(part for path, file in sorted(self.files.items()) for part in (path, file.content)),
        )
        unit_key = Key("file", f"{UNIT_FOLDER}/{self.name}.service")
        paths = (*(Key("file", path) for path in self.files), unit_key)
        state: dict[Key, Resource] = {
            Key("user", self.user): User(home="/nonexistent"),
            Key("directory", "/data"): Directory(),
            Key("directory", self.data): Directory(0o750, self.user),
            unit_key: File(unit(running)),
            Key("unit", f"{self.name}.service"): Unit(running, files=paths),
        }
        state.update({Key("file", path): file for path, file in self.files.items()})
        return state


def _escaped(command: tuple[str, ...]) -> str:
    """A command line in which systemd takes nothing for its own (systemd.service(5), "Quoting")."""
    return " ".join(
        word if PLAIN.fullmatch(word) else '"{}"'.format(
            word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
        )
        for word in command
    )
