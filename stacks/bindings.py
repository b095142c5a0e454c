"""What the generated bindings in stacks/aws.py share: arguments in, Terraform's JSON out.

A binding holds its arguments under the names that Terraform gives them, and hands them over when
the engine asks for its attributes. So nothing of the provider's 2,200 modules is loaded.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ParamSpec, TypeVar, dataclass_transform, overload

import jsii
from constructs import Construct

from stacks.engine import cdk

P = ParamSpec("P")
R = TypeVar("R")
B = TypeVar("B", bound="Block")

# What the stacks use is in every provider since 5.31; nothing of 6.0 is needed. From 5.39 on (its
# changelog) the provider gives its default tags to the volumes of an instance by itself.
NAME, SOURCE, VERSIONS = "aws", "hashicorp/aws", ">= 5.39, < 7.0"


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Let an unknown or missing argument be a TypeError that names what was probably meant."""
    signature = inspect.signature(function)
    known = [name for name in signature.parameters if name != "self"]
    owner = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs.keys() - set(known):
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else "it has " + ", ".join(known)
            raise TypeError(f"{owner} has no argument {name!r}; {hint}")
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{owner}: {error}") from None
        return function(*args, **kwargs)

    return call


class Block:
    """A nested block: its fields are named as Terraform names them."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
def block(cls: type[B]) -> type[B]:
    """Make a block of a class: immutable, keywords only, checked like a resource."""
    made = dataclass(frozen=True, kw_only=True)(cls)
    made.__init__.__qualname__ = f"{cls.__name__}.__init__"
    made.__init__ = checked(made.__init__)  # type: ignore[method-assign]
    return made


def terraform(value: Any) -> Any:
    """`value` as Terraform's JSON has it: blocks as objects, and nothing where None was given."""
    if isinstance(value, Block):
        value = {one.name: getattr(value, one.name) for one in fields(value)}  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return {key: terraform(item) for key, item in value.items() if item is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [terraform(item) for item in value if item is not None]
    return value


class Text:
    """A readable attribute that is a string: ${aws_vpc.vpc.id}."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Text: ...
    @overload
    def __get__(self, instance: Resource | Data, owner: type) -> str: ...
    def __get__(self, instance: Resource | Data | None, owner: type) -> Text | str:
        return self if instance is None else instance.get_string_attribute(self.name)


class Texts:
    """A readable attribute that is a list or a set of strings."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Texts: ...
    @overload
    def __get__(self, instance: Resource | Data, owner: type) -> list[str]: ...
    def __get__(self, instance: Resource | Data | None, owner: type) -> Texts | list[str]:
        return self if instance is None else instance.get_list_attribute(self.name)


class Element:
    """What resources and data sources share; it comes before the engine's own class.

    `lifecycle` and `depends_on` are the engine's own. `MODE` is what an address begins with.
    """

    TYPE: str
    MODE = ""

    def __init__(
        self,
        scope: Construct,
        id: str,
        arguments: Mapping[str, Any],
        *,
        provider: cdk.TerraformProvider | None,
        depends_on: Sequence[cdk.ITerraformDependable] | None,
        lifecycle: cdk.TerraformResourceLifecycle | None,
    ) -> None:
        super().__init__(  # type: ignore[call-arg]
            scope, id, terraform_resource_type=self.TYPE, provider=provider,
            depends_on=depends_on, lifecycle=lifecycle, terraform_generator_metadata=_METADATA,
        )
        self._arguments = terraform(arguments)

    @property
    def address(self) -> str:
        """What it is called within expressions of its stack: aws_vpc.vpc, data.aws_vpc.peer."""
        return f"{self.MODE}{self.TYPE}.{self.friendly_unique_id}"  # type: ignore[attr-defined]

    @jsii.member(jsii_name="synthesizeAttributes")
    def _synthesize_attributes(self) -> Mapping[str, Any]:
        return self._arguments  # type: ignore[no-any-return]


class Resource(Element, cdk.TerraformResource):
    """A managed resource."""


class Data(Element, cdk.TerraformDataSource):
    """A data source."""

    MODE = "data."


class Provider(cdk.TerraformProvider):
    """A configuration of the provider; `alias` tells several in one stack apart."""

    def __init__(self, scope: Construct, id: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(
            scope, id, terraform_resource_type=NAME, terraform_provider_source=SOURCE,
            terraform_generator_metadata=cdk.TerraformProviderGeneratorMetadata(
                provider_name=NAME, provider_version_constraint=VERSIONS
            ),
        )
        self._arguments = terraform(arguments)

    @property
    @jsii.member(jsii_name="alias")
    def alias(self) -> str | None:
        """What other resources of the stack name this configuration by."""
        alias: str | None = self._arguments.get("alias")
        return alias

    @alias.setter
    def alias(self, value: str | None) -> None:
        self._arguments["alias"] = value

    @jsii.member(jsii_name="synthesizeAttributes")
    def _synthesize_attributes(self) -> Mapping[str, Any]:
        return self._arguments  # type: ignore[no-any-return]


_METADATA = cdk.TerraformProviderGeneratorMetadata(
    provider_name=NAME, provider_version_constraint=VERSIONS
)
