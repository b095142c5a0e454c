# Markdown of what `fab plan --json` has printed: the sum, and what a person reads of it.
"**" + .summary + "**",
"",
(.refused[] | "- `fab up` would refuse: " + .),
(.warnings[] | "- warning: " + .),
"",
"``````diff",
(.lines[:-1][] | sub("^    "; "")),
"``````"
