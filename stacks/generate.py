"""Writes stacks/aws.py from the schema that the prebuilt provider brings along.

    python -m stacks.generate > stacks/aws.py      (or: make bindings)

Needs `cdktf-cdktf-provider-aws` of the line 21.x in the Python that runs it, and nothing else of
it: the schema is read from the JavaScript package inside. There each property links to the page of
the provider's documentation whose anchor is the name that Terraform itself has for it.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import sys
import tarfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "@cdktf/provider-aws"
PACKAGE = "cdktf_cdktf_provider_aws"
RESOURCES = (
    "DefaultSecurityGroup", "Instance", "InternetGateway", "KeyPair", "Route", "RouteTable",
    "RouteTableAssociation", "SecurityGroup", "Subnet", "Vpc", "VpcPeeringConnection",
    "VpcPeeringConnectionAccepterA", "VpcSecurityGroupEgressRule", "VpcSecurityGroupIngressRule",
)
DATA = (
    "DataAwsAvailabilityZones", "DataAwsEc2InstanceTypeOfferings", "DataAwsRouteTable",
    "DataAwsSsmParameter", "DataAwsVpc",
)
# Of every resource: computed by Terraform, or not in every provider of the line that is allowed.
LEFT_OUT = ("id", "region", "tags_all", "timeouts")
# The provider and its 300 endpoints: what an AWS account, or an emulator of one, is asked for.
PROVIDER_ARGUMENTS = (
    "access_key", "alias", "allowed_account_ids", "default_tags", "endpoints", "ignore_tags",
    "max_retries", "profile", "region", "s3_use_path_style", "secret_key",
    "skip_credentials_validation", "skip_metadata_api_check", "skip_region_validation",
    "skip_requesting_account_id",
)
ENDPOINTS = ("ec2", "iam", "s3", "ssm", "sts")
READABLE = re.compile(r"get \w+\(\) \{\s*return this\.get(String|List)Attribute\('(\w+)'\);")
# Names that the engine's own classes use for something else.
TAKEN = ("connection", "count", "lifecycle", "node", "provider", "provisioners")
WIDTH = 100
INDENT = "    "

HEADER = '''\
"""Bindings for what the stacks use of the AWS provider: {count} resource and data source types.

Made by `make bindings` (stacks/generate.py) from the schema in {package} {version};
do not edit. An argument has the name that Terraform gives it; None stands for "not given".
"""
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constructs import Construct

from stacks.bindings import Block, Data, Provider, Resource, Text, Texts, block, checked
from stacks.engine import cdk
'''


@dataclass(frozen=True)
class Argument:
    """One argument of a resource or a block, under Terraform's name for it."""

    name: str
    annotation: str
    required: bool
    text: str


class Schema:
    """The types of the prebuilt provider, and the JavaScript that implements them."""

    def __init__(self, archive: Path) -> None:
        self._tar = tarfile.open(archive)  # noqa: SIM115 - read until the program ends
        data = json.loads(self._read(".jsii"))
        if data["schema"] == "jsii/file-redirect":
            data = json.loads(gzip.decompress(self._read(data["filename"])))
        self.version: str = data["version"]
        self.types: dict[str, Any] = data["types"]

    def _read(self, name: str) -> bytes:
        file = self._tar.extractfile(f"package/{name}")
        if file is None:
            raise LookupError(f"{name} is not a file of the schema's archive")
        return file.read()

    def find(self, name: str) -> str:
        """The full name of a class. Its module is its own name with a small letter, but for A."""
        module = name[0].lower() + name[1:]
        for candidate in (module, module.removesuffix("A")):
            full = f"{PREFIX}.{candidate}.{name}"
            if full in self.types:
                return full
        raise LookupError(f"the prebuilt provider has no {name}")

    def readable(self, full: str) -> list[tuple[str, str]]:
        """(kind, Terraform's name) of each attribute of a class that is text, or a list of it."""
        source = Path(self.types[full]["locationInModule"]["filename"])
        script = self._read(f"lib/{source.parent.name}/index.js").decode()
        body = script[script.index(f"class {full.rpartition('.')[2]} extends"):]
        found = sorted({(kind, name) for kind, name in READABLE.findall(body)}, key=lambda x: x[1])
        return [(kind, name) for kind, name in found if name not in (*LEFT_OUT[1:], *TAKEN)]


