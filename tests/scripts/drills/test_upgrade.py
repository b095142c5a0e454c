"""When a drill brings a cluster to another version, and when it says why not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scripts.drills import upgrade as module
from scripts.drills.upgrade import upgrade
from scripts.errors import UsageError


def drill(leaving: dict[int, str], finalize: str = "auto") -> Any:
    kafka = SimpleNamespace(finalize=finalize)
    return SimpleNamespace(
        site=SimpleNamespace(leaving=leaving), datacenter=SimpleNamespace(name="dc1"),
        session=SimpleNamespace(topology=SimpleNamespace(config=SimpleNamespace(kafka=kafka))))


@pytest.mark.parametrize(("version", "left", "place", "said"), [
    ("3.9.2", "", drill({}), "dc1 runs Kafka 3.9.2, as its lab file says"),
    ("3.9.2", "3.8 to 3.9", drill({}, "by hand"), "as its lab file says"),
    ("3.8.1", "", drill({4: "ann-dc1-kafka04"}), "ann-dc1-kafka04 has to leave dc1 first"),
    ("3.8.1", "", drill({}), ""), ("3.9.2", "3.8 to 3.9", drill({}), ""),
])
def test_it_begins_where_there_is_something_to_do_and_nobody_has_to_leave(
    monkeypatch: pytest.MonkeyPatch, version: str, left: str, place: Any, said: str
) -> None:
    """A drill removes no broker, and a release is not finalised before one has left."""
    running = SimpleNamespace(several=(version,), wanted="3.9.2", left=left)
    monkeypatch.setattr(module, "_running", lambda _: running)
    if said:
        with pytest.raises(UsageError, match=said):
            upgrade(place)
    else:
        assert upgrade(place).text.startswith("Kafka ")
