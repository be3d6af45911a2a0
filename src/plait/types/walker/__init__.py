"""Sequences that several people edit at once: the event graph, its log, and the walker."""
