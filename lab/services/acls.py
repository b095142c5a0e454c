"""The authorizer of brokers and controllers, and whom it never refuses anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.listeners import KINDS
from lab.problems import Problem
from lab.services import secured
from lab.versions import KRAFT

if TYPE_CHECKING:
    from lab.model import Lab
    from lab.options.security import Security

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


def nameless(security: Security) -> tuple[str, ...]:
    """Those of the lab's listeners that ask nobody who he is."""
    return tuple(name for name in security.listeners
                 if not (KINDS[name].asks or KINDS[name].speaks.startswith("SASL_")))


def nobody(security: Security) -> bool:
    """Whether none of them does, so that nothing holds for anybody by his name."""
    return len(nameless(security)) == len(security.listeners)


def findings(lab: Lab) -> Iterator[Problem]:
    if lab.security.acls and AUTHORIZER in lab.kafka.config:
        yield Problem(
            f"kafka.config.{AUTHORIZER}", repr(lab.kafka.config[AUTHORIZER]),
            "decided by the lab, with acls = true in [security]; accepted: one of the two",
        )


def advice(lab: Lab) -> Iterator[Problem]:
    """What nobody is refused although it looks so."""
    if lab.security.acls and nobody(lab.security):
        yield Problem(
            "security.acls", "true",
            f"whoever says no name is {NAMELESS}, as the brokers and the lab itself are, and may "
            "do everything; no listener of this lab asks for one, so nobody is refused anything"
        )
    elif lab.security.acls and (unasked := nameless(lab.security)):
        yield Problem(
            "security.acls", "true",
            f"whoever takes the listener {' or '.join(unasked)} says no name, and may do "
            "everything; only who takes another one is refused anything"
        )
    if lab.security.acls:
        return
    for index, one in enumerate(lab.users, 1):
        if one.acls and not one.absent:
            yield Problem(f"users[{index}].acls", repr(one.name),
                          "nobody asks for them; accepted: with acls = true in [security]")
