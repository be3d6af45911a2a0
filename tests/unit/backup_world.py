"""A store in memory with something of every kind, its backups, and stores made from them."""

import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from plait import Consensus, Counter, Document, Leader, Register, Text
from plait.api.store import Store
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.host.memory_vault import MemoryVault
from plait.node.backup.choosing import parse_target
from plait.node.backup.layout import LineBackup, Manifest
from plait.node.backup.restoring import Restored, restore
from plait.node.backup.taking import Taken, take_backup
from plait.node.backup.vault import latest_manifest
from plait.node.backup.verifying import Verdict, verify
from plait.node.config import NodeConfig
from plait.node.local import Local
from plait.node.node import Node
from plait.node.serve import build
from tests.machines import Bank

ROWS = {f"k{number:03}": number for number in range(40)}


class Note(Document):
    title = Register(str)
    likes = Counter()
    body = Text()


class World:
    """A node, a store on it, and a vault for its backups."""

    def __init__(self, node: Node, store: Store) -> None:
        self.node, self.store = node, store
        self.vault = MemoryVault()

    async def fill(self) -> None:
        for name, settings in (("films", Leader()), ("strong", Consensus())):
            await (await self.store.table(name, settings)).put_many(ROWS)
        await (await self.bank()).deposit("ann", 5)
        note = await self.note()
        note.title = "first"
        note.likes += 3
        note.body.insert(0, "hello")

    async def bank(self) -> Any:
        return await self.store.machine("bank", Bank, Consensus())

    async def note(self) -> Note:
        return (await self.store.documents("notes", Note))["a"]

    async def back_up(self, supersedes: str = "", vault: MemoryVault | None = None) -> Taken:
        return await take_backup(self.node, vault or self.vault, supersedes=supersedes)


@contextlib.asynccontextmanager
async def opened(disk: MemoryDisk | None = None, machines: Any = (Bank,)) -> AsyncIterator[World]:
    """A node over a disk, new or restored."""
    storage, clock = MemoryStorage(disk or MemoryDisk()), SystemClock()
    config = NodeConfig(Path("nowhere"), machines=machines)
    node = await build(config, storage, None, clock, random.SystemRandom())
    node.address = ""
    await node.start()
    try:
        async with Store(Local(node)) as store:
            yield World(node, store)
    finally:
        await node.close()


async def restored(
    vault: MemoryVault, at: str = "latest", name: str = "n1"
) -> tuple[MemoryDisk, Restored]:
    """A disk made from backups."""
    disk, chance = MemoryDisk(), random.SystemRandom()
    storage = MemoryStorage(disk)
    try:
        made = await restore(vault, storage, SystemClock(), chance, parse_target(at), name)
    finally:
        await storage.close()
    return disk, made


async def contents(vault: MemoryVault, at: str = "latest") -> dict[str, Any]:
    """What a restored store holds."""
    disk, _ = await restored(vault, at)
    async with opened(disk) as world:
        return await contents_of(world.store)


async def contents_of(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("films", "strong"):
        found[name] = {key: value async for key, value in (await store.table(name)).scan()}
    found["bank"] = await (await store.machine("bank", Bank)).total()
    notes = await store.documents("notes", Note)
    note = notes["a"]
    found["notes"] = list(notes.keys())
    found["note"] = (note.title, int(note.likes), str(note.body))
    return found


async def verified(vault: Any, *, deep: bool = False, machines: Any = (Bank,)) -> Verdict:
    """What there is to say of a vault."""
    clock, chance = SystemClock(), random.Random(1)
    scratch = MemoryStorage(MemoryDisk()) if deep else None
    return await verify(vault, scratch, clock=clock, random=chance, machines=machines)


async def hashes(node: Node) -> dict[str, bytes]:
    """What each line's state comes to, once all of it is applied."""
    for host in node.lines.values():
        await host.led(5)
        await host.caught_up()
    return {host.line: host.replica.ledger.hash for host in node.lines.values()}


async def latest(vault: MemoryVault) -> Manifest:
    """The newest backup."""
    found = await latest_manifest(vault)
    assert found is not None
    return found


def line_of(manifest: Manifest, name: str) -> LineBackup:
    """One line of a backup."""
    return next(line for line in manifest.lines if line.line == name)
