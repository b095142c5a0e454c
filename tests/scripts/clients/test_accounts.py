"""What a user may do, as Kafka's own requests have it, and back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from hypothesis import given

from lab.rights import Right, right
from scripts.clients.accounts import Accounts, _binding, _right
from scripts.clients.kafka import Cluster
from scripts.errors import LabError
from tests.lab.test_rights import rights


@given(rights())
def test_a_right_is_a_binding_and_back(one: Right) -> None:
    binding = _binding("app", one)
    assert _right(binding) == one
    assert (binding.principal, binding.host) == ("User:app", "*")
    sieve = _binding("app", one, sieve=True)
    assert (sieve.name, sieve.operation) == (binding.name, binding.operation), "it alone"


def accounts(answer: Callable[[Future[Any]], None]) -> Accounts:
    def describe(sieve: Any, *, request_timeout: float) -> Future[Any]:
        assert sieve.principal is None and request_timeout > 0
        future: Future[Any] = Future()
        answer(future)
        return future

    cluster = SimpleNamespace(name="dc1", admin=SimpleNamespace(describe_acls=describe))
    return Accounts(cast("Cluster", cluster))


def other(**differs: Any) -> AclBinding:
    said = {
        "restype": ResourceType.TOPIC, "name": "t",
        "resource_pattern_type": ResourcePatternType.LITERAL, "principal": "User:app",
        "host": "*", "operation": AclOperation.READ, "permission_type": AclPermissionType.ALLOW,
    }
    return AclBinding(**{**said, **differs})


def test_what_the_lines_cannot_say_is_not_the_labs_to_look_at() -> None:
    found = accounts(lambda future: future.set_result([
        other(), other(host="10.0.0.1"), other(principal="Group:app"),
        other(principal="User:bob", permission_type=AclPermissionType.DENY),
    ])).rights()
    assert found == {"app": {right("read topic t")}, "bob": {right("deny read topic t")}}


@pytest.mark.parametrize(("code", "told"), [
    (KafkaError.SECURITY_DISABLED, False), (KafkaError.CLUSTER_AUTHORIZATION_FAILED, True),
])
def test_brokers_that_do_not_ask_yet_know_no_rights(code: int, told: bool) -> None:
    one = accounts(lambda future: future.set_exception(KafkaException(KafkaError(code))))
    if not told:
        assert one.rights() == {}
        return
    with pytest.raises(LabError):
        one.rights()
