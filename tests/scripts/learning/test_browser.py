"""An exercise's pages in a browser: on a desk and on a phone nothing is wider than the window."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.browser import Browser
from lab.learning.drawn import drawings
from lab.learning.words import told
from scripts.learning import library
from scripts.learning.page import Sheet, render
from tests import recordings
from tests.scripts.learning.test_page import every, sheet
from tests.scripts.picture.test_browser import chromium  # noqa: F401 - a fixture

pytestmark = pytest.mark.host  # it may have to install a browser from the distribution
MEASURE = """(() => {
  const seen = (one) => one.getClientRects().length > 0;
  return {
    wide: document.documentElement.scrollWidth,
    paper: getComputedStyle(document.body).backgroundColor,
    shown: [...document.querySelectorAll("figure")].filter(seen).map((one) => one.className),
    small: [...document.querySelectorAll("svg text")].filter(seen).filter(
      (one) => one.getBoundingClientRect().height < 10).map((one) => one.textContent),
  };
})()"""


def pages() -> dict[str, str]:
    """Every exercise that was recorded, solved; and every drawing with long names, in Korean."""
    long = [("dc1", one) for one in every("a-long-name-of-a-topic-and-its-owner")]
    found = {"long": render(sheet(drawings=long, language="ko", offset=1500))}
    for name in recordings.names():
        snapshot, exercise = recordings.snapshot(name, "solved"), library.load(name).exercise
        bench = snapshot.bench(exercise)
        found[name] = render(Sheet(
            exercise, "en", "kafkalab", told(library.load(name).task("en"), snapshot.values),
            bench.judge(now=1.0), drawings(bench.survey()), 1.0,
        ))
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 480])
def test_nothing_is_wider_than_its_window_nor_fetched(
    chromium: Browser, tmp_path: Path, width: int, dark: bool,  # noqa: F811
) -> None:
    for name, text in pages().items():
        path = tmp_path / f"{name}.html"
        path.write_text(text)
        chromium.open(path.as_uri(), width=width, dark=dark)
        found = chromium.run(MEASURE)
        assert found["wide"] <= width, f"{name}: {found['wide']} px"
        drawn = {"wide" if width > 760 else "narrow"} if "<figure" in text else set()
        assert set(found["shown"]) == drawn, name
        assert found["small"] == [], f"{name}: hardly legible"
        assert (sum(map(int, re.findall(r"\d+", found["paper"])[:3])) < 380) is dark
        assert chromium.complaints() == [], name
        assert set(chromium.addresses()) <= {path.as_uri()}, name
