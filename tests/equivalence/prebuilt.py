"""`python -m stacks` with the prebuilt provider in the place of stacks/aws.py.

The stacks stay as they are: they are given a module that looks like stacks.aws and hands every
class over to the prebuilt provider's.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from typing import Any

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from stacks import aws as thin
from stacks.bindings import Block, Data, Provider

PACKAGE = "cdktf_cdktf_provider_aws"


class Prebuilt(types.ModuleType):
    """Answers for each name of stacks.aws with the class of the prebuilt provider."""

    def __getattr__(self, name: str) -> Any:
        ours = getattr(thin, name)
        theirs = getattr(importlib.import_module(f"{PACKAGE}.{_module(name)}"), name)
        if issubclass(ours, Block | Provider):
            made = theirs
        else:
            prefix = "data." if issubclass(ours, Data) else ""
            made = type(theirs)(name, (theirs,), {
                "address": property(lambda self: f"{prefix}{ours.TYPE}.{self.friendly_unique_id}")
            })
        setattr(self, name, made)
        return made


def _module(name: str) -> str:
    """The module of the prebuilt provider that has a class, or the block of one."""
    owner = max(
        (
            one for one in vars(thin)
            if name.startswith(one) and isinstance(getattr(thin, one), type)
            and not issubclass(getattr(thin, one), Block)
        ),
        key=len,
    )
    ours = getattr(thin, owner)
    if issubclass(ours, Provider):
        return "provider"
    module: str = ours.TYPE.removeprefix("aws_")
    return f"data_{ours.TYPE}" if issubclass(ours, Data) else module


if __name__ == "__main__":
    import stacks

    stacks.aws = sys.modules["stacks.aws"] = Prebuilt("stacks.aws")  # type: ignore[attr-defined]
    from stacks.app import main

    sys.exit(main())
