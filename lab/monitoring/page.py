"""The page on which dashboards are drawn: one HTML file that Prometheus itself serves.

Debian's Prometheus has no dashboards of its own. This page asks its HTTP API, from which it comes,
and nobody else.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lab.monitoring.dashboards import as_json, dashboards, rate_s

if TYPE_CHECKING:
    from lab.model import Lab

FOLDER = Path(__file__).resolve().parent / "page"
MODULES = ("words", "chart", "main")  # in the order in which they need each other
PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(lab: Lab, seen: frozenset[str]) -> str:
    """The page's HTML for a lab whose datacenters `seen` are looked at."""
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    script = "".join(_alone(FOLDER / f"{name}.js") for name in MODULES)
    data = json.dumps({
        "dashboards": as_json(dashboards(lab, seen)),
        "datacenters": [one.name for one in lab.datacenters if one.name in seen],
        "scrape": lab.monitoring.scrape_s, "rate": rate_s(lab.monitoring.scrape_s),
        "kept": lab.monitoring.retention_h * 3600,
    }, separators=(",", ":"))
    parts = {
        "lab": html.escape(lab.name), "owner": html.escape(lab.owner), "style": style,
        "script": script, "policy": _policy(style, script),
        "data": data.replace("<", "\\u003c"),  # in a script only its end tag ends it
    }
    return PLACE.sub(
        lambda found: parts[found[1]], (FOLDER / "page.html").read_text(encoding="utf-8")
    )


def _policy(style: str, script: str) -> str:
    """What a browser may do for it: run this script, in this style, and ask where it comes from."""
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _alone(path: Path) -> str:
    """A module as part of one script, for the page has no place from which it could import it."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^export ", "", re.sub(r"^import .*\n", "", text, flags=re.M), flags=re.M)
