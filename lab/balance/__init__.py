"""Which replicas move, so that brokers have as much as each other, or some of them nothing."""
