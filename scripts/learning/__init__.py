"""Exercises on a live lab: their files, the facts of its clusters, and what is run and removed."""
