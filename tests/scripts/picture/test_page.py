"""The page of the picture: whole in one file, asking nobody but its own server."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bench.scene import Scene
from lab.picture.history import History
from lab.picture.snapshot import Group, Member, Snapshot
from scripts.picture.page import LOOK, MODULES, PAGE, policy, render

HISTORY = Scene(seconds=20, killed=5, back=15).history()
NAMES = {"lab": "kafkalab", "owner": "ann"}


class Elements(HTMLParser):
    """Every element with its attributes, and what stands in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and data.strip():
            self.scripts.append(data)


@pytest.mark.parametrize("run", ["", "r1"])
def test_nothing_is_fetched(run: str) -> None:
    page = render(HISTORY, **NAMES, run=run)
    for tag, attributes in Elements(page).found:
        assert not attributes.keys() & {"src", "srcset", "action", "background", "style"}, tag
        if href := attributes.get("href"):
            assert href in ("data:,", "save"), f"{tag} {href}"
    code = page.split('<script type="module">', 1)[1]
    assert not re.search(r"\bimport\b|\bfetch\(|XMLHttpRequest|sendBeacon|WebSocket", code)
    assert not re.search(r"@import|url\((?!#)", page)
    strange = set(re.findall(r"https?://[^\s\"']+", page)) - {"http://www.w3.org/2000/svg"}
    assert not strange
    assert "{{" not in page.split('<script type="application/json"')[0]


def test_a_browser_is_told_to_run_this_script_and_nothing_else() -> None:
    assert "default-src 'none'" in policy()
    assert "connect-src 'self'" in policy()
    assert "unsafe" not in policy()
    assert f'content="{policy()}"' in render(HISTORY, **NAMES)


def test_what_is_kept_replays_what_was_seen() -> None:
    data, *_ = Elements(render(HISTORY, **NAMES)).scripts
    found = json.loads(data)
    assert found["live"] is False
    assert found["history"] == json.loads(json.dumps(HISTORY.as_json()))
    assert "save" not in [one.get("href") for _, one in Elements(render(HISTORY, **NAMES)).found]


def test_what_others_named_is_only_text() -> None:
    """A client may call itself what it likes."""
    evil = "</script><script>alert(1)</script><!--<script>"
    member = Member("m", "a", evil, "10.0.0.1")
    history = History.of(Snapshot.of(1.0, [
        Group("dc1", evil, "stable", 0.0, None, (replace(member),)),
    ]))
    page = render(history, **NAMES)
    assert [tag for tag, _ in Elements(page).found if tag == "script"] == ["script", "script"]
    assert json.loads(Elements(page).scripts[0])["history"]["base"]["things"][0][0][2] == evil
    code = (PAGE / "main.js").read_text()
    for module in MODULES:
        code += (PAGE / f"{module}.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", code)


def test_no_two_modules_call_something_the_same() -> None:
    """They become one script."""
    names: Counter[str] = Counter()
    for module in MODULES:
        text = (PAGE / f"{module}.js").read_text()
        names.update(re.findall(r"^(?:export )?(?:const|let|function|class) (\w+)", text, re.M))
    assert [name for name, count in names.items() if count > 1] == []
    assert {path.stem for path in PAGE.glob("*.js")} == set(MODULES)


def _luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4
                        for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(("ink", "ground"), [
    ("ink", "paper"), ("ink", "card"), ("soft", "paper"), ("soft", "card"), ("bad", "card"),
    ("bad", "bad-wash"), ("good", "good-wash"), ("good", "card"),
    *(("on-hue", f"hue{one}") for one in range(4)), *((f"hue{one}", "card") for one in range(4)),
])
def test_every_word_is_legible(scheme: int, ink: str, ground: str) -> None:
    """4.5:1, WCAG 2.2 success criterion 1.4.3, light and dark."""
    block = LOOK.read_text().split(":root {")[scheme + 1]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    low, high = sorted((_luminance(colours[ink]), _luminance(colours[ground])))
    assert (high + 0.05) / (low + 0.05) >= 4.5
