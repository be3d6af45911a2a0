"""One run: a world from a configuration, work and faults, calm, judgement.

Invariant: everything that decides is in the configuration; the same one gives the same `digest`.
"""

import asyncio
import contextlib
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import msgspec

import plait
from plait.node.config import Limits
from plait.sim.config import Config
from plait.sim.faults import mend, strike
from plait.sim.loop import Deadlock, VirtualLoop
from plait.sim.network import SimNetwork
from plait.sim.probes import Probes
from plait.sim.script import Script
from plait.sim.trace import Happening
from plait.sim.workloads.all import WORKLOADS
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World, run_world
from plait.types.commands import GRAPHS_SINCE

OLDER_RECORDS = GRAPHS_SINCE - 1  # what the programs before an upgrade read: no documents
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
    events: int  # callbacks of all machines
    happenings: list[Happening] = []

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return not self.problems


def simulate(config: Config, keep: bool = False) -> Outcome:
    """Run a configuration. keep: the happenings, for people to read."""
    began = time.perf_counter()
    runs: list[_Run] = []

    async def main(loop: VirtualLoop) -> Outcome:
        run = _Run(config, loop, keep)
        runs.append(run)
        loop.set_exception_handler(run.probes.unhandled)
        loop.call_soon(run.probes.watch)
        try:
            await run.all()
            run.probes.look()
        finally:
            run.world.end()
        runs.clear()  # what was killed is collected with the loop, and not when Python likes to
        return run.outcome()

    try:
        outcome: Outcome = run_world(main)
    except Deadlock as error:
        outcome = runs[0].outcome(Problem("liveness", str(error)))
    return msgspec.structs.replace(outcome, real_s=time.perf_counter() - began)


class _Run:
    def __init__(self, config: Config, loop: VirtualLoop, keep: bool) -> None:
        self.config = config
        self.world = World(config.seed, loop, config.paths, config.disks, keep, config.storage)
        self.workloads: list[Workload] = []
        self.script = Script(self.world, config.script, self.operations)
        self.probes = Probes(self.world)
        self.problems: list[Problem] = []

    async def all(self) -> None:
        """Found, prepare, work, mend, finish, judge."""
        config, world = self.config, self.world
        random = world.stream("clocks")
        members = [f"n{number + 1}" for number in range(config.nodes)]
        workloads = [WORKLOADS[name] for name in config.workloads]
        kinds = [kind for workload in workloads for kind in workload.machines]
        older = any(workload.rolls for workload in workloads) and all(
            workload.records <= OLDER_RECORDS for workload in workloads
        )
        for scheme in dict.fromkeys(one for workload in workloads for one in workload.engines):
            world.add_engine(scheme)
        options = {
            "limits": msgspec.structs.replace(Limits(), **config.limits),
            "machines": tuple(dict.fromkeys(kinds)),
        }
        for name in members:
            machine = world.add_node(name, members if len(members) > 1 else [], **options)
            machine.reads = OLDER_RECORDS if older else None
            machine.clock.jump(int(random.uniform(-1, 1) * config.ahead_ms))
            machine.clock.drift(1.0 + random.uniform(-1, 1) * config.drift)
        for machine in world.nodes.values():
            machine.start()
        self.workloads = [workload(world, config) for workload in workloads]
        if not await self._client("prepare", self._prepare, START_S):
            return
        programs = [
            (name, world.add_client(name).run(program))
            for name, program in _named(config.workloads, self.workloads)
        ]
        await self._strike()
        for workload in self.workloads:
            workload.over = True
        await mend(world)
        for name, task in programs:
            await self._await(name, task, config.calm_s)
        await self.script.finish(config.calm_s)
        self.problems += [Problem("script", text) for text in self.script.problems()]
        if not self.problems and await self._client("finish", self._finish, config.calm_s):
            self._judge()

    def outcome(self, *problems: Problem) -> Outcome:
        """What came of it, and why it could not go on, if so."""
        found = [Problem("probe", text) for text in self.probes.found]
        return Outcome(
            self.config,
            [*self.problems, *problems, *found],
            self.world.trace.digest,
            self.world.now(),
            0.0,
            self.operations(),
            self.world.loop.events,
            self.world.trace.happenings,
        )

    def operations(self) -> int:
        """How many of them clients were told to have happened."""
        return sum(workload.operations for workload in self.workloads)

    async def _strike(self) -> None:
        striking = [
            asyncio.ensure_future(strike(self.world, name, every_s))
            for name, every_s in sorted(self.config.faults.items())
        ]
        striking.append(asyncio.ensure_future(self.script.perform()))
        await asyncio.sleep(self.config.work_s)
        for task in striking:
            task.cancel()
        for task in striking:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _prepare(self, store: plait.Store) -> None:
        for workload in sorted(self.workloads, key=lambda workload: workload.guards):
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


def _named(names: Sequence[str], workloads: Sequence[Workload]) -> Iterator[tuple[str, Program]]:
    """Programs and the names of their machines: no two have the same."""
    taken: dict[str, None] = {}
    for workload_name, workload in zip(names, workloads, strict=True):
        for name, program in workload.programs().items():
            free = name if name not in taken else f"{workload_name}-{name}"
            taken[free] = None
            yield free, program


def _stack(task: "asyncio.Task[Any]") -> traceback.StackSummary:
    """Where a task waits, down to the innermost coroutine."""
    frames = []
    inner: Any = task.get_coro()
    while inner is not None and getattr(inner, "cr_frame", None) is not None:
        frames.append((inner.cr_frame, inner.cr_frame.f_lineno))
        inner = inner.cr_await
    return traceback.StackSummary.extract(iter(frames))
