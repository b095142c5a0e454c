"""What is wrong with a lab file, in the file's own words instead of the validator's."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, cast, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class Problem:
    """One finding: the field as the file names it, the value, and what would be accepted."""

    field: str
    value: str
    message: str

    def __str__(self) -> str:
        shown = f" = {self.value}" if self.value else ""
        return f"{self.field}{shown}: {self.message}"


def worded(detail: Mapping[str, Any], whole: type[BaseModel]) -> Problem:
    """A finding of pydantic in the words of the lab file, of which `whole` is the model."""
    location, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    field, value = field_name(location), _shown(detail["input"])
    if kind == "missing":
        return Problem(field, "", "missing, and needed")
    if kind == "extra_forbidden":
        message = _unknown_key(location, whole)
    elif kind == "value_error":
        message = str(context["error"])
    elif kind == "literal_error":
        message = "unknown; accepted: " + context["expected"]
    elif kind == "ip_v4_network":
        message = f"accepted: a network such as {_near(detail['input'])}, without host bits"
    else:
        said, _, _ = detail["msg"].removeprefix("Input should be ").partition(", unable to parse")
        message = f"accepted: {said}"
    return Problem(field, value, message)


def _near(value: object) -> str:
    """The network that has this address in it, or any."""
    try:
        return str(IPv4Network(str(value), strict=False))
    except ValueError:
        return "10.10.1.0/24"


def _unknown_key(location: tuple[str | int, ...], whole: type[BaseModel]) -> str:
    """The known key of the same section that is nearest to the one that was written."""
    model = whole
    for part in location[:-1]:
        if isinstance(part, str):
            model = _section(model, part)
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(str(location[-1]), known, 1, 0.5)
    return f"unknown key; did you mean {near[0]}?" if near else (
        "unknown key; accepted here: " + ", ".join(known)
    )


def _section(model: type[BaseModel], field: str) -> type[BaseModel]:
    annotation = model.model_fields[field].annotation
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and hasattr(candidate, "model_fields"):
            return cast("type[BaseModel]", candidate)
    return model


def field_name(location: tuple[str | int, ...]) -> str:
    """("datacenters", 0, "cidr") as the person would write it: datacenters[1].cidr."""
    name = ""
    for part in location:
        if isinstance(part, int):
            name += f"[{part + 1}]"
        elif part not in ("str", "int", "bool"):  # which member of a union: not the file's words
            name += f".{part}" if name else str(part)
    return name or "file"


def _shown(value: object) -> str:
    if isinstance(value, dict | list) and len(value) > 3:
        return f"{type(value).__name__} of {len(value)}"
    return repr(value)


def no_such_datacenter(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else "accepted: " + ", ".join(known)
    return f"no such datacenter; {hint}"
