"""A Java service: its unit, its log settings, its state. What ZooKeeper and Kafka share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.services.context import JAVA, KAFKA_USER, OPEN_FILES, UNIT_FOLDER, Context
from lab.state import Directory, File, HostState, Key, Resource, Unit, digest
from lab.templates import properties, render

DIGEST_OPTION = "-Dkafkalab.digest="


@dataclass(frozen=True)
class JavaService:
    """One service: its class, its settings and the directory that it alone writes."""

    name: str
    description: str
    documentation: str
    main_class: str
    config_path: str
    settings: Mapping[str, object]
    data: str
    heap_mb: int
    jvm_options: tuple[str, ...]
    loggers: Mapping[str, str]


def service_state(service: JavaService, context: Context) -> HostState:
    """Everything `service` needs of a host beside the distribution."""
    folder = f"/etc/{service.name}"
    log_path = f"{folder}/log4j.properties"
    files = {
        service.config_path: File(properties(service.settings)),
        log_path: File(render("log4j.properties.j2", level="INFO", loggers=service.loggers)),
    }
    def unit(value: str) -> str:
        # The class path is the distribution's own argument file: an explicit list in a fixed order,
        # as a class-data archive demands. An archive that is absent or does not fit is passed over.
        # The digest stands on the command line, which root may read in a container, unlike the
        # environment of another user's process.
        command = " ".join((
            JAVA, f"-Xms{service.heap_mb}m", f"-Xmx{service.heap_mb}m", *service.jvm_options,
            "-Xshare:auto", f"-XX:SharedArchiveFile={context.home}/cds/{service.name}.jsa",
            f"-Dlog4j.configuration=file:{log_path}", f"{DIGEST_OPTION}{value}",
            f"@{context.home}/classpath.args", service.main_class, service.config_path,
        ))
        return render(
            "java.service.j2", description=service.description, command=command,
            documentation=service.documentation, user=KAFKA_USER, directory=service.data,
            open_files=OPEN_FILES,
        )

    running = digest(unit(""), context.sha256, *(file.content for file in files.values()))
    state: dict[Key, Resource] = {
        Key("directory", folder): Directory(),
        Key("directory", "/data"): Directory(),
        Key("directory", service.data): Directory(0o750, KAFKA_USER),
        Key("file", f"{UNIT_FOLDER}/{service.name}.service"): File(unit(running)),
        Key("unit", f"{service.name}.service"): Unit(running),
    }
    state.update({Key("file", path): file for path, file in files.items()})
    return state
