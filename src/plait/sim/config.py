"""What a seed decides before anything runs: a whole world in one value that prints and loads.

`draw(seed)` is *swarm testing* (Groce et al., ISSTA 2012): each seed leaves out most kinds of
faults and chooses how often the others strike, how bad the network and the disks are, how many
nodes there are and what runs on them; configurations that have a little of everything find less.

Invariant: `simulate(config)` depends on the configuration and nothing else; a configuration that
was made smaller by hand or by `shrink` is run in the same way as a drawn one.
"""

from random import Random
from typing import Any, Literal

import msgspec

from plait.base.errors import BadSettings
from plait.sim.disk import DiskRules
from plait.sim.paths import PathRules

WORK_S = 20.0
CALM_S = 90.0


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a scenario lets happen at a time of its own choosing."""

    at_s: float
    do: str  # a name in `acts.ACTS`
    to: tuple[str, ...] = ()  # machines, by their names or roles
    by: float = 0.0  # how much, for acts that have an amount


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One world and what happens in it."""

    seed: int
    nodes: int = 3
    workloads: tuple[str, ...] = ("registers",)
    clients: int = 2  # of each workload
    think_s: float = 0.2  # a client's pause between operations, on average
    faults: dict[str, float] = {}  # kind in `faults.FAULTS` to seconds between two, on average
    work_s: float = WORK_S  # how long clients work and faults strike
    calm_s: float = CALM_S  # after everything is mended, everybody must be done within this
    paths: PathRules = PathRules()
    disks: DiskRules = DiskRules()
    storage: Literal["memory", "sqlite"] = "memory"  # of nodes: what holds their states
    ahead_ms: int = 0  # clocks differ by up to this
    drift: float = 0.0  # and run faster or slower by up to this part
    limits: dict[str, float] = {}  # of nodes, where they are not the defaults
    script: tuple[Step, ...] = ()  # besides what is random


def draw(seed: int, workloads: tuple[str, ...], faults: tuple[str, ...]) -> Config:
    """The configuration of a seed; `workloads` and `faults` are those there are to choose from."""
    random = Random(f"swarm {seed}")
    chosen = tuple(name for name in workloads if random.random() < 0.35)
    chosen = chosen[:3] or (random.choice(workloads),)
    struck = [name for name in faults if random.random() < 0.4]
    return Config(
        seed,
        nodes=random.choices((3, 5, 4, 1), (8, 3, 1, 1))[0],
        workloads=chosen,
        clients=random.choice((1, 2, 2, 3)),
        think_s=random.choice((0.05, 0.2, 0.2, 0.5)),
        faults={name: random.choice((2.0, 5.0, 10.0)) for name in struck},
        work_s=random.choice((10.0, WORK_S, WORK_S, 40.0)),
        paths=_draw_paths(random),
        disks=_draw_disks(random),
        ahead_ms=random.choice((0, 0, 50, 2_000, 200_000)),
        drift=random.choice((0.0, 0.0, 0.0001, 0.02)),
        storage=random.choices(("memory", "sqlite"), (24, 1))[0],
    )


def _draw_paths(random: Random) -> PathRules:
    latency_s = random.choice((0.0002, 0.001, 0.005, 0.02))
    return PathRules(
        latency_s=latency_s,
        jitter_s=latency_s * random.choice((0.1, 0.5, 2.0)),
        loss=random.choice((0.0, 0.0, 0.001, 0.02, 0.1)),
        bytes_per_s=random.choice((125e6, 125e6, 1e6, 1e5)),
        give_up_s=random.choice((5.0, 15.0)),
    )


def _draw_disks(random: Random) -> DiskRules:
    return DiskRules(
        sync_s=random.choice((0.0001, 0.001, 0.01)),
        sync_jitter_s=random.choice((0.0001, 0.002)),
        stall=random.choice((0.0, 0.0, 0.001, 0.01)),
        stall_s=random.choice((0.1, 1.0)),
    )


def load_config(data: bytes, form: str) -> Config:
    """A configuration from TOML or JSON; `BadSettings` says what is wrong with it."""
    decode = msgspec.toml.decode if form == "toml" else msgspec.json.decode
    try:
        return msgspec.convert(decode(data), Config)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadSettings(f"not a scenario: {error}") from None


def plain(config: Config) -> dict[str, Any]:
    """Only what differs from the defaults, as JSON-like values."""
    defaults = msgspec.to_builtins(Config(config.seed))
    found = msgspec.to_builtins(config)
    return {name: value for name, value in found.items() if value != defaults[name]} | {
        "seed": config.seed
    }
