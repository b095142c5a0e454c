"""How fast the lab is: timed runs on fresh hosts, beside other tools on the same hosts."""
