"""Two runs on one lab from different state folders: the second says who holds it."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

import pytest

from scripts.errors import LockedError
from scripts.workstation.runlog import machine_lock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")

HOLD = """
import sys, time
from scripts.workstation.runlog import machine_lock
with machine_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_run_is_told_whose_process_has_the_lab() -> None:
    lab = f"lab-{uuid.uuid4()}"
    with machine_lock(lab):
        with machine_lock(f"{lab}2"):
            pass
        who = rf"process {os.getpid()} of \S+, from another"
        with pytest.raises(LockedError, match=who), machine_lock(lab):
            pytest.fail("both hold it")
    with machine_lock(lab):
        pass


def test_a_killed_run_leaves_no_lock() -> None:
    lab = f"lab-{uuid.uuid4()}"
    with subprocess.Popen([sys.executable, "-c", HOLD, lab], stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=f"process {holder.pid} "), machine_lock(lab):
            pytest.fail("both hold it")
        holder.kill()
        holder.wait()
        with machine_lock(lab):
            pass
