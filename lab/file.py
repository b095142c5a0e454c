"""Reading a lab file: TOML to a checked Lab, with every mistake told at once."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lab.model import PRIVATE_RANGES, Lab
from lab.problems import Problem, field_name, worded

VARIABLE, NAME = "LAB", "lab.toml"


class LabFileError(Exception):
    """A lab file that cannot be used: all its problems, one line each."""

    exit_code = 2

    def __init__(self, path: str, problems: tuple[Problem, ...]) -> None:
        self.path, self.problems = path, problems
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))


@dataclass(frozen=True)
class LabFile:
    """A usable lab file: its model, and what is allowed but unwise."""

    path: str
    lab: Lab
    warnings: tuple[Problem, ...]


def located(environment: Mapping[str, str]) -> Path:
    """The lab file: the one that LAB names, seen from where one stands; else the nearest lab.toml
    there or in a folder above, as `fab` looks for its tasks."""
    if named := environment.get(VARIABLE):
        return Path(named)
    here = Path.cwd()
    for number, folder in enumerate((here, *here.parents)):
        if (folder / NAME).is_file():
            return Path(*[".."] * number, NAME)
    return Path(NAME)


def load(path: Path) -> LabFile:
    """Read and check a lab file. Raises LabFileError with every problem in it."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        hint = f"{reason}; name another file with LAB=PATH"
        raise LabFileError(str(path), (Problem("file", "", hint),)) from error
    except tomllib.TOMLDecodeError as error:
        raise LabFileError(str(path), (Problem("TOML", "", str(error)),)) from error
    return parse(data, path=str(path))


def parse(data: dict[str, Any], *, path: str = "lab.toml") -> LabFile:
    """Check a lab file that is already read. Raises LabFileError with every problem in it.

    Fields that are wrong by themselves are reported and then left out, so that problems between
    fields are found in the same run.
    """
    from lab.checks import findings  # noqa: PLC0415 - checks needs these models

    problems: list[Problem] = []
    lab = _validate(data, problems)
    if lab is None:
        lab = _validate(_without(data, problems), [])
    if lab is None:
        raise LabFileError(path, tuple(problems))
    errors, warnings = findings(lab)
    known = {problem.field for problem in problems}
    problems += [error for error in errors if error.field not in known]
    if problems:
        raise LabFileError(path, tuple(problems))
    return LabFile(path, lab, tuple(warnings))


def _validate(data: dict[str, Any], problems: list[Problem]) -> Lab | None:
    try:
        return Lab.model_validate(data)
    except ValidationError as error:
        details = [dict(detail) for detail in error.errors(include_url=False)]
        # A list whose items are all wrong is also reported as empty, which it is not; and a default
        # that follows from a wrong field, as missing.
        problems += [
            worded(detail, Lab) for detail in details
            if not (detail["type"] == "too_short" and detail["input"])
            and detail["type"] != "default_factory_not_called"
        ]
        return None


def _without(data: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The data with each wrong field left out, or replaced by a harmless one where it is needed."""
    bad = {problem.field for problem in problems}

    def prune(value: Any, location: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {
                key: prune(item, (*location, key)) for key, item in value.items()
                if field_name((*location, key)) not in bad
            }
        if isinstance(value, list):
            return [
                prune(item, (*location, index)) for index, item in enumerate(value)
                if location != ("links",) or f"links[{index + 1}].between" not in bad
            ]
        return value

    pruned: dict[str, Any] = prune(data, ())
    pruned.setdefault("owner", "x")
    datacenters = pruned.get("datacenters")
    if isinstance(datacenters, list):
        free = _free_networks(datacenters)
        for index, datacenter in enumerate(datacenters):
            if isinstance(datacenter, dict):
                datacenter.setdefault("name", f"x-{index}-x")
                if "cidr" not in datacenter:
                    datacenter["cidr"] = str(next(free))
    return pruned


def _free_networks(datacenters: list[Any]) -> Iterator[IPv4Network]:
    """Networks that none of the datacenters uses, to stand in for one that cannot be read."""
    used = []
    for datacenter in datacenters:
        with contextlib.suppress(ValueError, AttributeError):
            used.append(IPv4Network(datacenter.get("cidr")))
    candidates = (block for big in PRIVATE_RANGES for block in big.subnets(new_prefix=20))
    return (block for block in candidates if not any(block.overlaps(other) for other in used))
