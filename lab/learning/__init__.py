"""Exercises on paper: what they ask, what is claimed of a cluster, and how an answer is judged."""
