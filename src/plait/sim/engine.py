"""A machine of a world on which a twin of a shared engine runs, and the way there from a node.

Requests and answers travel on the fabric's paths, so cuts, distances and losses are theirs; what
meets a cut path waits until it is mended, or is given up like any connection's. A request that its
sender gave up may so arrive later, and be done.

Invariant: what is sent one way arrives in order, once, or not at all; a server that is down hears
nothing, and keeps what it acknowledged.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, TypeVar

from plait.base.errors import PlaitError, Unavailable
from plait.base.ports import Clock, Random
from plait.sim.fabric import Fabric
from plait.sim.loop import VirtualLoop
from plait.sim.machine import Machine
from plait.sim.process import Process
from plait.sim.trace import Trace
from plait.sim.twin import ANSWER_S, TwinEngine, TwinServer

T = TypeVar("T")
Act: TypeAlias = Callable[[], None]

URLS = {"nats": "nats://nats:4222", "postgresql": "postgresql://postgresql/plait"}
_HELD_LOOK_S = 0.1  # between two looks whether a cut path is mended
_BYTES = 200  # of a request: small ones are the most


class EngineMachine(Machine):
    """A server that is up or down, and keeps everything."""

    def __init__(
        self, name: str, loop: VirtualLoop, fabric: Fabric, trace: Trace, random: Random
    ) -> None:
        super().__init__(name, loop, fabric, trace)
        self.server = TwinServer(random)
        self.gone = False  # for good

    @property
    def url(self) -> str:
        """Where nodes find it."""
        return URLS[self.name]

    def go_down(self, power_cut: bool) -> None:
        """Nobody is answered any more; after a power cut nobody is told so either."""
        self.trace.note("power cut" if power_cut else "kill", self.name)
        self.server.down, self.powered = True, not power_cut

    def retire(self) -> None:
        """Nobody needs it any more: it is switched off for ever, and what it kept is lost."""
        self.gone = True
        self.go_down(power_cut=True)

    def come_back(self) -> None:
        """As it was."""
        if self.server.down and not self.gone:
            self.trace.note("start", self.name)
            self.server.down, self.powered = False, True


class Way:
    """One direction between a node and a server."""

    def __init__(
        self, fabric: Fabric, source: str, target: str, arrive: Callable[[float, Act], None]
    ) -> None:
        self._fabric = fabric
        self._ends = source, target
        self._arrive = arrive
        self._last = 0.0
        self._held: deque[tuple[float, Act]] = deque()  # on a cut path, and until when

    def send(self, act: Act) -> None:
        """Let something happen at the other end, when it arrives."""
        path, now = self._fabric.path(*self._ends), self._fabric.loop.time()
        if not path.cut and not self._held:
            self._last = max(self._last, path.arrival(now, _BYTES))
            self._arrive(self._last, act)
            return
        if not self._held:
            self._fabric.world_at(now + _HELD_LOOK_S, self._look)
        self._held.append((now + path.rules.give_up_s, act))

    def _look(self) -> None:
        path, now = self._fabric.path(*self._ends), self._fabric.loop.time()
        if not path.cut:
            held, self._held = self._held, deque()
            for _, act in held:
                self.send(act)
            return
        while self._held and self._held[0][0] <= now:
            self._held.popleft()
        if self._held:
            self._fabric.world_at(now + _HELD_LOOK_S, self._look)


class EngineWire:
    """Between the process of a node and a server; implements `Wire`."""

    def __init__(self, engine: EngineMachine, machine: Machine, process: Process) -> None:
        fabric = engine.fabric
        self._engine = engine
        self._there = Way(fabric, machine.name, engine.name, fabric.world_at)
        self._back = Way(fabric, engine.name, machine.name, process.at)

    async def ask(self, act: Callable[[], T]) -> T:
        """See `Wire`."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._there.send(partial(self._asked, act, answer))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            raise Unavailable(f"{self._engine.url} does not answer") from None

    def tell(self, act: Act) -> None:
        """See `Wire`."""
        self._back.send(act)

    def _asked(self, act: Callable[[], T], answer: "asyncio.Future[T]") -> None:
        """At the server."""
        if self._engine.server.down:
            if self._engine.powered:
                refusal = Unavailable(f"{self._engine.url} refuses connections")
                self._back.send(partial(_fail, answer, refusal))
            return
        try:
            result = act()
        except PlaitError as error:
            self._back.send(partial(_fail, answer, error))
        else:
            self._back.send(partial(_settle, answer, result))


async def connect(
    machine: Machine, process: Process, url: str, namespace: str, clock: Clock, random: Random
) -> TwinEngine:
    """A node's connection to the server at `url`."""
    engine = machine.fabric.machines.get(url.partition("://")[0])
    if not isinstance(engine, EngineMachine) or engine.url != url:
        raise Unavailable(f"there is nothing at {url}")
    wire = EngineWire(engine, machine, process)
    await wire.ask(lambda: None)
    return TwinEngine(engine.server, url, namespace, wire)


def _settle(answer: "asyncio.Future[T]", result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: "asyncio.Future[T]", error: PlaitError) -> None:
    if not answer.done():
        answer.set_exception(error)
