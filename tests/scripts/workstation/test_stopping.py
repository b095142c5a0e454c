"""Ctrl-C once is a wish, twice an order."""

from __future__ import annotations

import os
import signal

import pytest

from scripts.workstation.stopping import SIGNALS, stoppable


@pytest.mark.parametrize("kind", SIGNALS)
def test_the_first_signal_asks_and_the_second_interrupts(kind: signal.Signals) -> None:
    before = signal.getsignal(kind)
    with pytest.raises(KeyboardInterrupt), stoppable() as asked:
        assert not asked.is_set()
        os.kill(os.getpid(), kind)
        assert asked.wait(5)
        os.kill(os.getpid(), kind)
        asked.wait(0.1)  # where Python looks whether a signal came
    assert signal.getsignal(kind) is before
