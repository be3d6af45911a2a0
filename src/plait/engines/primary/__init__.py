"""The leader–follower engine: the primary core on real ports, as a loglet."""

from plait.engines.primary.loglet import PrimaryLoglet

__all__ = ["PrimaryLoglet"]