class Writer:
    """Turns types of the schema into Python; a block before what uses it."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.written: set[str] = set()

    def resource(self, name: str, base: str) -> Iterator[str]:
        full = self.schema.find(name)
        arguments = [
            one for one in self.arguments(f"{full}Config") if one.name not in LEFT_OUT
        ]
        yield from self.blocks(f"{full}Config", {one.name for one in arguments})
        kind = _terraform_type(self.schema.types[full]["docs"]["summary"])
        yield f"\n\nclass {name}({base}):\n"
        what = "The resource" if base == "Resource" else "The data source"
        yield from _docstring(f"{what} {kind}.", arguments)
        yield f'\n{INDENT}TYPE = "{kind}"\n'
        for type_, attribute in self.schema.readable(full):
            maker = "Text" if type_ == "String" else "Texts"
            yield f"{INDENT}{attribute} = {maker}()\n"
        options = (
            Argument("provider", "cdk.TerraformProvider", False, ""),
            Argument("depends_on", "Sequence[cdk.ITerraformDependable]", False, ""),
            Argument("lifecycle", "cdk.TerraformResourceLifecycle", False, ""),
        )
        yield from _initializer(arguments, options)

    def provider(self) -> Iterator[str]:
        full = f"{PREFIX}.provider.AwsProvider"
        arguments = [
            one for one in self.arguments(f"{full}Config") if one.name in PROVIDER_ARGUMENTS
        ]
        yield from self.blocks(f"{full}Config", set(PROVIDER_ARGUMENTS))
        yield "\n\nclass AwsProvider(Provider):\n"
        yield from _docstring("The configuration of the AWS provider.", arguments)
        yield from _initializer(arguments, ())

    def blocks(self, full: str, wanted: set[str]) -> Iterator[str]:
        """The blocks that the wanted arguments of a type take, the innermost first."""
        for prop in self.schema.types[full].get("properties", []):
            target = _struct(prop["type"])
            if target is None or _name(prop) not in wanted or target in self.written:
                continue
            self.written.add(target)
            arguments = self.arguments(target)
            if target.endswith(".AwsProviderEndpoints"):
                arguments = [one for one in arguments if one.name in ENDPOINTS]
            yield from self.blocks(target, {one.name for one in arguments})
            yield f"\n\n@block\nclass {target.rpartition('.')[2]}(Block):\n"
            yield from _docstring(f"The block {_name(prop)}.", arguments)
            yield "\n" if arguments else ""
            for one in arguments:
                default = "" if one.required else " | None = None"
                yield f"{INDENT}{one.name}: {one.annotation}{default}\n"

    def arguments(self, full: str) -> list[Argument]:
        """The arguments of a config or a block, those that must be given first."""
        found = [
            Argument(_name(prop), _annotation(prop["type"]), not prop.get("optional"), _text(prop))
            for prop in self.schema.types[full].get("properties", [])
            if prop["docs"].get("deprecated") is None
        ]
        return sorted(found, key=lambda one: (not one.required, one.name))


def _terraform_type(summary: str) -> str:
    """aws_key_pair, from the summary of the class KeyPair."""
    match = re.search(r"\{@link \S+ (\w+)\}", summary)
    if not match:
        raise LookupError(f"no link in {summary!r}")
    return match[1]


def _name(prop: dict[str, Any]) -> str:
    docs = prop["docs"]
    match = re.search(r"\{@link \S+?#(\w+)", docs.get("summary", "") + docs.get("remarks", ""))
    if not match:
        raise LookupError(f"no link to the documentation at {prop['name']}")
    return match[1]


def _text(prop: dict[str, Any]) -> str:
    summary = prop["docs"].get("summary", "")
    if summary.startswith("Docs at") or summary.endswith(" block."):
        return ""
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", summary)


def _struct(type_: dict[str, Any]) -> str | None:
    """The full name of the block that a property holds, one or many, or None."""
    if "union" in type_:
        return next(filter(None, map(_struct, type_["union"]["types"])), None)
    if "collection" in type_:
        return _struct(type_["collection"]["elementtype"])
    name = type_.get("fqn", "")
    return name if name.startswith(PREFIX) else None


def _annotation(type_: dict[str, Any]) -> str:
    if "union" in type_:
        members = [one for one in type_["union"]["types"] if one.get("fqn") != "cdktf.IResolvable"]
        # A single block may also be given as a list of one, which says no more.
        return _annotation(next((one for one in members if "fqn" in one), members[0]))
    if "collection" in type_:
        element = _annotation(type_["collection"]["elementtype"])
        many = type_["collection"]["kind"] == "array"
        return f"Sequence[{element}]" if many else f"Mapping[str, {element}]"
    if "primitive" in type_:
        return {"string": "str", "number": "float", "boolean": "bool"}[type_["primitive"]]
    return str(type_["fqn"]).rpartition(".")[2]


def _docstring(head: str, arguments: list[Argument]) -> Iterator[str]:
    lines = [head]
    told = [one for one in arguments if one.required or one.text]
    if told:
        lines.append("")
    for one in told:
        words = ["needed."] if one.required else []
        text = f"{one.name}: {' '.join([*words, one.text]).strip()}"
        lines += textwrap.wrap(
            text, WIDTH - len(INDENT), subsequent_indent=INDENT, break_long_words=False,
            break_on_hyphens=False,
        )
    body = "\n".join(f"{INDENT}{line}".rstrip() for line in lines).strip()
    end = '"""\n' if len(lines) == 1 else f'\n{INDENT}"""\n'
    yield f'{INDENT}"""{body}{end}'


