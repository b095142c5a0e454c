"""The tasks, one module a noun. What a task does is in the modules beside this folder."""

from invoke import Collection

from scripts.tasks import tf
from scripts.tasks.inspect import logs, ssh, status, verify
from scripts.tasks.services import hosts, kafka, zookeeper
from scripts.tasks.whole import down, plan, up

ALL = (
    up, plan, hosts, zookeeper, kafka, verify, status, ssh, logs, down,
    Collection.from_module(tf),
)
