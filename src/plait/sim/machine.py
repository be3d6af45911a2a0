"""A machine of a simulated world: a disk and a clock that outlive processes, and one process.

`Machine` runs anything; `NodeMachine` runs a node, started as `node.serve` starts one, over the
simulated ports.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from plait.base.errors import PlaitError
from plait.engines.shared import SharedEngine
from plait.host.secrets import hash_secret
from plait.node.config import NodeConfig
from plait.node.engines import Engines
from plait.node.node import Node
from plait.node.serve import build, open_service
from plait.sim.clock import SimClock
from plait.sim.disk import DiskRules, SimDisk, SimStorage
from plait.sim.fabric import Fabric
from plait.sim.loop import VirtualLoop
from plait.sim.network import SimListener, SimNetwork
from plait.sim.process import Process
from plait.sim.trace import Trace

_hash_secret = lru_cache(maxsize=1000)(hash_secret)  # it takes long on purpose

_AGAIN_S = 1.0  # after which a service manager starts a node again that could not start


class Machine:
    """Something with a name on the network that programs run on."""

    def __init__(self, name: str, loop: VirtualLoop, fabric: Fabric, trace: Trace) -> None:
        self.name = name
        self.powered = True
        self.clock = SimClock(loop)
        self.listeners: dict[str, SimListener] = {}
        self.process: Process | None = None
        self.loop = loop
        self.fabric = fabric
        self.trace = trace
        self.starts = 0
        fabric.machines[name] = self

    @property
    def up(self) -> bool:
        """Whether a process runs here."""
        return self.process is not None and self.process.alive

    @property
    def works(self) -> bool:
        """Whether what runs here is not at its end."""
        return self.process is not None and self.process.works

    def begin(self) -> Process:
        """A fresh process; whoever calls gives it something to do."""
        assert not self.up, f"{self.name} runs already"
        self.starts += 1
        self.powered = True
        self.process = Process(f"{self.name}#{self.starts}", self.loop, 1.0 / self.clock.rate)
        self.trace.note("start", self.name, self.process.name)
        return self.process

    def run(self, main: Callable[[SimNetwork], Coroutine[Any, Any, Any]]) -> "asyncio.Task[Any]":
        """Run a program in a fresh process."""
        process = self.begin()
        return process.spawn(main(SimNetwork(self.fabric, self, process)))

    def kill(self, power_cut: bool = False) -> None:
        """End the process; a machine that loses power tells nobody."""
        process, self.process = self.process, None
        if process is None:
            return
        self.trace.note("power cut" if power_cut else "kill", self.name)
        process.kill()
        self.powered = not power_cut
        self.listeners.clear()
        for end in self.fabric.ends_of(process):
            end.lost_process(silently=power_cut)

    def stop(self) -> None:
        """SIGSTOP."""
        if self.process is not None and not self.process.stopped:
            self.trace.note("stop", self.name)
            self.process.stop()

    def go_on(self) -> None:
        """SIGCONT."""
        if self.process is not None and self.process.stopped:
            self.trace.note("go on", self.name)
            self.process.go_on()


class NodeMachine(Machine):
    """A machine for a node."""

    def __init__(
        self,
        config: NodeConfig,
        loop: VirtualLoop,
        fabric: Fabric,
        trace: Trace,
        random: Random,
        rules: DiskRules,
        storage: type[SimStorage] = SimStorage,
    ) -> None:
        super().__init__(config.name, loop, fabric, trace)
        self.config = config
        self.node: Node | None = None
        self.storage: SimStorage | None = None
        self.reads: int | None = None  # the newest records that its program reads; ours if None
        self.reach: Callable[..., Awaitable[SharedEngine]] | None = None  # an engine of the world
        self.disk = SimDisk(rules, Random(random.getrandbits(64)), config.name, trace)
        self._random = random
        self._rules = rules
        self._storage = storage

    @property
    def address(self) -> str:
        """Where the node is found."""
        return self.config.listen

    def start(self) -> "asyncio.Task[Any]":
        """Run the node; the task ends when the node serves. One that cannot start exits with an
        error, and is started again a little later, as long as nobody switches its machine off."""
        process = self.begin()
        return process.spawn(self._serve(process))

    def kill(self, power_cut: bool = False) -> None:
        """See `Machine`; what was not on the disk is gone from it."""
        super().kill(power_cut)
        self.node = None
        if self.storage is not None:
            self.storage.crash(power_cut=power_cut)
            self.storage = None

    def wipe(self) -> None:
        """The node gets a new disk; only while it is down."""
        assert not self.up
        self.trace.note("new disk", self.name)
        random = Random(self._random.getrandbits(64))
        self.disk = SimDisk(self._rules, random, self.name, self.trace)

    async def _serve(self, process: Process) -> None:
        try:
            await self._open(process)
        except PlaitError as error:
            self.trace.note("exits", self.name, f"{type(error).__name__}: {error}")
            self.fabric.world_at(self.loop.time(), partial(self._exit, process))
            raise

    def _exit(self, process: Process) -> None:
        if self.process is process:
            self.kill()
            again = partial(self._start_again, self.starts)
            self.fabric.world_at(self.loop.time() + _AGAIN_S, again)

    def _start_again(self, starts: int) -> None:
        if not self.up and self.powered and self.starts == starts:
            self.start()

    async def _open(self, process: Process) -> None:
        storage = self.storage = self._storage(self.disk, process)
        network = SimNetwork(self.fabric, self, process)
        random = Random(self._random.getrandbits(64))
        node = await build(self.config, storage, network, self.clock, random)
        if self.reads is not None:
            node.versions.reads = self.reads
        if self.reach is not None:
            node.engines = Engines(node, partial(self.reach, self, process))
        node.rights.verifier.hashing = _hash_secret
        node.memory_bytes = lambda: 0  # the real figure differs from run to run
        await node.start()
        await open_service(node, network, self.config)
        self.node = node


def node_config(name: str, members: list[str], **options: Any) -> NodeConfig:
    """The configuration of one of these nodes."""
    addresses = {member: f"{member}:7401" for member in members}
    config = NodeConfig(
        Path(name), name, f"{name}:7401", addresses, members[0] if members else None, "sim"
    )
    return msgspec.structs.replace(config, **options)
