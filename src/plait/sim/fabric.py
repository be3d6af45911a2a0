"""Every machine of a world, and the paths between them; who is cut off from whom, and put right.

Invariant: a path is there as soon as somebody asks for it, and keeps its chance for ever. Absent:
connections (`network`), which tell the fabric when they open and end.
"""

from collections.abc import Callable
from contextvars import Context
from random import Random
from typing import TYPE_CHECKING

from plait.sim.loop import VirtualLoop
from plait.sim.network import SimConnection
from plait.sim.paths import Path, PathRules
from plait.sim.process import Process
from plait.sim.trace import Trace

if TYPE_CHECKING:
    from plait.sim.machine import Machine


class Fabric:
    """Every machine, and the paths between them."""

    def __init__(self, loop: VirtualLoop, random: Random, trace: Trace, rules: PathRules) -> None:
        self.loop = loop
        self.trace = trace
        self.rules = rules
        self.machines: dict[str, Machine] = {}
        self.bytes_sent = 0
        self.frames_sent = 0
        self._random = random
        self._paths: dict[tuple[str, str], Path] = {}
        self._open: dict[tuple[str, str], dict[SimConnection, None]] = {}  # by path, ends that send

    def world_at(self, when: float, act: Callable[[], None]) -> None:
        """The world itself does something, whoever lives then."""
        self.loop.set(when, act, (), Context())

    def path(self, source: str, target: str) -> Path:
        """The way from one machine to another."""
        path = self._paths.get((source, target))
        if path is None:
            path = Path(self.rules, Random(f"{self._random.getrandbits(64)}"))
            self._paths[source, target] = path
        return path

    def set_rules(self, source: str, target: str, rules: PathRules) -> None:
        """Another distance between two machines, one way."""
        self.path(source, target).rules = rules

    def cut(self, source: str, target: str) -> None:
        """Let nothing through, one way, until it is mended."""
        self.path(source, target).cut = True

    def mend(self, source: str, target: str) -> None:
        """Let everything through; what was held comes when it is sent again."""
        path = self.path(source, target)
        if path.cut:
            path.cut = False
            for end in self.ends(source, target):
                end.sent_again(path)

    def mend_all(self) -> None:
        """Let everything through everywhere."""
        for source, target in list(self._paths):
            self.mend(source, target)

    def reset(self, one: str, other: str) -> None:
        """Break every connection between two machines; what is under way is lost."""
        for pair in ((one, other), (other, one)):
            for end in self.ends(*pair):
                end.broken("reset by the network")

    def opened(self, end: SimConnection) -> None:
        """An end sends from now on."""
        self._open.setdefault((end.here, end.there), {})[end] = None

    def ended(self, end: SimConnection) -> None:
        """An end is closed."""
        self._open.get((end.here, end.there), {}).pop(end, None)

    def ends(self, one: str, other: str) -> list[SimConnection]:
        """Every open end on one machine that sends to another."""
        return list(self._open.get((one, other), ()))

    def ends_of(self, process: Process) -> list[SimConnection]:
        """Every open end that the process holds."""
        return [end for ends in self._open.values() for end in ends if end.process is process]
