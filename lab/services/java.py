"""A process that is a JVM: its unit, its log settings, its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.artifacts import Artifact
from lab.services.context import JAVA, OPEN_FILES, UNIT_FOLDER, Context
from lab.services.service import Extension
from lab.state import Directory, File, HostState, Key, Resource, Unit, User, digest
from lab.templates import properties, render

USER = "kafka"
DIGEST_OPTION = "-Dkafkalab.digest="
JVM_MB = 110  # resident size beside the heap, measured on running hosts


@dataclass(frozen=True)
class Java:
    """One JVM: its class, its settings and the directory that it alone writes.

    `prepare`: command lines that systemd runs before each start, as the process's own user (for
    formatting a disk, say). Each has to be harmless when it is run again.
    """

    name: str
    description: str
    documentation: str
    artifact: Artifact
    main_class: str
    config_path: str
    settings: Mapping[str, object]
    data: str
    heap_mb: int
    jvm_options: tuple[str, ...]
    loggers: Mapping[str, str]
    prepare: tuple[str, ...] = ()

    def state(self, context: Context, extension: Extension) -> HostState:
        """Everything it needs of a host beside the artifacts."""
        folder, home = f"/etc/{self.name}", self.artifact.home
        log_path = f"{folder}/log4j.properties"
        files = {
            self.config_path: File(properties(self.settings)),
            log_path: File(render("log4j.properties.j2", level="INFO", loggers=self.loggers)),
            **extension.files,
        }

        def unit(value: str) -> str:
            # The class path comes from a file in the artifact: a class-data archive demands an
            # explicit list in a fixed order. The JVM ignores an archive that is missing or does not
            # fit. The digest is on the command line because root in a container may read that, but
            # not the environment of another user's process.
            command = " ".join((
                JAVA, f"-Xms{self.heap_mb}m", f"-Xmx{self.heap_mb}m", *self.jvm_options,
                *extension.options,
                "-Xshare:auto", f"-XX:SharedArchiveFile={home}/cds/{self.name}.jsa",
                f"-Dlog4j.configuration=file:{log_path}", f"{DIGEST_OPTION}{value}",
                f"@{home}/classpath.args", self.main_class, self.config_path,
            ))
            return render(
                "java.service.j2", description=self.description, command=command,
                documentation=self.documentation, user=USER, directory=self.data,
                open_files=OPEN_FILES, prepare=self.prepare,
            )

        software = [context.digest(one) for one in (self.artifact, *extension.artifacts)]
        running = digest(unit(""), *software, *(file.content for file in files.values()))
        unit_key = Key("file", f"{UNIT_FOLDER}/{self.name}.service")
        paths = (*(Key("file", path) for path in files), unit_key)
        state: dict[Key, Resource] = {
            Key("user", USER): User(home="/nonexistent"),
            Key("directory", folder): Directory(),
            Key("directory", "/data"): Directory(),
            Key("directory", self.data): Directory(0o750, USER),
            unit_key: File(unit(running)),
            Key("unit", f"{self.name}.service"): Unit(running, files=paths),
        }
        state.update({Key("file", path): file for path, file in files.items()})
        return state
