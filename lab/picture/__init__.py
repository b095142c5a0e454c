"""The picture of a lab: what is seen of it at a moment, and what changes from one to the next."""
