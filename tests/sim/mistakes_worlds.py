"""Worlds for planted mistakes: each a narrow swarm that lets one theme of faults happen often.

A world is a function from a seed to a configuration, short enough that a mistake is looked for in
many. What it draws is few: how often its faults strike, and how bad its network and disks are.
"""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from plait.sim.config import Config
from plait.sim.disk import DiskRules
from plait.sim.paths import PathRules

WorldOf: TypeAlias = Callable[[int], Config]

WORK_S = 8.0
CALM_S = 30.0


def world(
    *workloads: str, nodes: tuple[int, ...] = (3,), clients: int = 2, think_s: float = 0.05,
    limits: dict[str, float] | None = None, work_s: float = WORK_S, calm_s: float = CALM_S,
    slow: bool = False, stalls: bool = False, **faults: float,
) -> WorldOf:  # fmt: skip
    """Worlds with these workloads and faults; `slow`: networks and disks that take their time,
    `stalls`: and disks that now and then take much of it."""

    def of(seed: int) -> Config:
        random = Random(f"mistakes {seed}")
        latency_s = random.choice((0.005, 0.02) if slow else (0.0005, 0.005))
        return Config(
            seed,
            nodes=random.choice(nodes),
            workloads=workloads,
            clients=clients,
            think_s=think_s,
            faults={name: every_s * random.uniform(0.5, 1.5) for name, every_s in faults.items()},
            work_s=work_s,
            calm_s=calm_s,
            paths=PathRules(
                latency_s=latency_s,
                jitter_s=latency_s * random.choice((0.5, 2.0)),
                loss=random.choice((0.0, 0.02)),
            ),
            disks=DiskRules(
                sync_s=random.choice((0.01, 0.05) if slow else (0.001, 0.01)),
                sync_jitter_s=random.choice((0.002, 0.02) if slow else (0.0001, 0.002)),
                stall=0.02 if stalls else 0.0,
                stall_s=0.2,
            ),
            limits=limits or {},
        )

    return of
