"""The live picture of a lab: what is looked at and how often, its page, and its terminal twin."""
