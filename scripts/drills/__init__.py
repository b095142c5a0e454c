"""Rehearsed failures: clients that record what they see, faults, and the flow of each drill."""
