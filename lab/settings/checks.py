"""Settings of the lab file against Kafka's own definitions, before a broker sees them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.problems import Problem
from lab.settings.definitions import Definition, Definitions, definitions

if TYPE_CHECKING:
    from lab.options.section import Setting

FREE = "x."  # names of no software: a place for what people's own plug-ins and scripts read
# AbstractConfig: where values come from that are written as ${PROVIDER:PATH:KEY}.
PROVIDERS = "config.providers"
VARIABLE = re.compile(r"\$\{[^}]+:[^}]*\}")
# What a listener may have otherwise than the broker, beside all of ssl.* and sasl.*
# (kafka.server.DynamicListenerConfig, and SocketServer, which asks for them with the prefix).
OF_LISTENERS = frozenset({
    "connections.max.reauth.ms", "max.connection.creation.rate", "max.connections",
    "num.network.threads", "principal.builder.class",
})
LISTENER = re.compile(r"listener\.name\.([^.]+)\.(.+)")
# kafka.security.authorizer.AclAuthorizer: its own connection to ZooKeeper, where that differs.
AUTHORIZER = "authorizer."
# Settings whose values are the prefixes of a plug-in's own settings (KIP-405).
PREFIXES = ("remote.log.storage.manager.impl.prefix", "remote.log.metadata.manager.impl.prefix")
MECHANISMS = ("gssapi", "oauthbearer", "plain", "scram-sha-256", "scram-sha-512")
LIKE, AS_LIKE = 0.7, 0.06  # ratios of difflib


def text_of(value: Setting) -> str:
    """A value as a properties file has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Settings:
    """The settings that one part of the lab file may have.

    whose: in words, "brokers". listeners: in lower case, those that may have settings of their own.
    unchecked: names, or beginnings with a *, that are let through. providers: whether values may
    stand elsewhere.
    """

    known: Definitions
    whose: str
    listeners: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    let_through: str = ""  # how a person asks for that
    providers: bool = False

    def problem(self, name: str, value: Setting) -> str:
        """What is wrong with a setting, in words; "" for nothing."""
        if name.startswith(FREE) or any(matches(one, name) for one in self.unchecked):
            return ""
        definition = self.definition(name)
        text = text_of(value)
        if definition is None:
            return self._unknown(name)
        if definition.fits(text) or (self.providers and VARIABLE.search(text)):
            return ""
        default = f"; the default is {definition.default}" if definition.default else ""
        return f"accepted: {definition.accepted(text)}{default}"

    def definition(self, name: str) -> Definition | None:
        """Kafka's definition of a setting, also of one with a prefix that Kafka knows."""
        if name in self.known:
            return self.known[name]
        if name == PROVIDERS or name.startswith(f"{PROVIDERS}."):
            return Definition(name, "string")
        if match := LISTENER.fullmatch(name):
            return self._of_listener(match[1], match[2])
        inner = name.removeprefix(AUTHORIZER)
        if inner != name and inner.startswith("zookeeper."):
            return self.known.get(inner)
        return None

    def _of_listener(self, listener: str, rest: str) -> Definition | None:
        """`rest` may begin with a SASL mechanism in lower case."""
        if listener not in self.listeners:
            return None
        for inner in (rest, rest.partition(".")[2]):
            if inner.startswith(("ssl.", "sasl.")) or inner in OF_LISTENERS:
                return self.known.get(inner)
        return None

    def _unknown(self, name: str) -> str:
        near = nearest(name, self._names(name))
        parts = [f"no setting of {self.whose}"]
        if near:
            parts.append(f"nearest: {', '.join(near)}")
        if self.let_through:
            parts.append(self.let_through)
        return "; ".join(parts)

    def _names(self, name: str) -> list[str]:
        """The names that `name` could be meant for."""
        if not (match := LISTENER.fullmatch(name)) or not self.listeners:
            return list(self.known)
        inner = [one for one in self.known
                 if one.startswith(("ssl.", "sasl.")) or one in OF_LISTENERS]
        mechanism = match[2].partition(".")[0]
        middles = ("", f"{mechanism}.") if mechanism in MECHANISMS else ("",)
        return [f"listener.name.{listener}.{middle}{one}"
                for listener in self.listeners for middle in middles for one in inner]


def matches(pattern: str, name: str) -> bool:
    """Whether a name is one of those that a pattern of `unchecked` stands for."""
    beginning = pattern.removesuffix("*")
    return name == pattern or (beginning != pattern and name.startswith(beginning))


def nearest(name: str, known: Collection[str]) -> list[str]:
    """Up to three known names that are like one: the likest, and what is as like as it."""
    found = difflib.get_close_matches(name, known, 3, LIKE)
    likeness = [difflib.SequenceMatcher(None, one, name).ratio() for one in found]
    return [one for one, like in zip(found, likeness, strict=True)
            if like >= max(likeness) - AS_LIKE]


def of_topics(version: str) -> Settings:
    return Settings(definitions("topics", version), f"Kafka {version}'s topics")


def of_brokers(
    version: str, config: Mapping[str, Setting], unchecked: tuple[str, ...],
    listeners: tuple[str, ...],
) -> Settings:
    """The settings that a broker with `config` may have."""
    known = definitions("brokers", version)
    prefixes = (text_of(config.get(name, known[name].default or "")) for name in PREFIXES)
    return Settings(
        known, f"Kafka {version}'s brokers", listeners,
        (*unchecked, *(f"{prefix}*" for prefix in prefixes if prefix)),
        let_through="if a plug-in's, name it in kafka.unchecked",
        providers=PROVIDERS in config,
    )


def findings(
    field: str, config: Mapping[str, Setting], *settings: Settings
) -> Iterator[Problem]:
    """What is wrong with the settings of one table of the lab file, which is called `field`.

    `settings`: those of each version that gets them; the first that does not take one tells.
    """
    for name, value in config.items():
        if why := next(filter(None, (one.problem(name, value) for one in settings)), ""):
            yield Problem(f"{field}.{name}", repr(value), why)
