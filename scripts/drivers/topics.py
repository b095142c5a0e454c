"""The topics of the lab file in a cluster, and the record of those that the lab made.

A topic that is not in the record (scripts.drivers.record) is somebody's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.resources import (
    TOPIC,
    Change,
    ClusterState,
    Found,
    Topic,
    compare,
    lines,
)
from lab.state import Key
from scripts.clients.kafka import describe, make_topics, settle
from scripts.drivers.driver import Differences, Site, Tell
from scripts.drivers.record import Record
from scripts.errors import LabError, TimeoutExpired, one_line
from scripts.workstation.waiting import wait_until

REQUEST_SECONDS = 30.0
KNOWN_SECONDS = 10.0


class Topics:
    """What [[topics]] says about one cluster, made so."""

    def __init__(self, site: Site) -> None:
        self.site, self.cluster, self.record = site, site.kafka, Record(site)

    def differences(self, wanted: ClusterState, *, there: bool) -> Differences:
        """What `reconcile` would do, and what would be refused of it, by us or by Kafka."""
        wanted = _topics(wanted)
        if not wanted:
            return Differences(at_rest=True)
        well = False
        try:
            if not there:
                raise LabError("not made yet", where=self.site.name)
            well = not describe(self.cluster.view(), self.cluster.expected)
            plan = compare(self.found(wanted), wanted)
            refused = [line for change in plan.changes for line in self._tried(change)]
        except LabError:  # no broker answers yet: all of them are to be made
            plan, refused = compare({}, wanted), []
        where = f"{self.site.name}: "
        refused = [where + text for text in (*map(str, plan.refusals), *refused)]
        return Differences(tuple(lines(plan, self.site.name)), tuple(refused), at_rest=well)

    def reconcile(self, wanted: ClusterState, tell: Tell) -> int:
        """Make, change and remove topics; how many. Raises LabError for what is refused."""
        wanted = _topics(wanted)
        if not wanted:
            return 0
        tell("topics")
        self.cluster.wait_healthy()
        plan = compare(self.found(wanted), wanted)
        refused = [str(refusal) for refusal in plan.refusals]
        for change in plan.changes:
            tell(f"topic {change.key.name}")
            try:
                self._apply(change)
            except LabError as error:
                refused.append(f"{change.key}: {error.what}")
        if refused:
            raise LabError("; ".join(refused), where=self.site.name)
        return len(plan.changes)

    def found(self, wanted: ClusterState) -> dict[Key, Found]:
        """Those of the wanted topics that are there, with what the lab has to do with them."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        record = self.record.read()
        try:
            metadata = self.cluster.admin.list_topics(timeout=10).topics
        except KafkaException as error:
            raise LabError(one_line(error), where=self.site.name) from error
        names = [key.name for key in wanted if key.name in metadata]
        settings = self._settings(names)
        result = {}
        for name in names:
            want = wanted[Key(TOPIC, name)]
            asked = want.config if isinstance(want, Topic) else {}
            set_before = record[name].config if name in record else ()
            shown = {
                key: entry.value for key, entry in settings[name].items()
                # Of what the lab set once, only what is still set; of what is wanted, all.
                if key in asked or (key in set_before and not entry.is_default)
            }
            partitions = metadata[name].partitions
            found = Topic(len(partitions), len(partitions[0].replicas), shown)
            result[Key(TOPIC, name)] = Found(found, ours=name in record)
        return result

    def _settings(self, names: list[str]) -> dict[str, Any]:
        """Every setting of each topic, by name, as Kafka tells it."""
        from confluent_kafka.admin import ConfigResource, ResourceType  # noqa: PLC0415 - 50 ms

        if not names:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        futures = self.cluster.admin.describe_configs(resources, request_timeout=REQUEST_SECONDS)
        settle(futures, self.site.name)
        return {resource.name: future.result() for resource, future in futures.items()}

    def _tried(self, change: Change) -> list[str]:
        """What Kafka says against a change that it only validates."""
        try:
            self._request(change, validate=True)
        except LabError as error:
            return [f"{change.key}: {error.what}"]
        return []

    def _apply(self, change: Change) -> None:
        """Make one change. The record comes first: after a cut-off the topic is still the lab's."""
        name = change.key.name
        if change.after is None:
            self._request(change)
            self.record.note(name, None)
            return
        before = change.before.config.keys() if change.before else set()
        self.record.note(name, {*before, *change.after.config})
        self._request(change)
        if before - change.after.config.keys():
            self.record.note(name, change.after.config)

    def _request(self, change: Change, *, validate: bool = False) -> None:
        """Ask the cluster for a change; with `validate` it only says what it thinks of it."""
        from confluent_kafka.admin import NewPartitions, NewTopic  # noqa: PLC0415 - 50 ms

        admin, name = self.cluster.admin, change.key.name
        before, after = change.before, change.after
        seconds: dict[str, Any] = {"request_timeout": REQUEST_SECONDS}
        if not isinstance(after, Topic):
            if not validate:
                settle(admin.delete_topics([name], operation_timeout=30, **seconds), self.site.name)
            return
        seconds["validate_only"] = validate
        if not isinstance(before, Topic):
            topic = NewTopic(name, after.partitions or -1, after.replicas or -1,
                             config=dict(after.config))
            if make_topics(admin, [topic], self.site.name, **seconds) and not validate:
                self._expect(change.key, after)
            return
        if after.partitions is not None and after.partitions != before.partitions:
            more = NewPartitions(name, after.partitions)
            settle(admin.create_partitions([more], operation_timeout=30, **seconds), self.site.name)
        if before.config != after.config:
            settle(admin.incremental_alter_configs(
                [_altered(name, before.config, after.config)], **seconds
            ), self.site.name)

    def _expect(self, key: Key, want: Topic) -> None:
        """Look whether a topic that is there suddenly is the one that was asked for. Raises
        LabError where it is another one, which is not the lab's then."""
        def as_asked() -> bool:
            # A broker learns of partitions, replicas and settings one after the other.
            plan = compare(self.found({key: want}), {key: want})
            return not plan.changes and not plan.refusals

        try:
            wait_until(as_asked, timeout=KNOWN_SECONDS)
        except TimeoutExpired:
            self.record.note(key.name, None)
            raise LabError("somebody has made it meanwhile, and otherwise",
                           where=self.site.name) from None


def _topics(wanted: ClusterState) -> ClusterState:
    return {key: want for key, want in wanted.items() if key.kind == TOPIC}


def _altered(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> Any:
    """The settings of a topic that change, as Kafka's request has them."""
    from confluent_kafka.admin import (  # noqa: PLC0415 - 50 ms
        AlterConfigOpType,
        ConfigEntry,
        ConfigResource,
        ResourceType,
    )

    steps = [
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        for key, value in sorted(after.items()) if before.get(key) != value
    ] + [
        ConfigEntry(key, None, incremental_operation=AlterConfigOpType.DELETE)
        for key in sorted(before.keys() - after.keys())
    ]
    return ConfigResource(ResourceType.TOPIC, name, incremental_configs=steps)
