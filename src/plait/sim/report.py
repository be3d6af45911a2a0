"""What is said of runs: configurations as TOML, traces as lines, failures with their commands."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from plait.sim.config import Config, draw, plain
from plait.sim.faults import ENGINE_FAULTS, FAULTS
from plait.sim.trace import Happening
from plait.sim.workloads.all import WORKLOADS


class Choice(msgspec.Struct, frozen=True):
    """What the configuration of a seed is drawn from: everything there is, unless it says less."""

    workloads: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def draw(self, seed: int) -> Config:
        """The configuration of a seed."""
        drawn = draw(seed, self.workloads or tuple(WORKLOADS), self.faults or tuple(FAULTS))
        if any(WORKLOADS[name].engines for name in drawn.workloads):
            return drawn
        faults = {name: s for name, s in drawn.faults.items() if name not in ENGINE_FAULTS}
        return msgspec.structs.replace(drawn, faults=faults)

    def replay(self, seed: int) -> str:
        """The command that runs a seed again."""
        words = ["plait", "sim", "--seed", str(seed)]
        words += ["--workload", ",".join(self.workloads)] if self.workloads else []
        words += ["--fault", ",".join(self.faults)] if self.faults else []
        return shlex.join(words)


def to_toml(config: Config) -> str:
    """A configuration as `plait sim --scenario` reads it, without what is a default."""
    return "".join(f"{line}\n" for line in _toml(plain(config)))


def _toml(values: Mapping[str, Any]) -> Iterator[str]:
    """Lines of TOML: plain values first, since what follows a table's head belongs to it."""
    steps = values.get("script", ())
    for name, value in values.items():
        if not isinstance(value, dict) and name != "script":
            yield f"{name} = {_value(value)}"
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ("", f"[{name}]")
            yield from (f"{key} = {_value(one)}" for key, one in value.items())
    for step in steps:
        yield from ("", "[[script]]")
        yield from (f"{key} = {_value(one)}" for key, one in step.items() if one not in ([], 0.0))


def _value(value: Any) -> str:
    # JSON's numbers, strings and arrays of these are TOML's too
    return msgspec.json.encode(value).decode()


def trace_lines(happenings: Sequence[Happening]) -> Iterator[str]:
    """What happened, for people: seconds, what kind, who, what, and with whom."""
    for one in happenings:
        yield f"{one.at_s:10.4f}  {one.kind:<11} {one.who:<10} {one.what} {one.other}".rstrip()
