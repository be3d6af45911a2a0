"""The contract of a workload: programs for clients, and a judge of what they saw.

A run goes: `prepare`, once, in a client of its own; then every program in `programs` on a machine
of its own, which works until `Workload.over` and finishes what it is doing; faults strike
meanwhile, then everything is mended; then `finish`, once, in another client; then `judge`. A
program takes every `PlaitError` as an answer. Whatever else it raises is a failure of the run, and
so is a program that does not end within the calm.

Invariant: a judge needs no knowledge of the world: only what clients asked and were told.
"""

import abc
import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from random import Random
from typing import Any, ClassVar, TypeAlias, TypeVar

import plait
from plait.base.errors import PlaitError
from plait.check import Recorder, check_history, from_events
from plait.client.limits import ClientLimits
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.loop import owner
from plait.sim.network import SimNetwork
from plait.sim.world import World

T = TypeVar("T")
Program: TypeAlias = Callable[[SimNetwork], Coroutine[Any, Any, None]]

GIVE_UP_S = 5.0
JUDGE_S = 20.0  # of real time
LIMITS = ClientLimits(start_s=1e6, read_s=4.0, write_s=8.0, attempt_s=2.0, silence_s=1.5)


class Workload(abc.ABC):
    """One kind of work in one world."""

    machines: tuple[type[plait.StateMachine], ...] = ()  # classes that the nodes must know
    records: ClassVar[int] = 1  # the version of records that its collections need
    engines: ClassVar[tuple[str, ...]] = ()  # schemes of the shared engines that it needs
    guards: ClassVar[bool] = False  # it switches rights on, once everybody else is prepared
    rolls: ClassVar[bool] = False  # it begins with nodes of the version before, if others can

    def __init__(self, world: World, config: Config) -> None:
        self.world = world
        self.config = config
        self.over = False
        self.operations = 0  # acknowledged

    @abc.abstractmethod
    async def prepare(self, store: plait.Store) -> None:
        """Make the collections."""

    @abc.abstractmethod
    def programs(self) -> Mapping[str, Program]:
        """What runs, by the name of its machine."""

    async def finish(self, store: plait.Store) -> None:
        """Read what is to be judged, once everything works again."""
        return

    @abc.abstractmethod
    def judge(self) -> Iterator[str]:
        """What was promised and not kept."""

    def random(self, name: str) -> Random:
        """Chance for one program."""
        return self.world.stream(f"program {name}")

    async def insist(self, use: Callable[[], Awaitable[T]]) -> T:
        """Do something that must be done, however often it takes."""
        while True:
            try:
                return await use()
            except PlaitError as error:
                self.world.trace.note("again", "client", f"{type(error).__name__}: {error}")
                await asyncio.sleep(0.5)

    async def each(
        self, name: str, use: Callable[[Random], Awaitable[Any]], think_s: float | None = None
    ) -> None:
        """Use something again and again until it is over; errors are answers."""
        random = self.random(name)
        think_s = self.config.think_s if think_s is None else think_s
        while not self.over:
            await asyncio.sleep(exponential(random, think_s))
            try:
                async with asyncio.timeout(GIVE_UP_S):
                    await use(random)
            except (PlaitError, TimeoutError) as error:
                self.world.trace.note("error", name, f"{type(error).__name__}: {error}")
            else:
                self.operations += 1


class MemoryRecorder(Recorder):
    """A recorder whose history is a list."""

    def __init__(self, world: World) -> None:
        self.events: list[dict[str, Any]] = []
        self._open = {}
        self._world = world

    def _write(self, process: int | str, kind: Any, f: str, **more: Any) -> None:
        event: dict[str, Any] = {"process": process, "type": kind, "f": f}
        event |= {name: value for name, value in more.items() if name != "key" or value is not None}
        event["time"] = round(self._world.now(), 6)
        self.events.append(event)
        what = f"{f} {more.get('key', '')} {more.get('value', '')} {more.get('error', '')}"
        running = owner.get()
        who = running.name.partition("#")[0] if running is not None else f"client {process}"
        self._world.trace.note(kind, who, what.strip())

    def judge(self, model: str) -> Iterator[str]:
        """The counterexample, if the history is not linearizable."""
        verdict = check_history(from_events(self.events), model, time_limit=JUDGE_S)
        if verdict.linearizable is False:
            yield f"not linearizable as {model}:\n{verdict.explain()}"
