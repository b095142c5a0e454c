"""Facts as drawings: what there is to see of topics, logs and groups, before anybody draws it.

A drawing is bound to facts, not to exercises: what an exercise's probes asked for can be drawn.
"""

from lab.learning.drawn.drawings import Drawing, drawings

__all__ = ["Drawing", "drawings"]
