"""What `fab` reads: the tasks of the lab, and what `fab`'s own options mean for them."""

from fabric.main import program

from scripts import namespace as ns
from scripts.tasks import fabric_options
from scripts.workstation import output

output.shield()
fabric_options.attach(program)

__all__ = ["ns"]
