"""What `fab` reads: the tasks of the lab."""

from scripts import namespace as ns

__all__ = ["ns"]
