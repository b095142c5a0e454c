"""Drills: what is recorded while something fails, and the score that follows from it. Pure."""
