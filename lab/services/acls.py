"""The authorizer of brokers and controllers, and whom it never refuses anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.problems import Problem
from lab.services import secured
from lab.versions import KRAFT

if TYPE_CHECKING:
    from lab.model import Lab

AUTHORIZER, SUPER = "authorizer.class.name", "super.users"
OF_ZOOKEEPER = "kafka.security.authorizer.AclAuthorizer"
OF_KRAFT = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
# Brokers, controllers and the lab's own clients: where listeners ask nobody for a name, and where
# they do. Both at any time, since brokers go from one to the other one after the other.
NAMELESS = "User:ANONYMOUS"
LABS = (NAMELESS, f"User:{secured.LABS}")


def settings(lab: Lab, keeps: str) -> dict[str, object]:
    """What a broker or a controller has that keeps its metadata so; those that [kafka.config] names
    as super users are some, too."""
    if not lab.security.acls:
        return {}
    more = str(lab.kafka.config.get(SUPER, ""))
    return {
        AUTHORIZER: OF_KRAFT if keeps == KRAFT else OF_ZOOKEEPER,
        SUPER: ";".join(filter(None, (*LABS, more))),
    }


def findings(lab: Lab) -> Iterator[Problem]:
    if lab.security.acls and AUTHORIZER in lab.kafka.config:
        yield Problem(
            f"kafka.config.{AUTHORIZER}", repr(lab.kafka.config[AUTHORIZER]),
            "decided by the lab, with acls = true in [security]; accepted: one of the two",
        )


def advice(lab: Lab) -> Iterator[Problem]:
    """What nobody is refused although it looks so."""
    if lab.security.acls:
        yield Problem(
            "security.acls", "true",
            f"whoever says no name is {NAMELESS}, as the brokers and the lab itself are, and may "
            "do everything; only who proves a name to a listener that asks for one is refused "
            "anything"
        )
        return
    for index, one in enumerate(lab.users, 1):
        if one.acls and not one.absent:
            yield Problem(f"users[{index}].acls", repr(one.name),
                          "nobody asks for them; accepted: with acls = true in [security]")
