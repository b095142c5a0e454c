"""The tasks, one module a noun. What a task does is in the rooms below this one.

A task imports what it needs when it runs, so that `fab --list` and every other task stay quick: the
bodies here are the only place where that is the rule and not the exception.
"""

from invoke import Collection

from scripts.tasks import tf
from scripts.tasks.aws import allow, audit, backend, cost, extend, preflight, tunnel
from scripts.tasks.balance import KAFKA
from scripts.tasks.client import client
from scripts.tasks.data import groups, records, topics
from scripts.tasks.drills import DRILL
from scripts.tasks.inspect import container, grep, logs, ssh, status, verify
from scripts.tasks.kraft import KRAFT
from scripts.tasks.learn import EXERCISE
from scripts.tasks.load import load
from scripts.tasks.mirrors import CONNECT, MIRROR
from scripts.tasks.monitoring import alerts, monitor
from scripts.tasks.picture import top, view
from scripts.tasks.registry import REGISTRY
from scripts.tasks.security import SECURITY
from scripts.tasks.services import TASKS
from scripts.tasks.sinks import SINK
from scripts.tasks.whole import down, plan, start, stop, up

ALL = (
    up, plan, *TASKS, KAFKA, KRAFT, verify, status, view, top, ssh, logs, grep, container,
    down, topics, groups, records, client, load, monitor, alerts,
    preflight, cost, audit, backend, extend, allow, tunnel, Collection("lab", stop, start),
    CONNECT, MIRROR, REGISTRY, SINK, SECURITY, DRILL, EXERCISE,
    Collection.from_module(tf),
)
