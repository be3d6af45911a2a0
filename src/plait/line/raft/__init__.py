"""Consensus: Raft, sans-IO, over the shared replication core."""
