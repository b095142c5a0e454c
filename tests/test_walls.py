"""The walls of the house: who may import whom, also inside functions.

Each room imports only what stands below it. Three walls are older than the rooms: `lab` is pure,
`stacks` knows no fabric, `scripts` knows no cdktf.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from lab.services.registry import SERVICES
from scripts.drivers.registry import SPECIAL

PROJECT = Path(__file__).parents[1]
# The lowest first. A name is a module or a whole folder; of two that fit, the longer one counts.
LAB = (
    "lab.roles", "lab.versions", "lab.rights", "lab.options", "lab.problems", "lab.settings",
    "lab.endpoint", "lab.altered", "lab.counted", "lab.schemas",
    "lab.load", "lab.balance",
    "lab.state", "lab.resources", "lab.artifacts", "lab.packages", "lab.paths",
    "lab.kraft", "lab.upgrade", "lab.templates",
    "lab.model", "lab.drills", "lab.picture", "lab.topology", "lab.listeners",
    "lab.migration", "lab.ensemble",
    "lab.standing",
    "lab.mirrors", "lab.data", "lab.monitoring", "lab.services",
    "lab.aws", "lab.checks", "lab.file", "lab.learning",
)
STACKS = (*LAB, "stacks")
SCRIPTS = (
    *LAB, "scripts.errors", "scripts.workstation", "scripts.software", "scripts.platforms",
    "scripts.hosts", "scripts.clients", "scripts.drivers", "scripts.session", "scripts.passages",
    "scripts.operations", "scripts.picture", "scripts.drills", "scripts.learning", "scripts.tasks",
    "scripts",
)
# What only some rooms may import of the world outside.
OUTSIDE = {
    "confluent_kafka": ("scripts.clients", "scripts.drivers", "scripts.drills", "scripts.learning"),
    "kafka": ("scripts.clients",),
    "boto3": ("scripts.platforms.aws",),
    "botocore": ("scripts.platforms.aws",),
    "paramiko": ("scripts.hosts",),
    "fabric": ("scripts.hosts", "scripts.tasks.fabric_options"),
    "invoke": ("scripts.tasks", "scripts"),
    "cdktf": ("stacks",),
    "cdktn": ("stacks",),
    "constructs": ("stacks",),
    "pydantic": ("lab.options", "lab.problems", "lab.model", "lab.file", "lab.learning.exercise"),
    "starlette": ("scripts.picture",),
    "markdown_it": ("scripts.learning",),
    "uvicorn": ("scripts.picture",),
    "jinja2": ("lab.templates", "scripts.picture"),
}
IMPURE = {"subprocess", "socket", "threading", "time", "random", "shutil", "tempfile", "http",
          "urllib", "fabric", "paramiko", "confluent_kafka", "boto3", "cdktf"}


# Where services and drivers are registered; the schema registry's own modules have another name.
REGISTRIES = ("lab.services.registry", "scripts.drivers.registry")
SCHEMAS = {"schemas": "registry"}


@dataclass(frozen=True)
class Import:
    """One import: where it stands, what it names, and whether it stands in a function."""

    module: str
    line: int
    name: str
    inside: bool


def modules(folder: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((PROJECT / folder).rglob("*.py")):
        parts = path.relative_to(PROJECT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@cache
def imports(folder: str) -> tuple[Import, ...]:
    return tuple(_imports(folder))


def _imports(folder: str) -> Iterator[Import]:
    known = {name for name, _ in modules("lab")} | {name for name, _ in modules("scripts")}
    for module, path in modules(folder):
        tree = ast.parse(path.read_text())
        inside = {
            id(node) for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef) for node in ast.walk(function)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                assert node.level == 0, f"{module}:{node.lineno}: a relative import"
                whole = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [one if one in known else node.module for one in whole]
            else:
                continue
            for name in names:
                yield Import(module, node.lineno, name, id(node) in inside)


def room(module: str, rooms: tuple[str, ...]) -> str:
    """The room that a module is in. Fails for one that stands in the open."""
    fitting = [one for one in rooms if module == one or module.startswith(f"{one}.")]
    assert fitting, f"{module} is in no room: name it in {__file__}"
    return max(fitting, key=len)


@pytest.mark.parametrize(("folder", "rooms"), [
    ("lab", LAB), ("stacks", STACKS), ("scripts", SCRIPTS),
])
def test_a_room_imports_only_what_stands_below_it(folder: str, rooms: tuple[str, ...]) -> None:
    wrong = []
    for one in imports(folder):
        if one.name.split(".")[0] not in ("lab", "stacks", "scripts") or one.name == "lab":
            continue
        here = room(one.module, rooms)
        if one.name.split(".")[0] not in {name.split(".")[0] for name in rooms}:
            wrong.append(f"{one.module}:{one.line} imports {one.name}")
        elif rooms.index(room(one.name, rooms)) > rooms.index(here):
            wrong.append(f"{one.module}:{one.line} looks up to {one.name}")
    assert wrong == []


@pytest.mark.parametrize("folder", ["lab", "stacks", "scripts"])
def test_there_is_no_circle(folder: str) -> None:
    """Between modules, not only between rooms."""
    below: dict[str, set[str]] = {}
    for one in imports(folder):
        if one.name.split(".")[0] == folder:
            below.setdefault(one.module, set()).add(one.name)
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module):], module))
        if module not in done:
            for name in sorted(below.get(module, ())):
                visit(name, (*way, module))
            done.add(module)

    for module in sorted(below):
        visit(module, ())


@pytest.mark.parametrize("folder", ["lab", "stacks", "scripts"])
def test_the_world_outside_is_met_in_few_rooms(folder: str) -> None:
    wrong = [
        f"{one.module}:{one.line} imports {one.name}"
        for one in imports(folder)
        if (rooms := OUTSIDE.get(one.name.split(".")[0])) is not None
        and not any(one.module == name or one.module.startswith(f"{name}.") for name in rooms)
    ]
    assert wrong == []


def test_operations_name_no_service() -> None:
    """Neither in a word nor by importing its module or driver: they loop over drivers and
    passages."""
    names = {name for name, one in SERVICES.items() if one.process} | SPECIAL.keys()
    found: dict[str, set[str]] = {}
    for path in sorted((PROJECT / "scripts/operations").glob("*.py")):
        said = {node.value for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        said |= {
            SCHEMAS.get(name := one.name.rpartition(".")[2], name) for one in imports("scripts")
            if one.module == f"scripts.operations.{path.stem}" and one.name not in REGISTRIES
            and one.name.startswith(("lab.services.", "scripts.drivers.", "scripts.clients."))
        }
        if named := said & names:
            found[path.stem] = named
    assert found == {}


def test_lab_is_pure() -> None:
    wrong = [f"{one.module}:{one.line} imports {one.name}" for one in imports("lab")
             if one.name.split(".")[0] in IMPURE]
    assert wrong == []


def test_a_program_of_hosts_needs_python_alone() -> None:
    for module, path in modules("programs"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.partition(".")[0]
                assert top == "programs" or top in sys.stdlib_module_names, (module, name)


@pytest.mark.parametrize("folder", ["lab", "stacks", "scripts"])
def test_an_import_inside_a_function_says_why(folder: str) -> None:
    """Import time is the only reason, and it stands there; for tasks it stands in their package."""
    wrong = []
    for module, path in modules(folder):
        if module.startswith("scripts.tasks."):
            continue
        lines = path.read_text().splitlines()
        inside = {one.line for one in imports(folder) if one.module == module and one.inside}
        for number in sorted(inside):
            if "PLC0415 - " not in lines[number - 1]:
                wrong.append(f"{module}:{number}")
    assert wrong == []
