"""A failing configuration made smaller: what it fails without is left out.

One thing after the other is left out or made less: workloads, faults, steps of the script, clients,
nodes, time, the network's and the disks' trouble, clocks. What still fails is gone on with, until
nothing can be left out any more (a one-minimal configuration, as in delta debugging; Zeller and
Hildebrandt, TSE 2002). A smaller world draws other chances from the same seed, so a few other
seeds are tried with each.

Invariant: what is returned fails, if what was given does. Each step leads to something smaller or
to a default, and never back, so that it ends.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from plait.sim.config import Config
from plait.sim.disk import DiskRules
from plait.sim.paths import PathRules

StillFails: TypeAlias = Callable[[Config], bool]

SEEDS = 4  # tried for each smaller configuration
_SEED_STEP = 1_000_003  # other seeds are far from those that a campaign has
_WORK_S_MIN = 1.0


def shrink(
    config: Config,
    still_fails: StillFails,
    told: Callable[[str, Config], None] = lambda what, config: None,
    seeds: int = SEEDS,
) -> Config:
    """The smallest configuration that can be had by leaving things out, as long as it fails.

    told: called with each that still fails, and what was left out.
    """
    again = True
    while again:
        again = False
        tried: set[str] = set()  # in this round: what did not help rarely does a moment later
        while True:
            untried = (one for one in smaller(config) if one[0] not in tried)
            what, candidate = next(untried, ("", config))
            if not what:
                break
            tried.add(what)
            failing = _failing(candidate, still_fails, seeds)
            if failing is not None:
                config, again = failing, True
                told(what, config)
    return config


def _failing(config: Config, still_fails: StillFails, seeds: int) -> Config | None:
    for number in range(seeds):
        one = msgspec.structs.replace(config, seed=config.seed + number * _SEED_STEP)
        if still_fails(one):
            return one
    return None


def smaller(config: Config) -> Iterator[tuple[str, Config]]:
    """Configurations that have one thing less, the biggest steps first, each with its name."""

    def less(what: str, **changes: Any) -> Iterator[tuple[str, Config]]:
        candidate = msgspec.structs.replace(config, **changes)
        if candidate != config:
            yield what, candidate

    for name in config.workloads if len(config.workloads) > 1 else ():
        rest = tuple(one for one in config.workloads if one != name)
        yield from less(f"without {name}", workloads=rest)
    if len(config.faults) > 1:
        yield from less("without any fault", faults={})
    for name in config.faults:
        yield from less(f"without {name}", faults=_without(config.faults, name))
    for number, step in enumerate(config.script):
        rest_of_script = config.script[:number] + config.script[number + 1 :]
        what = f"without {step.do} at {step.at_s:g} s, step {len(config.script) - number}"
        yield from less(what, script=rest_of_script)
    for count in range(1, config.clients):
        yield from less(f"clients = {count}", clients=count)
    for count in range(1, config.nodes):
        yield from less(f"nodes = {count}", nodes=count)
    yield from _shorter(config, less)
    yield from less("an ordinary network", paths=PathRules())
    for field in ("loss", "jitter_s", "bytes_per_s", "latency_s"):
        paths = msgspec.structs.replace(config.paths, **{field: getattr(PathRules(), field)})
        yield from less(f"ordinary {field}", paths=paths)
    yield from less("ordinary disks", disks=DiskRules())
    yield from less(
        "disks that do not stall", disks=msgspec.structs.replace(config.disks, stall=0.0)
    )
    yield from less("states in memory", storage="memory")
    yield from less("clocks that agree", ahead_ms=0)
    yield from less("clocks that do not drift", drift=0.0)
    for name in config.limits:
        yield from less(f"without limit {name}", limits=_without(config.limits, name))
    for name, every_s in config.faults.items():
        if every_s * 2 <= config.work_s:
            yield from less(f"{name} half as often", faults={**config.faults, name: every_s * 2})


def _shorter(
    config: Config, less: Callable[..., Iterator[tuple[str, Config]]]
) -> Iterator[tuple[str, Config]]:
    """Less work time, but no less than what the script needs."""
    needed_s = max((step.at_s for step in config.script), default=0.0) + _WORK_S_MIN
    for part in (0.25, 0.5, 0.8):
        work_s = round(config.work_s * part, 1)
        if work_s >= needed_s:
            yield from less(f"work_s = {work_s:g}", work_s=work_s)


def _without(values: Mapping[str, float], name: str) -> dict[str, float]:
    return {key: value for key, value in values.items() if key != name}
