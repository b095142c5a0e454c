"""The lab as Terraform: one stack a datacenter, one for the links between them."""

from __future__ import annotations

import os

# Before the engine's runtime is loaded, which else warns of Node 20 in eleven lines; cdktf's own
# command line asks for Node 20 or 22.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
# The CDK's objects live as long as its process: a larger nursery for short-lived ones is 12 MB of
# nothing (123 MB in all its processes become 111).
os.environ.setdefault("NODE_OPTIONS", "--max-semi-space-size=1")
