"""Share groups (KIP-932), which librdkafka's client for administration does not see."""

from __future__ import annotations

from collections.abc import Sequence

from lab.endpoint import Endpoint
from scripts.clients.brokers import Client

BEGINS = "share.auto.offset.reset"  # where a share group begins in a topic
DELETED = "OK"


class Sharing:
    """The share groups of one cluster. Keeps connections: `close` it. Its functions raise one of
    `scripts.clients.brokers.unanswered()`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._client = Client(endpoint)

    def close(self) -> None:
        self._client.close()

    def there(self, groups: Sequence[str]) -> list[str]:
        """Those of some groups that the cluster knows."""
        found = self._client.ask(lambda admin: admin.list_groups(types_filter=["share"]))
        known = {one["group_id"] for one in found}
        return [one for one in groups if one in known]

    def delete(self, groups: Sequence[str]) -> list[str]:
        """Those of some groups that could be deleted: nobody was in them."""
        found = self._client.ask(lambda admin: admin.delete_groups(list(groups)))
        return [name for name, said in found.items() if said == DELETED]

    def forget_beginnings(self, groups: Sequence[str]) -> None:
        """Take away what was set of where groups begin; it outlives them."""
        from kafka.admin import ConfigResource, ConfigResourceType  # noqa: PLC0415 - 0.2 s

        resources = [ConfigResource(ConfigResourceType.GROUP, one, {BEGINS: None})
                     for one in groups]
        # The client knows no settings of groups.
        self._client.ask(lambda admin: admin.reset_configs(resources, raise_on_unknown=False))