def _initializer(arguments: list[Argument], options: tuple[Argument, ...]) -> Iterator[str]:
    inner = INDENT * 2
    yield f"\n{INDENT}@checked\n{INDENT}def __init__(\n"
    yield f"{inner}self,\n{inner}scope: Construct,\n{inner}id: str,\n{inner}*,\n"
    for one in (*arguments, *options):
        default = "" if one.required else " | None = None"
        yield f"{inner}{one.name}: {one.annotation}{default},\n"
    yield f"{INDENT}) -> None:\n{inner}super().__init__(\n{inner}{INDENT}scope,\n"
    yield f"{inner}{INDENT}id,\n{inner}{INDENT}{{\n"
    for one in arguments:
        yield f'{inner}{INDENT * 2}"{one.name}": {one.name},\n'
    yield f"{inner}{INDENT}}},\n"
    for one in options:
        yield f"{inner}{INDENT}{one.name}={one.name},\n"
    yield f"{inner})\n"


def generate(archive: Path) -> str:
    """The text of stacks/aws.py from the prebuilt provider's archive."""
    schema = Schema(archive)
    writer = Writer(schema)
    parts = [HEADER.format(
        count=len(RESOURCES) + len(DATA), package=PACKAGE, version=schema.version
    )]
    parts += writer.provider()
    for name in RESOURCES:
        parts += writer.resource(name, "Resource")
    for name in DATA:
        parts += writer.resource(name, "Data")
    return "".join(parts)


def main() -> None:
    """Print the bindings for the prebuilt provider that this Python has."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        sys.exit(f"error: {PACKAGE} is not installed here; `make bindings` installs it")
    (archive,) = (Path(found.origin).parent / "_jsii").glob("*.jsii.tgz")
    sys.stdout.write(generate(archive))


if __name__ == "__main__":
    main()
