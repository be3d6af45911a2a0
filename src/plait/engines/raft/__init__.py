"""The consensus engine: the Raft core on real ports, as a loglet."""

from plait.engines.raft.loglet import RaftLoglet

__all__ = ["RaftLoglet"]
