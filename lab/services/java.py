"""A process that is a JVM: its unit, its log, its settings, and where else people look for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.artifacts import Artifact
from lab.options.fixed import USER as LOGIN
from lab.services.context import JAVA, LANG, OPEN_FILES, UNIT_FOLDER, Context
from lab.services.service import Extension
from lab.state import (
    Directory,
    File,
    HostState,
    Key,
    Link,
    Member,
    Resource,
    Unit,
    User,
    digest,
)
from lab.templates import properties, render

USER = "kafka"
DIGEST_OPTION = "-Dkafkalab.digest="
JVM_MB = 110  # resident size beside the heap, measured on running hosts
LOGS = "/var/log/kafka"
LOG4J, LOG4J_OPTION = "log4j.properties.j2", "-Dlog4j.configuration=file:"
LOG4J2, LOG4J2_OPTION = "log4j2.yaml.j2", "-Dlog4j2.configurationFile="
LOG_MB, OLDER_LOGS = 10, 1  # of each process: so much, and as much again of what was before
EDITED = """\
# Written by kafkalab. What is changed here counts from the service's next restart to the next
# `fab up`, which writes the file anew; in the lab file it lasts.
"""


@dataclass(frozen=True)
class Java:
    """One JVM: its class, its settings and the directory that it alone writes.

    `log`: its log file, in LOGS. `known_as`: other names of its unit. `links`: where else people
    look for its files, as path to file.
    `prepare`: command lines that systemd runs before each start, as the process's own user (for
    formatting a disk, say). Each has to be harmless when it is run again. `besides`: other software
    that it loads. `files`: others that it reads, by path.
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
    log: str
    known_as: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    prepare: tuple[str, ...] = ()
    besides: tuple[Artifact, ...] = ()
    files: Mapping[str, File] = field(default_factory=dict)

    def state(self, context: Context, extension: Extension) -> HostState:
        """Everything it needs of a host beside the artifacts."""
        folder, home = f"/etc/{self.name}", self.artifact.home
        log_path, template, log_option = log_settings(self.name, self.artifact), LOG4J, LOG4J_OPTION
        if self.artifact.log4j2:
            template, log_option = LOG4J2, LOG4J2_OPTION
        files = {
            self.config_path: File(EDITED + properties(self.settings)),
            log_path: File(EDITED + render(
                template, level="INFO", loggers=self.loggers,
                file=f"{LOGS}/{self.log}", max_mb=LOG_MB, older=OLDER_LOGS,
            )),
            **extension.files,
            **self.files,
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
                f"{log_option}{log_path}", f"{DIGEST_OPTION}{value}",
                f"@{home}/classpath.args", self.main_class, self.config_path,
            ))
            return render(
                "java.service.j2", description=self.description, command=command,
                documentation=self.documentation, user=USER, directory=self.data,
                open_files=OPEN_FILES, prepare=self.prepare, lang=LANG,
            )

        software = [context.digest(one) for one in (
            self.artifact, *self.besides, *extension.artifacts,
        )]
        running = digest(unit(""), *software, *(file.content for file in files.values()))
        unit_key = Key("file", f"{UNIT_FOLDER}/{self.name}.service")
        paths = (*(Key("file", path) for path in files), unit_key)
        state: dict[Key, Resource] = {
            **logs(self.artifact),
            Key("directory", folder): Directory(),
            Key("directory", "/data"): Directory(),
            Key("directory", self.data): Directory(0o750, USER),
            unit_key: File(unit(running)),
            Key("unit", f"{self.name}.service"): Unit(running, files=paths),
        }
        state.update({Key("file", path): file for path, file in files.items()})
        state.update({
            Key("link", f"{UNIT_FOLDER}/{name}.service"): Link(unit_key.name)
            for name in self.known_as
        })
        state.update({Key("link", path): Link(file) for path, file in self.links.items()})
        return state


def log_settings(name: str, artifact: Artifact) -> str:
    """Where a JVM's logging is set."""
    return f"/etc/{name}/{logging_file(artifact)}"


def logging_file(artifact: Artifact) -> str:
    """What the settings of logging are called, also in the artifact's own config/."""
    return "log4j2.yaml" if artifact.log4j2 else "log4j.properties"


def logs(artifact: Artifact) -> HostState:
    """Where Kafka's scripts put logs, and people read them: whoever logs in is in the group.

    The same group lets them read the data, which nobody else may.
    """
    return {
        Key("user", USER): User(home="/nonexistent"),
        Key("member", USER): Member(LOGIN),
        Key("directory", LOGS): Directory(0o750, USER),
        Key("link", f"{artifact.home}/logs"): Link(LOGS),
    }
