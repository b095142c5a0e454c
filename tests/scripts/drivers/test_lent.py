"""What holds connections: for one use, or for all until one fails."""

from __future__ import annotations

import pytest

from scripts.drivers.lent import Lent


class Connection:
    """Counts those that were made; closed once, and not used any more then."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.open = True

    def close(self) -> None:
        assert self.open
        self.open = False


@pytest.fixture(autouse=True)
def _none_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "made", 0)


@pytest.mark.parametrize(("lasting", "made"), [(False, 3), (True, 1)])
def test_it_is_kept_for_who_goes_on_looking(lasting: bool, made: int) -> None:
    lent = Lent(lasting=lasting)
    for _ in range(3):
        with lent("a", Connection) as one:
            assert one.open
        assert one.open is lasting
    assert Connection.made == made
    with lent("b", Connection) as other:
        assert other is not one, "another name, another connection"
    lent.close()
    assert not one.open and not other.open
    with lent("a", Connection) as again:
        assert again.open and again is not one


def test_one_that_failed_is_not_used_again() -> None:
    lent = Lent(lasting=True)
    with pytest.raises(OSError), lent("a", Connection) as failed:
        raise OSError
    assert not failed.open
    with lent("a", Connection) as one:
        assert one.open
    lent.close()
