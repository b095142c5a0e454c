"""The tasks, one module a noun. What a task does is in the rooms below this one.

A task imports what it needs when it runs, so that `fab --list` and every other task stay quick: the
bodies here are the only place where that is the rule and not the exception.
"""

from invoke import Collection

from scripts.tasks import tf
from scripts.tasks.aws import audit, backend, cost, extend, preflight
from scripts.tasks.drills import DRILL
from scripts.tasks.inspect import logs, ssh, status, verify
from scripts.tasks.mirrors import CONNECT, MIRROR
from scripts.tasks.services import TASKS
from scripts.tasks.whole import down, plan, start, stop, up

ALL = (
    up, plan, *TASKS, verify, status, ssh, logs, down,
    preflight, cost, audit, backend, extend, Collection("lab", stop, start),
    CONNECT, MIRROR, DRILL,
    Collection.from_module(tf),
)
