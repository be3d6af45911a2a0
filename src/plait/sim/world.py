"""A world: the loop, the network, the machines, and one seed that all chance comes from.

Each part draws from a stream of its own (`stream`), so that leaving one fault out changes nothing
else that was drawn: failing configurations can be made smaller.
"""

import contextlib
import gc
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import count
from random import Random
from typing import Any

import msgspec

import plait
from plait.api.rights import Rights
from plait.client.backend import connect
from plait.client.limits import ClientLimits
from plait.node.config import Limits
from plait.sim.disk import DiskRules, SimStorage
from plait.sim.engine import EngineMachine
from plait.sim.engine import connect as connect_engine
from plait.sim.fabric import Fabric
from plait.sim.loop import VirtualLoop
from plait.sim.machine import Machine, NodeMachine, node_config
from plait.sim.moments import Moments
from plait.sim.network import SimNetwork
from plait.sim.paths import PathRules
from plait.sim.process import own_tasks
from plait.sim.sqlite_storage import SqliteStorage
from plait.sim.trace import Trace

STORAGES: dict[str, type[SimStorage]] = {"memory": SimStorage, "sqlite": SqliteStorage}
DEAD_S = 1e6  # virtual seconds after which a world is given up


class World:
    """Machines with nodes and clients."""

    def __init__(
        self,
        seed: int,
        loop: VirtualLoop,
        paths: PathRules,
        disks: DiskRules,
        keep: bool = False,
        storage: str = "memory",
    ) -> None:
        """storage: a name in `STORAGES`, for nodes."""
        self.seed = seed
        self.loop = loop
        self.trace = Trace(loop.time, keep)
        self.fabric = Fabric(loop, self.stream("network"), self.trace, paths)
        self.nodes: dict[str, NodeMachine] = {}
        self.clients: dict[str, Machine] = {}
        self.engines: dict[str, EngineMachine] = {}  # that nodes share, by their schemes
        self.moments = Moments()
        self._stores = count(1)
        self._tokens = self.stream("tokens")
        self.token = ""  # of an administrator, where rights are on: what clients show
        self.failures: list[str] = []  # what went wrong in the world that no judge would see
        self._disks = disks
        self._storage = STORAGES[storage]

    def stream(self, name: str) -> Random:
        """Chance for one part."""
        return Random(f"{self.seed}/{name}")

    def now(self) -> float:
        """Virtual seconds since the world began."""
        return self.loop.time()

    # ------------------------------------------------------------------ machines

    def add_node(self, name: str, members: list[str], **options: Any) -> NodeMachine:
        """A machine for a node of a cluster; `start` runs it."""
        config = node_config(name, members, **options)
        machine = NodeMachine(
            config, self.loop, self.fabric, self.trace, self.stream(f"node {name}"), self._disks,
            self._storage,
        )  # fmt: skip
        machine.reach = connect_engine
        self.nodes[name] = machine
        return machine

    async def found(self, count: int, limits: Limits | None = None, **options: Any) -> list[str]:
        """A cluster of so many nodes, started."""
        names = [f"n{number + 1}" for number in range(count)]
        for name in names:
            self.add_node(name, names, limits=limits or Limits(), **options)
        for task in [self.nodes[name].start() for name in names]:
            await task
        return names

    def add_client(self, name: str) -> Machine:
        """A machine for a client; `Machine.run` gives it a program."""
        assert name not in self.fabric.machines, f"two machines named {name}"
        machine = Machine(name, self.loop, self.fabric, self.trace)
        self.clients[name] = machine
        return machine

    def add_engine(self, scheme: str) -> EngineMachine:
        """A server for all nodes, which is up."""
        random = self.stream(f"engine {scheme}")
        engine = EngineMachine(scheme, self.loop, self.fabric, self.trace, random)
        self.engines[scheme] = engine
        return engine

    @contextlib.asynccontextmanager
    async def store(
        self,
        network: SimNetwork,
        limits: ClientLimits | None = None,
        *only: str,
        zone: str = "",
        token: str | None = None,
    ) -> AsyncIterator[plait.Store]:
        """A connected store, for a client's program; `only` these nodes, if some are named.

        zone: where the client is. token: who it is; everybody else has the world's.
        """
        name = network.machine.name
        addresses = [self.nodes[node].address for node in only or self.nodes]
        random = self.stream(f"client {network.process.name}{self._number(token)}")
        backend = await connect(
            addresses, name=name, network=network, random=random, clock=network.machine.clock,
            limits=limits, only=bool(only), zone=zone,
            token=self.token if token is None else token,
        )  # fmt: skip
        make_rights = partial(
            Rights, clock=network.machine.clock, token_bytes=self._tokens.randbytes
        )
        async with plait.Store(backend, random=random, make_rights=make_rights) as store:
            yield store

    def _number(self, token: str | None) -> str:
        """Tells apart the stores of a program that connects again and again."""
        return "" if token is None else f" {next(self._stores)}"

    def end(self) -> None:
        """Kill everything, so that nothing is left that could speak."""
        for machine in [*self.clients.values(), *self.nodes.values()]:
            machine.kill()

    def up(self) -> list[NodeMachine]:
        """The nodes that serve now."""
        return [machine for machine in self.nodes.values() if machine.node is not None]


def run_world(main: Callable[[VirtualLoop], Any]) -> Any:
    """Run a coroutine function of the loop in a world of its own; what it returns."""
    loop = VirtualLoop()
    loop.set_task_factory(own_tasks)
    collects = gc.isenabled()
    gc.disable()  # else all of it is looked at twice when it ends
    with _quiet():
        try:
            return loop.run_until_complete(main(loop))
        finally:
            loop.close()
            gc.collect()
            gc.collect()  # what the first time ended goes now, with what it held
            if collects:
                gc.enable()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What killed processes leave behind is collected without a word, and nodes log nothing."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    level = logging.getLogger("plait").level
    logging.getLogger("plait").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logging.getLogger("plait").setLevel(level)
        sys.unraisablehook = hook


def options_of(rules: msgspec.Struct) -> dict[str, Any]:
    """Rules as JSON-like values."""
    found: dict[str, Any] = msgspec.to_builtins(rules)
    return found
