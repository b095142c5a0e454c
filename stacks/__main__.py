"""The app that cdktf.json names: `cdktf synth` and its kin run it."""

from __future__ import annotations

import sys

from stacks.app import main

if __name__ == "__main__":
    sys.exit(main())
