"""The page in a browser: what it draws of a killed broker, before, meanwhile and after, for whoever
looks at it, on whatever screen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.browser import PACKAGES, Browser, browser
from bench.scene import Scene
from lab.picture.history import History
from lab.picture.snapshot import Flow, Group, Lag, Member, Mirror, Thing
from scripts.picture.page import render
from scripts.picture.server import ADDRESS
from tests.scripts.picture.test_server import Served

pytestmark = pytest.mark.host  # it may have to install a browser from the distribution
Shown = Callable[..., Browser]
HISTORY = Scene().history()
BEFORE, LOST, LATE, AFTER = 150, 203, 262, 295  # seconds of the story
SCREENS = pytest.mark.parametrize(("width", "dark"), [
    (1280, False), (1280, True), (480, False), (480, True),
])
KOREAN = "주문 처리"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's; it is installed where it is not there and may be, with a font for Korean."""
    if not (shutil.which("chromium") and korean_fonts()) and shutil.which("apt-get") and (
        os.geteuid() == 0
    ):
        for words in (["update", "-q"], ["install", "-yq", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", *words], check=False, timeout=600)
    if not (shutil.which("chromium") and korean_fonts()):
        if os.environ.get("CI") == "true":
            pytest.fail(f"with CI=true there must be {' and '.join(PACKAGES)}")
        pytest.skip(f"no {' and '.join(PACKAGES)} here")
    with browser() as found:
        yield found


def korean_fonts() -> set[str]:
    """The families that have Korean letters."""
    if not shutil.which("fc-list"):
        return set()
    told = subprocess.run(["fc-list", ":lang=ko", "family"], capture_output=True, text=True,
                          check=True).stdout
    return {name.strip() for line in told.splitlines() for name in line.split(",")}


@pytest.fixture(scope="module")
def shown(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The story's page at a second of it."""
    page = tmp_path_factory.mktemp("page") / "page.html"
    page.write_text(render(HISTORY, lab="kafkalab", owner="ann"))

    def show(second: int, **screen: int | bool) -> Browser:
        chromium.open(f"{page.as_uri()}#at={second}", **screen)  # type: ignore[arg-type]
        return chromium

    return show


def elements(shown: Browser) -> str:
    """The page's elements, as the browser has made them."""
    assert not shown.complaints()
    text = str(shown.run("document.documentElement.outerHTML"))
    return re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.S)


def count(text: str, kind: str) -> int:
    """Boxes of replicas of a kind; the legend has one of each."""
    return text.count(f'class="replica {kind}"') - 1


def test_before_meanwhile_and_after(shown: Shown) -> None:
    before, lost, late, after = (
        elements(shown(second)) for second in (BEFORE, LOST, LATE, AFTER))
    assert "✓ healthy" in before
    assert (count(before, "leader"), count(before, "follower")) == (18, 36)
    assert (count(before, "out"), count(before, "gone")) == (0, 0)
    assert "✗ 1 broker gone, 59 partitions short of replicas" in lost
    assert (count(lost, "leader"), count(lost, "gone")) == (18, 9)
    assert "kafka03 gone" in lost
    assert "orders-2,5 leader 3→1" in lost
    assert (count(late, "out"), count(late, "gone")) == (9, 0)
    assert re.search(r"out of sync, [\d,]+ records behind its leader</span>"
                     r"<span[^>]*>\u2212[\d,]+<", late)
    assert "billing: rebalance 13→14 (0.8 s)" in late
    assert "✓ healthy" in after


def test_an_ensemble_has_a_leader_and_a_quorum_the_controller(shown: Shown) -> None:
    text = elements(shown(BEFORE))
    ensemble, quorum = (
        re.findall(r"<li[^>]*><i>([^<]*)</i><span[^>]*>([^<]*)<", one) for one in re.findall(
            r"<ol class=\"servers (?:ensemble|quorum)\".*?</ol>", text, flags=re.S))
    assert ensemble == [("1", "zk01: leader"), ("2", "zk02: follower"), ("3", "zk03: follower")]
    assert quorum == [("1", "kraft01: follower"), ("2 ♛", "kraft02: leader, the controller"),
                      ("3", "kraft03: follower")]


def test_a_reader_who_sees_nothing_has_tables_with_words(shown: Shown) -> None:
    text = elements(shown(LOST))
    assert text.count("<caption") == 2
    assert "Partitions of dc1 by broker" in text
    assert 'scope="col"' in text
    assert 'scope="row"' in text
    for words in ("leader, next offset", "follower, in sync", "offline, its broker is gone"):
        assert words in text
    for tag in re.findall(r"<(?:select|input)\b[^>]*>", text):
        assert "aria-label" in tag
    for tag, inside in re.findall(r"<button\b([^>]*)>(.*?)</button>", text, re.S):
        assert "aria-label" in tag or re.sub(r"<[^>]*>", "", inside).strip(), tag


@SCREENS
def test_on_every_screen_all_is_there_and_legible(shown: Shown, width: int, dark: bool) -> None:
    for second in (BEFORE, LOST, LATE):
        page = shown(second, width=width, dark=dark)
        assert page.run("document.documentElement.scrollWidth") <= width, "it would slide sideways"
        assert page.run("[...document.querySelectorAll('.replica:not(.none) span:nth-child(2)')]"
                        ".filter((one) => one.offsetWidth > one.parentElement.clientWidth)"
                        ".map((one) => one.textContent)") == [], "a number would be cut off"
        assert page.run(
            "[...document.querySelectorAll('body *')].filter((one) => one.checkVisibility()"
            " && [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim())"
            " && parseFloat(getComputedStyle(one).fontSize) < 13).map((one) => one.outerHTML)"
        ) == [], "too small to be read"
        ground = page.run("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) is dark
        assert not page.complaints()


def test_nobody_is_asked_for_anything(shown: Shown) -> None:
    addresses = shown(LOST).addresses()
    assert len([one for one in addresses if one.startswith("file://")]) == 1
    assert all(one.startswith(("file://", "data:", "about:")) for one in addresses), addresses


def test_who_wants_nothing_to_move_sees_nothing_move(shown: Shown) -> None:
    moving = ("[...document.querySelectorAll('*')].filter((one) => "
              "getComputedStyle(one).animationName !== 'none').length")
    assert shown(BEFORE).run(moving) > 0
    assert shown(BEFORE, calm=True).run(moving) == 0


def test_names_in_korean_are_drawn_with_its_letters(chromium: Browser, tmp_path: Path) -> None:
    group = Group("dc1", KOREAN, "stable", 0.0, None, (
        Member("m", "a", f"{KOREAN}-1", "10.0.0.9", (("orders", 0),)),))
    last = HISTORY.now
    history = History.of(replace(last, things={**last.things, group.key: group}))
    page = tmp_path / "page.html"
    page.write_text(render(history, lab=KOREAN, owner="김안나"))
    chromium.open(page.as_uri())
    assert KOREAN in elements(chromium)
    for selector in ("h1", ".eyebrow", ".members li:last-child .who"):
        assert set(chromium.fonts(selector)) & korean_fonts(), selector


def test_a_click_on_a_broker_tells_of_its_host(shown: Shown) -> None:
    page = shown(BEFORE)
    page.run("document.querySelector('.host summary').click()")
    text = page.run("document.querySelector('.host > div').innerText")
    for words in ("student-dc1-kafka01, broker 1", "fab ssh student-dc1-kafka01", "of 256 MB",
                  "logs", "79 GB of 252 GB free"):
        assert words in text


def test_a_link_leads_to_a_moment_and_may_play_from_it(shown: Shown) -> None:
    page = shown(LOST)
    page.run("location.hash = 'at=10&play'")
    page.until("Number(document.querySelector('#slider').value) % 1 === 0 &&"
               " document.querySelector('#play').getAttribute('aria-label') === 'pause'")
    first = page.run("document.querySelector('#clock').textContent")
    page.until(f"document.querySelector('#clock').textContent > {first!r}")
    page.run("location.hash = 'at=20'")
    page.until("document.querySelector('#play').getAttribute('aria-label') === 'play'")


def test_many_partitions_are_folded(chromium: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(render(Scene(seconds=5, partitions=3000).history(), lab="many", owner="ann"))
    chromium.open(page.as_uri())
    text = elements(chromium)
    assert "leads 1000, follows 2000" in text
    assert text.count("<tr") < 30


def test_a_page_that_is_open_shows_what_happens(chromium: Browser) -> None:
    served = Served()
    try:
        address = f"http://{ADDRESS}:{served.port}/"
        chromium.open(address)
        assert "✓ healthy" in elements(chromium)
        served.change()
        chromium.until("document.querySelector('#health').textContent === '✗ 1 broker gone'", 2)
        assert "kafka01 gone" in elements(chromium)
        asked = chromium.addresses()
        assert [one for one in asked if "events?after=" in one]
        assert all(one.startswith((address, "data:", "about:")) for one in asked), asked
    finally:
        served.end()


def test_long_names_of_groups_hide_nothing(chromium: Browser, tmp_path: Path) -> None:
    names = [f"kafkalab-drill-{number}{number}e8d41" for number in range(4)]
    groups = [Group("dc1", name, "empty", 0.0) for name in names]
    lags = [Lag("dc1", name, "orders", (123_456,) * 6) for name in names]
    history = History.of(replace(HISTORY.now, things={
        **HISTORY.now.things, **{one.key: one for one in (*groups, *lags)}}))
    page = tmp_path / "page.html"
    page.write_text(render(history, lab="kafkalab", owner="ann"))
    chromium.open(page.as_uri())
    heads = chromium.run("[...document.querySelectorAll('[data-datacenter=dc1] .group b')]"
                         ".map((one) => one.textContent).filter(Boolean)")
    assert heads == ["billing", "drill-00e8d41 +3"], "who reads comes first"
    assert chromium.run(
        "[...document.querySelectorAll('.topic')].filter((row) => {"
        " const [head, beside] = row.children;"
        " return beside && [...head.querySelectorAll('b, .note')].some((one) =>"
        " one.getBoundingClientRect().right > beside.getBoundingClientRect().left); }).length"
    ) == 0, "words would lie on words"


@pytest.mark.parametrize("dark", [False, True])
def test_a_leader_is_crossed_out_legibly_from_the_first_moment(shown: Shown, dark: bool) -> None:
    """While its colours passed slowly from a leader's to those of one that is gone, the cross was
    as white as what it lay on."""
    words = shown(BEFORE, dark=dark).run("""(() => {
      const box = document.querySelector('.replica.leader');
      getComputedStyle(box).color;
      box.className = 'replica gone';
      const { color, backgroundColor } = getComputedStyle(box);
      const probe = document.createElement('div');
      probe.style.color = 'var(--bad)';
      document.body.append(probe);
      return [color, getComputedStyle(probe).color, backgroundColor];
    })()""")
    assert words[0] == words[1]
    assert words[2] == "rgba(0, 0, 0, 0)"


def kept(folder: Path, *more: Thing, history: History = HISTORY) -> str:
    """The address of a page of the story with more in its last moment."""
    things = {**history.now.things, **{one.key: one for one in more}}
    page = folder / "page.html"
    page.write_text(render(History.of(replace(history.now, things=things)),
                           lab="kafkalab", owner="ann"))
    return page.as_uri()


@pytest.mark.parametrize("width", [1000, 1280, 1600])
def test_what_is_wrong_with_a_mirror_stays_between_the_sides_of_the_other(
    chromium: Browser, tmp_path: Path, width: int
) -> None:
    problem = ("dc1: connect-dc1-offsets-0 cannot be read: its leader does not answer, and the one "
               "that was asked before it said that it leads no more since a while")
    chromium.open(kept(tmp_path, Mirror("dc2-to-dc1", "dc2", "dc1", problem)), width=width)
    inner, outer = (chromium.run(f"(() => {{ const {{ left, right }} = {what}; "
                                 "return [left, right]; })()") for what in (
        "[...document.querySelectorAll('#arcs .bad text')]"
        ".map((one) => one.getBoundingClientRect()).reduce((a, b) =>"
        " ({ left: Math.min(a.left, b.left), right: Math.max(a.right, b.right) }))",
        "document.querySelector('#arcs g:not(.bad) .bed').getBoundingClientRect()"))
    assert outer[0] + 4 < inner[0] < inner[1] < outer[1] - 4
    text = chromium.run("document.querySelector('#arcs .bad').textContent")
    assert problem in text, "whole where one points at it"
    assert chromium.run("document.querySelector('#arcs .bad .first').textContent").startswith(
        "dc2 → dc1  ✗ dc1: connect-dc1-offsets-0")


def test_a_checkpoints_age_is_told_where_somebody_makes_some(
    chromium: Browser, tmp_path: Path
) -> None:
    """Without a member nobody commits, and without records nobody commits anything new."""
    def said(*more: Thing) -> list[str]:
        chromium.open(kept(tmp_path, *more))
        return list(chromium.run("[...document.querySelectorAll('#mirrors li')]"
                                 ".map((one) => one.textContent)"))

    busy, idle = said(Flow("dc1-to-dc2", 12.0, 0, 0.0, 630.0), Flow("dc2-to-dc1", 0, 0, 0, 630.0))
    assert "checkpoint 630 s ago" in busy
    assert "checkpoint" not in idle
    alone, _ = said(Flow("dc1-to-dc2", 12.0, 0, 0.0, 630.0), Group("dc1", "billing", "empty", 0.0))
    assert "checkpoint" not in alone


@pytest.mark.parametrize("width", [480, 1280, 1600])
def test_a_groups_name_is_legible_beside_its_topic(
    chromium: Browser, tmp_path: Path, width: int
) -> None:
    name = "kafkalab-drill-f725ea88"
    chromium.open(kept(tmp_path, Group("dc1", name, "empty", 0.0),
                       Lag("dc1", name, "payments", (1, 2, 3))), width=width)
    found = chromium.run(
        "[...document.querySelectorAll('[data-datacenter=dc1] .group')].filter((one) =>"
        f" one.title.startsWith({name!r})).map((one) => {{ const b = one.querySelector('b');"
        " return [b.textContent, b.scrollWidth <= b.clientWidth && b.scrollHeight <= b.clientHeight"
        " + 1, one.title]; })")
    assert found == [["drill-f725ea88", True, f"{name}: empty, 0 members"]]


def test_what_is_kept_opens_before_the_first_failure(shown: Shown, chromium: Browser,
                                                     tmp_path: Path) -> None:
    place = "Number(document.querySelector('#slider').value)"
    shown(BEFORE)
    address = chromium.run("location.href.split('#')[0]")
    chromium.open(address)
    assert "✓ healthy" in elements(chromium)
    began = chromium.run("Number(document.querySelector('#slider').min)")
    assert chromium.run(place) - began == pytest.approx(Scene().killed - 1, abs=1)
    calm = tmp_path / "calm.html"
    calm.write_text(render(Scene(seconds=20).history(), lab="calm", owner="ann"))
    chromium.open(calm.as_uri())
    assert chromium.run(place) == chromium.run("Number(document.querySelector('#slider').min)")
