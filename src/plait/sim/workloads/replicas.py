"""Replicas of collections of documents, in clients and in the nodes of a world.

A client's is what its store opens; a node's own is used by a program in the node's process
(`attend`), which begins again whenever the node does.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import plait
from plait.api.documents import Documents
from plait.engines.graph import Replica
from plait.node.local import Local
from plait.sim.machine import NodeMachine
from plait.sim.process import Process
from plait.sim.world import World

Use: TypeAlias = Callable[[NodeMachine, plait.Store], Coroutine[Any, Any, None]]

LOOK_S = 0.1


def replica_of(docs: Documents[Any]) -> Replica:
    """The replica that a program reads and writes."""
    replica = docs._access.replica
    assert isinstance(replica, Replica)
    return replica


def held_by(machine: NodeMachine, name: str) -> Replica | None:
    """A node's own replica of a collection, if it runs and has one."""
    if machine.node is None or not machine.up:
        return None
    found = [one for one in machine.node.graphs.replicas() if one.name == name]
    return found[0] if found else None


async def attend(world: World, use: Use, over: Callable[[], bool]) -> None:
    """Run a program in the process of every node, in each one that it ever has, until it is over;
    return when all that still live are done. What one raises is raised here."""
    running: dict[str, tuple[Process, asyncio.Task[None]]] = {}
    while True:
        for name, machine in list(world.nodes.items()):
            process, node = machine.process, machine.node
            if node is None or process is None or over():
                continue
            if name not in running or running[name][0] is not process:
                work = use(machine, plait.Store(Local(node)))
                running[name] = process, process.spawn(work)
        for _, task in running.values():
            if task.done():
                task.result()
        if over() and all(task.done() or not process.alive for process, task in running.values()):
            return
        await asyncio.sleep(LOOK_S)
