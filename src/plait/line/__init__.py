"""Total order, sans-IO: entries, the loglet port, ack rules, replication and promotion."""
