"""The topics in which a schema registry keeps what it knows: looked at, and put right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.counted import counted
from lab.services.schemas import topic_settings, topics
from lab.services.topics import replication
from scripts.clients.kafka import client_settings, settle
from scripts.clients.records import ends
from scripts.drivers.driver import Site
from scripts.errors import LabError, one_line

REQUEST_SECONDS = 30.0
LOOK_SECONDS = 3.0


@dataclass(frozen=True)
class Kept:
    """One topic as it is: replicas of its one partition, records, and the settings that differ from
    what they have to be, with what they are."""

    replicas: int
    in_sync: int
    records: int
    wrong: Mapping[str, str]


class Journal:
    """Those of one datacenter."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.names = topics(site.lab, site.name)
        self.settings = topic_settings(site.lab, site.datacenter)
        self.least = replication(site.lab, site.datacenter)[1]

    @property
    def name(self) -> str:
        """The journal itself."""
        return self.names[0]

    def look(self) -> dict[str, Kept]:
        """Those that are there, by name. Raises LabError where no broker answers."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms
        from confluent_kafka.admin import ConfigResource, ResourceType  # noqa: PLC0415 - 50 ms

        admin, where = self.site.kafka.admin, self.site.name
        try:
            there = admin.list_topics(timeout=LOOK_SECONDS).topics
        except KafkaException as error:
            raise LabError(one_line(error), where=where) from error
        names = [name for name in self.names if name in there]
        if not names:
            return {}
        answers = admin.describe_configs(
            [ConfigResource(ResourceType.TOPIC, name) for name in names],
            request_timeout=REQUEST_SECONDS,
        )
        settle(answers, where)
        found = {resource.name: future.result() for resource, future in answers.items()}
        return {name: self._kept(name, there[name], found[name]) for name in names}

    def _kept(self, name: str, topic: Any, settings: Mapping[str, Any]) -> Kept:
        wrong = {
            key: str(settings[key].value) for key, value in self.settings.items()
            if str(settings[key].value) != value
        }
        parts = topic.partitions.values()
        replicas, in_sync = (min(len(getattr(part, what)) for part in parts)
                             for what in ("replicas", "isrs"))
        return Kept(replicas, in_sync, self._records(name), wrong)

    def _records(self, name: str) -> int:
        from confluent_kafka import Consumer, KafkaException, TopicPartition  # noqa: PLC0415 - 50 ms

        consumer = Consumer(client_settings(
            self.site.kafka.endpoint, **{"group.id": "kafkalab-reader"}
        ))
        try:
            low, high = ends(consumer, TopicPartition(name, 0))
        except KafkaException as error:
            raise LabError(f"{name}: {one_line(error)}", where=self.site.name) from error
        finally:
            consumer.close()
        return high - low

    def problems(self) -> tuple[str, ...]:
        """What is wrong with them, in words."""
        try:
            found = self.look()
        except LabError as error:
            return (f"the registry's topics cannot be looked at: {error.what}",)
        return tuple(self._problems(found))

    def _problems(self, found: Mapping[str, Kept]) -> Iterator[str]:
        for name in self.names:
            kept = found.get(name)
            if kept is None:
                yield f"topic {name} of the registry is missing" + (
                    ": what is registered is gone when the registry restarts"
                    if name == self.name else "; run `fab registry`"
                )
                continue
            for key, value in kept.wrong.items():
                yield (f"topic {name} of the registry has {key} = {value} instead of "
                       f"{self.settings[key]}; run `fab up`")
            if kept.in_sync < self.least:
                yield (f"topic {name} of the registry has {counted(kept.in_sync, 'replica')} in "
                       f"sync, and {self.least} are needed to register a schema")

    def lines(self) -> tuple[str, ...]:
        """What `mend` would do, for `plan`; nothing where no broker answers."""
        return tuple(
            f"~ topic {name} of {self.site.name}: {key}: {value} -> {self.settings[key]}"
            for name, kept in self.found().items() for key, value in kept.wrong.items()
        )

    def mend(self) -> int:
        """Give them the settings that they have to have; how many topics lacked some."""
        from confluent_kafka.admin import (  # noqa: PLC0415 - 50 ms
            AlterConfigOpType,
            ConfigEntry,
            ConfigResource,
            ResourceType,
        )

        wrong = {name: kept.wrong for name, kept in self.look().items() if kept.wrong}
        if wrong:
            settle(self.site.kafka.admin.incremental_alter_configs([
                ConfigResource(ResourceType.TOPIC, name, incremental_configs=[
                    ConfigEntry(key, self.settings[key],
                                incremental_operation=AlterConfigOpType.SET) for key in keys
                ]) for name, keys in wrong.items()
            ], request_timeout=REQUEST_SECONDS), self.site.name)
        return len(wrong)

    def found(self) -> dict[str, Kept]:
        """Those that are there; none where no broker answers."""
        try:
            return self.look()
        except LabError:
            return {}
