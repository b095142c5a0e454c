"""What `fab` reads: the tasks of the lab, and what `fab`'s own options mean for them."""

import gc
import os
import sys

from fabric.main import program

# A command makes much that lasts and few cycles; looking for these at Python's own pace, which is
# that of programs without end, is a tenth of what most commands take.
gc.set_threshold(10_000, 20, 100)

# Nothing here is a plug-in of pydantic's, for which it would search all packages.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

# invoke keeps what is imported from here on from being written down compiled: every command
# would compile the project, and most of its packages, anew. Python's own switch shall decide.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

from scripts import namespace as ns  # noqa: E402 - compiled for the next time, see above
from scripts.tasks import fabric_options  # noqa: E402
from scripts.workstation import output  # noqa: E402

output.shield()
fabric_options.attach(program)

__all__ = ["ns"]
