"""A false world in which the very node that ships runs: one process, virtual time, one seed.

`world` has machines that run real nodes and clients on a `fabric` (network), disks and clocks that
fail as the configuration of the seed says; `run` puts workloads on it, heals it and lets the judges
decide. Nothing below this room knows that it is simulated.
"""
