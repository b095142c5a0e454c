"""What stands in a cluster, for a person and for programs: topics, groups, records. Pure."""
