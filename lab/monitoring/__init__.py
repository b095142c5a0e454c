"""What is asked of the lab's numbers: alerts, and dashboards, both as data."""
