"""One run: a world from a configuration, work and faults, calm, judgement.

Invariant: everything that decides is in the configuration; the same one gives the same `digest`.
"""

import asyncio
import contextlib
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

import plait
from plait.node.config import Limits
from plait.sim.config import Config
from plait.sim.faults import mend, strike
from plait.sim.loop import Deadlock, VirtualLoop
from plait.sim.network import SimNetwork
from plait.sim.trace import Happening
from plait.sim.workloads.all import WORKLOADS
from plait.sim.workloads.workload import LIMITS, Workload
from plait.sim.world import World, run_world

START_S = 60.0


class Problem(msgspec.Struct, frozen=True):
    """One way in which a run failed."""

    kind: str  # a workload's name for a promise not kept; "liveness", "crash", "probe"
    text: str


class Outcome(msgspec.Struct, frozen=True):
    """What came of a run."""

    config: Config
    problems: list[Problem]
    digest: str
    virtual_s: float
    real_s: float
    operations: int
    happenings: list[Happening] = []

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return not self.problems


def simulate(config: Config, keep: bool = False) -> Outcome:
    """Run a configuration. keep: the happenings, for people to read."""
    began = time.perf_counter()
    runs: list[_Run] = []

    async def main(loop: VirtualLoop) -> None:
        run = _Run(config, loop, keep)
        runs.append(run)
        try:
            await run.all()
        finally:
            run.world.end()

    problems: list[Problem] = []
    try:
        run_world(main)
    except Deadlock as error:
        problems.append(Problem("liveness", str(error)))
    run = runs[0]
    return Outcome(
        config,
        [*run.problems, *problems],
        run.world.trace.digest,
        run.world.now(),
        time.perf_counter() - began,
        sum(workload.operations for workload in run.workloads),
        run.world.trace.happenings,
    )


class _Run:
    def __init__(self, config: Config, loop: VirtualLoop, keep: bool) -> None:
        self.config = config
        self.world = World(config.seed, loop, config.paths, config.disks, keep)
        self.workloads: list[Workload] = []
        self.problems: list[Problem] = []

    async def all(self) -> None:
        """Found, prepare, work, mend, finish, judge."""
        config, world = self.config, self.world
        random = world.stream("clocks")
        members = [f"n{number + 1}" for number in range(config.nodes)]
        for name in members:
            limits = msgspec.structs.replace(Limits(), **config.limits)
            machine = world.add_node(name, members if len(members) > 1 else [], limits=limits)
            machine.clock.jump(int(random.uniform(-1, 1) * config.ahead_ms))
            machine.clock.drift(1.0 + random.uniform(-1, 1) * config.drift)
        for machine in world.nodes.values():
            machine.start()
        self.workloads = [WORKLOADS[name](world, config) for name in config.workloads]
        if not await self._client("prepare", self._prepare, START_S):
            return
        programs = [
            (name, world.add_client(name).run(program))
            for workload in self.workloads
            for name, program in workload.programs().items()
        ]
        await self._strike()
        for workload in self.workloads:
            workload.over = True
        await mend(world)
        for name, task in programs:
            await self._await(name, task, config.calm_s)
        if not self.problems and await self._client("finish", self._finish, config.calm_s):
            self._judge()

    async def _strike(self) -> None:
        striking = [
            asyncio.ensure_future(strike(self.world, name, every_s))
            for name, every_s in sorted(self.config.faults.items())
        ]
        await asyncio.sleep(self.config.work_s)
        for task in striking:
            task.cancel()
        for task in striking:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _prepare(self, store: plait.Store) -> None:
        for workload in self.workloads:
            await workload.prepare(store)

    async def _finish(self, store: plait.Store) -> None:
        for workload in self.workloads:
            await workload.finish(store)

    async def _client(
        self, name: str, use: Callable[[plait.Store], Awaitable[None]], within_s: float
    ) -> bool:
        """Run something in a client of its own; whether it was done in time."""

        async def program(network: SimNetwork) -> None:
            async with self.world.store(network, LIMITS) as store:
                await use(store)

        return await self._await(name, self.world.add_client(name).run(program), within_s)

    async def _await(self, name: str, task: "asyncio.Task[Any]", within_s: float) -> bool:
        await asyncio.wait([task], timeout=within_s)
        if not task.done():
            where = "".join(traceback.format_list(_stack(task)))
            text = f"{name} is not done {within_s:g} s after everything was mended:\n{where}"
            self.problems.append(Problem("liveness", text))
            return False
        error = task.exception()
        if error is not None:
            text = "".join(traceback.format_exception(error))
            self.problems.append(Problem("crash", f"{name}: {text}"))
            return False
        return True

    def _judge(self) -> None:
        for name, workload in zip(self.config.workloads, self.workloads, strict=True):
            self.problems += [Problem(name, text) for text in workload.judge()]


def _stack(task: "asyncio.Task[Any]") -> traceback.StackSummary:
    """Where a task waits, down to the innermost coroutine."""
    frames = []
    inner: Any = task.get_coro()
    while inner is not None and getattr(inner, "cr_frame", None) is not None:
        frames.append((inner.cr_frame, inner.cr_frame.f_lineno))
        inner = inner.cr_await
    return traceback.StackSummary.extract(iter(frames))
