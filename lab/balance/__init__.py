"""Which replicas move, so that brokers have as much as each other, or some of them nothing."""

RATE_MB = 10  # a second, that each broker may send and get for it, where nobody says another
