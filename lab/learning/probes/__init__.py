"""The probes that exercises name: each looks at facts, and says what it found.

A probe is a function of facts and the arguments that the exercise gives, registered by its name. It
returns a Finding: whether what is claimed is so, a state (one word, to which hints are bound), and
what was seen, by name, for the sentence in `lab/learning/seen.toml`. For a question `answer` is
among that. Every state that is not "ok" needs a sentence there; a test holds that. "ok" may have
one, where there is more to say than that it is so.
"""

from lab.learning.probes import (
    batches,
    certificates,
    connectors,
    failover,
    groups,
    logs,
    losses,
    mirrored,
    monitored,
    pipeline,
    producers,
    quorum,
    quotas,
    reads,
    rebalance,
    registered,
    releases,
    rights,
    shared,
    shares,
    topics,
    transactions,
)
from lab.learning.probes.finding import PROBES, Finding, look

__all__ = [
    "PROBES", "Finding", "batches", "certificates", "connectors", "failover", "groups", "logs",
    "look", "losses",
    "mirrored", "monitored", "pipeline", "producers", "quorum", "quotas", "reads", "rebalance",
    "registered", "releases", "rights", "shared", "shares",
    "topics", "transactions",
]
