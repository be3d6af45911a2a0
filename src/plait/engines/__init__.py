"""Engines: loglets on something real, and the one suite that they all pass."""
