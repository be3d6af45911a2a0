"""A device: a process that keeps documents, in a folder of its own or as a client of nodes.

`Device` starts this file as a process, drives it by lines of JSON, kills it at any moment and
starts it again on its folder. What it is told to do is Python on `docs`::

    await phone.do("docs['n1'].tags.add('home')")
    await phone.show("docs['n1'].title")

A device with a folder syncs by rounds through shared folders; nothing else connects it.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
from collaboration_documents import CLASSES, When

import plait
from plait.api.store import Store
from plait.host.loop import run
from plait.node.config import NodeConfig
from plait.node.folder_sync import FolderSync
from plait.node.local import Local
from plait.node.node import Node
from plait.node.serve import running

PATIENCE_S = 40.0


class Gone(Exception):
    """The device was killed before it answered: what it was told may have been done, or not."""


class Device:
    """One device, as the test sees it."""

    def __init__(self, name: str, collection: str, place: str) -> None:
        """place: a folder, or the address of nodes."""
        self.name = name
        self.place = place
        self._collection = collection
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, found: bool = False) -> "Device":
        """Start the process; `found`: it makes the collection, others join it."""
        words = [self.name, self._collection, self.place, *(["found"] if found else [])]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, *words, cwd=Path(__file__).parent, start_new_session=True,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return self

    async def do(self, code: str) -> None:
        """Run statements, and return once what they wrote is on disk: here, or at a node."""
        await self._ask("do", code)

    async def show(self, expression: str) -> Any:
        """The value of an expression."""
        return await self._ask("show", expression)

    async def sync(self, folder: Path) -> bool:
        """One round through a folder; whether anything moved, or is to."""
        return bool(await self._ask("sync", str(folder)))

    def send(self, what: str, argument: Any) -> None:
        """Tell it something and do not wait."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, argument]).encode() + b"\n")

    async def _ask(self, what: str, argument: str) -> Any:
        if self._process is None:
            raise Gone(self.name)
        assert self._process.stdout is not None
        self.send(what, argument)
        async with asyncio.timeout(PATIENCE_S):
            line = await self._process.stdout.readline()
        if not line:
            raise Gone(self.name)
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{self.name}: {answer['error']}")
        return answer["value"]

    async def kill(self) -> None:
        """kill -9."""
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def leave(self) -> None:
        """End in an orderly way."""
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0

    async def restart(self) -> None:
        """kill -9, and start it again."""
        await self.kill()
        await self.start()


# --------------------------------------------------------------------------- inside the process


class _Program:
    """What runs on the device."""

    def __init__(self, collection: str, store: Store, node: Node | None) -> None:
        self._collection = collection
        self._store = store
        self._node = node
        self._docs: Any = None

    async def open(self, found: bool = False) -> None:
        """Open the collection, if it is here; before it is admitted a device has nothing."""
        if self._docs is None and (found or await self._store.collections()):
            with suppress(plait.errors.Unavailable):
                self._docs = await self._store.documents(
                    self._collection, CLASSES[self._collection]
                )

    async def obey(self, what: str, argument: str) -> Any:
        names = {"docs": self._docs, "When": When, "plait": plait}
        match what:
            case "do":
                exec(argument, names)
                await self._docs.flush()
                return None
            case "show":
                return eval(argument, names)
            case "sync":
                assert self._node is not None
                report = await FolderSync(self._node, Path(argument)).round()
                assert report.wrong == [], report.wrong
                moves = report.moved or self._docs is None
                await self.open()
                return moves
        raise AssertionError(what)


async def main(name: str, collection: str, place: str, found: bool) -> None:
    """Open the place, then obey line by line until nobody speaks any more."""
    async with AsyncExitStack() as stack:
        node = None
        if place.startswith("plait://"):
            store = await stack.enter_async_context(plait.connect(place, name=name))
        else:
            node = await stack.enter_async_context(running(NodeConfig(Path(place), name=name)))
            store = await stack.enter_async_context(Store(Local(node)))
        program = _Program(collection, store, node)
        await program.open(found)
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            what, argument = json.loads(line)
            try:
                answer = {"value": await program.obey(what, argument)}
            except Exception as error:
                answer = {"error": repr(error)}
            sys.stdout.buffer.write(msgspec.json.encode(answer, order="sorted") + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    run(main(sys.argv[1], sys.argv[2], sys.argv[3], "found" in sys.argv[4:]))
