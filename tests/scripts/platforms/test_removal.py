"""`destroy` takes what the lab made, and leaves what others made with its network or image."""

from __future__ import annotations

import pytest

from scripts.platforms.local import recipe
from tests.fake_engine import FakeContainer
from tests.local_bench import ENGINES, Bench

NETWORK, IMAGE = "kafkalab-tiny", f"{recipe.REPOSITORY}/lab:tiny"


def guest(bench: Bench, network: str = NETWORK, image: str = "mine:1") -> FakeContainer:
    """Somebody's container. One of the lab's own image inherits its label."""
    labels = {"kafkalab.lab": "tiny"} if image == IMAGE else {}
    found = FakeContainer(
        "id-guest", "guest", labels, ["--network", network, image, "bash"],
    )
    bench.fake.containers["guest"] = found
    return found


@ENGINES
def test_a_guest_on_the_network_is_named_and_the_rest_is_removed(bench: Bench) -> None:
    bench.local().create({})
    guest(bench)
    removed = bench.local().destroy()
    assert list(bench.fake.containers) == ["guest"] and IMAGE not in bench.fake.images
    assert f"network {NETWORK}" not in removed and "container guest" not in removed
    assert bench.local().leftovers() == [f"network {NETWORK}"]
    (kept,) = bench.local().kept()
    assert kept.where == f"network {NETWORK}"
    assert kept.what == "used by guest, not the lab's, so left alone"
    assert f"{bench.fake.name} network disconnect {NETWORK} guest" in kept.hint
    assert not (bench.state / "id_ed25519").exists(), "no host is left to be entered"


@ENGINES
@pytest.mark.parametrize("network", [NETWORK, "podman"])
def test_a_guest_made_from_the_labs_image_is_not_taken_for_a_host(
    bench: Bench, network: str
) -> None:
    """It has the lab's label, and `rmi --force` would end it with the image."""
    bench.local().create({})
    guest(bench, network, IMAGE)
    assert "container guest" not in bench.local().leftovers()
    bench.local().destroy()
    assert list(bench.fake.containers) == ["guest"] and IMAGE in bench.fake.images
    kept = bench.local().kept()
    assert {one.where for one in kept} == set(bench.local().leftovers())
    assert {one.hint for one in kept} == {
        f"`{bench.fake.name} rm --force guest`, then `fab down` again"
    }
    del bench.fake.containers["guest"]
    bench.local().destroy()
    assert bench.local().leftovers() == []


@ENGINES
def test_an_image_that_somebody_made_from_the_labs_own_stays(bench: Bench) -> None:
    bench.local().create({})
    bench.fake.images["mine:1"] = {"kafkalab.lab": "tiny"}
    bench.local().destroy()
    assert "mine:1" in bench.fake.images and IMAGE not in bench.fake.images
    assert bench.local().leftovers() == []


@ENGINES
def test_a_lab_is_made_again_on_the_network_that_was_left(bench: Bench) -> None:
    bench.local().create({})
    guest(bench)
    bench.local().destroy()
    assert list(bench.local().create({})) == ["kafka1", "kafka2", "kafka3"]
