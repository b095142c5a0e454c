"""Users of a cluster as its brokers know them: that they have a password, quotas, and rights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, cast

from lab.endpoint import Endpoint
from lab.resources import CLIENT, USER
from lab.rights import CLUSTER, OPERATIONS, Right
from scripts.clients.brokers import Client, unanswered
from scripts.clients.kafka import Cluster, settle
from scripts.errors import LabError, one_line

REQUEST_SECONDS = 30.0
ENTITIES = {USER: "user", CLIENT: "client-id"}  # org.apache.kafka.common.quota.ClientQuotaEntity
ANY = 2  # DescribeClientQuotasRequest.json: entities with any name, but for the default
Quotas = dict[str, dict[str, float]]
PRINCIPAL, ANYWHERE = "User:", "*"
KINDS = {CLUSTER: "broker"}  # librdkafka's own word for it


class Accounts:
    """Those of one cluster. Every method raises LabError."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.where = cluster, cluster.name

    def passwords(self) -> dict[str, int]:
        """The users with a password for SCRAM-SHA-512, each with its rounds of hashing. More than
        that no broker tells."""
        from confluent_kafka.admin import ScramMechanism  # noqa: PLC0415 - 50 ms

        future = self.cluster.admin.describe_user_scram_credentials(
            None, request_timeout=REQUEST_SECONDS)
        said = cast("Future[Any]", future)  # one for all, since none is named
        settle({"users": said}, self.where)
        return {
            name: one.iterations for name, given in said.result().items()
            for one in given.scram_credential_infos
            if one.mechanism == ScramMechanism.SCRAM_SHA_512
        }

    def set_password(self, user: str, password: str, rounds: int) -> None:
        from confluent_kafka.admin import (  # noqa: PLC0415 - 50 ms
            ScramCredentialInfo,
            ScramMechanism,
            UserScramCredentialUpsertion,
        )

        self._alter(UserScramCredentialUpsertion(
            user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, rounds), password.encode()))

    def drop_password(self, user: str) -> None:
        from confluent_kafka.admin import (  # noqa: PLC0415 - 50 ms
            ScramMechanism,
            UserScramCredentialDeletion,
        )

        self._alter(UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512))

    def _alter(self, step: Any) -> None:
        settle(self.cluster.admin.alter_user_scram_credentials(
            [step], request_timeout=REQUEST_SECONDS), self.where)

    def rights(self) -> dict[str, set[Right]]:
        """What each user may do or may not, from any host, as far as the lab's lines can say it;
        nothing where brokers do not ask for it yet."""
        from confluent_kafka import KafkaError  # noqa: PLC0415 - 50 ms
        from confluent_kafka.admin import (  # noqa: PLC0415 - 50 ms
            AclBindingFilter,
            AclOperation,
            AclPermissionType,
            ResourcePatternType,
            ResourceType,
        )

        any_name: Any = None
        any_of_all = AclBindingFilter(
            ResourceType.ANY, any_name, ResourcePatternType.ANY, any_name, any_name,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        future = self.cluster.admin.describe_acls(any_of_all, request_timeout=REQUEST_SECONDS)
        settle({"acls": future}, self.where, but=(KafkaError.SECURITY_DISABLED,))
        if future.exception():
            return {}
        found: dict[str, set[Right]] = {}
        for one in future.result():
            user, right = one.principal.removeprefix(PRINCIPAL), _right(one)
            if right and user != one.principal and one.host == ANYWHERE:
                found.setdefault(user, set()).add(right)
        return found

    def grant(self, user: str, rights: Iterable[Right]) -> None:
        """Add to what a user may do or may not."""
        if bindings := [_binding(user, one) for one in rights]:
            settle(self.cluster.admin.create_acls(bindings, request_timeout=REQUEST_SECONDS),
                   self.where)

    def revoke(self, user: str, rights: Iterable[Right]) -> None:
        """Take exactly these away."""
        if filters := [_binding(user, one, sieve=True) for one in rights]:
            settle(self.cluster.admin.delete_acls(filters, request_timeout=REQUEST_SECONDS),
                   self.where)

    def quotas(self, kind: str) -> Quotas:
        """The quotas of all users (USER) or client ids (CLIENT) that have some of their own."""
        from kafka.protocol.admin import DescribeClientQuotasRequest  # noqa: PLC0415 - 0.2 s

        asked = DescribeClientQuotasRequest.ComponentData(
            entity_type=ENTITIES[kind], match_type=ANY, match=None)
        found = _ask(self.cluster.endpoint, self.where,
                     DescribeClientQuotasRequest(components=[asked], strict=True))
        _settled(found, self.where)
        return {
            one.entity[0].entity_name: {value.key: value.value for value in one.values}
            for one in found.entries or () if one.entity[0].entity_name is not None
        }

    def set_quotas(
        self, kind: str, name: str, quotas: Mapping[str, float | None], *, validate: bool = False
    ) -> None:
        """Set quotas of a user or a client id, and take those away that are None."""
        from kafka.protocol.admin import AlterClientQuotasRequest  # noqa: PLC0415 - 0.2 s

        entry = AlterClientQuotasRequest.EntryData
        request = AlterClientQuotasRequest(validate_only=validate, entries=[entry(
            entity=[entry.EntityData(entity_type=ENTITIES[kind], entity_name=name)],
            ops=[entry.OpData(key=key, value=float(value or 0), remove=value is None)
                 for key, value in sorted(quotas.items())],
        )])
        for one in _ask(self.cluster.endpoint, self.where, request).entries:
            _settled(one, self.where)


def _binding(user: str, right: Right, *, sieve: bool = False) -> Any:
    """A right as Kafka's requests have it; `sieve`: as the filter that finds it alone."""
    from confluent_kafka.admin import (  # noqa: PLC0415 - 50 ms
        AclBinding,
        AclBindingFilter,
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
    )

    return (AclBindingFilter if sieve else AclBinding)(
        ResourceType[_upper(KINDS.get(right.kind, right.kind))], right.name,
        ResourcePatternType.PREFIXED if right.prefix else ResourcePatternType.LITERAL,
        f"{PRINCIPAL}{user}", ANYWHERE, AclOperation[_upper(right.operation)],
        AclPermissionType.ALLOW if right.allowed else AclPermissionType.DENY,
    )


def _right(binding: Any) -> Right | None:
    """The right that a binding is; None for one that the lab's lines cannot say."""
    kinds = {_upper(KINDS.get(one, one)): one for one in OPERATIONS}
    kind = kinds.get(binding.restype.name)
    pattern = binding.resource_pattern_type.name
    if kind is None or pattern not in ("LITERAL", "PREFIXED"):
        return None
    return Right(kind, binding.name, binding.operation.name.lower().replace("_", "-"),
                 pattern == "PREFIXED", binding.permission_type.name == "ALLOW")


def _upper(word: str) -> str:
    return word.upper().replace("-", "_")


def _ask(endpoint: Endpoint, where: str, request: Any) -> Any:
    """A broker's answer, whichever it is. Raises LabError."""
    client = Client(endpoint, request_ms=int(REQUEST_SECONDS * 1000))
    try:
        return client.ask(lambda admin: admin._manager.run(admin._manager.send, request))
    except unanswered() as error:
        raise LabError(one_line(error), where=where, hint="see `fab status`") from error
    finally:
        client.close()


def _settled(answer: Any, where: str) -> None:
    if answer.error_code:
        from kafka.errors import for_code  # noqa: PLC0415 - 0.2 s

        raise LabError(one_line(answer.error_message or for_code(answer.error_code).__name__),
                       where=where)
