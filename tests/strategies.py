"""Lab files that are right, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lab import state
from lab.file import parse
from lab.model import Lab
from lab.state import KINDS, HostState, Key

labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@st.composite
def lab_data(draw: st.DrawFn) -> dict[str, Any]:
    """The content of an acceptable lab file: 1 to 4 datacenters in networks of their own."""
    names = draw(st.lists(labels, min_size=1, max_size=4, unique=True))
    second = draw(st.lists(st.integers(0, 255), min_size=len(names), max_size=len(names),
                           unique=True))
    return {
        "name": draw(labels),
        "owner": draw(labels),
        "datacenters": [
            {
                "name": name,
                "cidr": f"10.{octet}.0.0/{draw(st.integers(16, 23))}",
                "zones": draw(st.integers(1, 3)),
                "control": draw(st.integers(0, 1)),
                "zookeeper": draw(st.integers(1, 7)),
                "kafka": draw(st.integers(1, 30)),
            }
            for name, octet in zip(names, second, strict=True)
        ],
    }


def labs() -> st.SearchStrategy[Lab]:
    return lab_data().map(lambda data: parse(data).lab)


text = st.text(max_size=12)
resources = st.one_of(
    st.builds(state.Package, text), st.builds(state.User, text),
    st.builds(state.Directory, st.integers(0, 0o777), text), st.builds(state.Link, text),
    st.builds(state.File, text, st.integers(0, 0o777), text), st.builds(state.Block, text),
    st.builds(state.Archive, text), st.builds(state.Sysctl, text, st.booleans()),
    st.builds(state.Firewall, text),
    st.builds(state.Unit, text, st.booleans(), st.booleans()),
    st.builds(state.Ability, st.just((Key("unit", "a"),)), st.booleans()),
)
keys = st.builds(Key, st.sampled_from(KINDS), st.text(max_size=3))


def host_states() -> st.SearchStrategy[HostState]:
    return st.dictionaries(keys, resources, max_size=8)
