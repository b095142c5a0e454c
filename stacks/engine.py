"""The engine that turns constructs into Terraform's JSON: the one place that imports it.

`cdktf` by default; KAFKALAB_CDK=cdktn takes the community's continuation, which runs the same code.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

VARIABLE = "KAFKALAB_CDK"
ENGINES = ("cdktf", "cdktn")


def _engine() -> Any:
    name = os.environ.get(VARIABLE) or ENGINES[0]
    if name not in ENGINES:
        sys.exit(f"error: {VARIABLE}={name}: unknown; accepted: {' or '.join(ENGINES)}")
    if not shutil.which("node"):
        sys.exit("error: Node.js is not on the PATH: the CDK runs in it (20 or 22 with cdktf)")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        sys.exit(f"error: {error}: install the environment with `make venv`")


if TYPE_CHECKING:
    import cdktf as cdk
else:
    cdk = _engine()

__all__ = ["ENGINES", "VARIABLE", "cdk"]
