"""The page of the picture: one HTML file that fetches nothing, with the history in it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from lab.picture.history import History

HERE = Path(__file__).parent
LOOK = HERE / "look.css"
PAGE = HERE / "page"
# In the order in which they need each other.
MODULES = ("store", "dom", "chips", "island", "arcs", "timeline", "main")
PLACE = re.compile(r"\{\{(\w+)\}\}")


@cache
def template(folder: Path) -> Any:
    """The `page.html.j2` of a folder, for other pages with this look."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - 40 ms

    environment = Environment(
        loader=FileSystemLoader((folder, HERE)), undefined=StrictUndefined,
        autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2")


def render(
    history: History, *, lab: str, owner: str, run: str = "", title: str = ""
) -> str:
    """The page's HTML. run: what the numbers of moments belong to, of a picture that goes on; ""
    for one that is kept: it replays what is in it and asks nobody. title: of what it replays."""
    style, script = _style(), _script()
    kept = "" if run else f" · {_when(history.base.at, history.now.at)}"
    data = json.dumps({"live": bool(run), "run": run, "history": history.as_json()},
                      separators=(",", ":"), ensure_ascii=False)
    parts = {
        "title": html.escape(f"{lab}: {title or ('the lab now' if run else 'recorded')}"),
        "lab": html.escape(title or lab),
        "eyebrow": html.escape(f"kafkalab · {f'{lab} · ' if title else ''}{owner}{kept}"),
        "policy": policy(), "style": style, "script": script,
        "save": '<a href="save" download>save these minutes as a file</a>' if run else "",
        # In a script nothing ends it but its end tag, nor begins a comment.
        "data": data.replace("<", "\\u003c"),
    }
    return PLACE.sub(lambda found: parts[found[1]], _template())


@cache
def policy() -> str:
    """What a browser may do for this page."""
    return allowed(_script(), _style())


def allowed(script: str, style: str) -> str:
    """The policy of a page: run this script, in this style, and ask its server."""
    return (
        f"default-src 'none'; script-src {digest(script)}; style-src {digest(style)}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _template() -> str:
    return (PAGE / "page.html").read_text(encoding="utf-8")


@cache
def _style() -> str:
    return LOOK.read_text(encoding="utf-8") + (PAGE / "page.css").read_text(encoding="utf-8")


@cache
def _script() -> str:
    """The modules as one, for a page has no place from which it could import them."""
    return "".join(alone((PAGE / f"{name}.js").read_text(encoding="utf-8")) for name in MODULES)


def alone(module: str) -> str:
    """A module's text as a part of one script."""
    return re.sub(r"^export ", "", re.sub(r"^import .*\n", "", module, flags=re.M), flags=re.M)


def digest(text: str) -> str:
    """What a policy calls a script or a style by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _when(start: float, end: float) -> str:
    began, ended = (datetime.fromtimestamp(at, UTC) for at in (start, end))
    return f"{began:%-d %B %Y, %H:%M} to {ended:%H:%M} UTC"


def summary(history: History) -> dict[str, Any]:
    """The state as `GET /state` tells it."""
    return {"id": history.number, **history.now.as_json()}
