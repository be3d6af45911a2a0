"""Partial order, sans-IO: events with causal parents that every replica may write."""
