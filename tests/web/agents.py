"""Processes with a browser replica in them (`replica_agent.mjs`), driven from a test."""

import asyncio
import base64
import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.web.node_runner import WEB, node

ANSWER_S = 40.0


class AgentError(Exception):
    """What a browser replica raised."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Agent:
    """One browser replica in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    async def ask(self, do: str, **options: Any) -> Any:
        """Have a command done."""
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"id": number, "do": do, **options}).encode() + b"\n")
        async with asyncio.timeout(ANSWER_S):
            return await answer

    async def mutate(
        self, *edits: tuple[str, tuple[str, ...], tuple[Any, ...]], documents: str = "notes",
        **more: Any,
    ) -> None:  # fmt: skip
        """Write, in one tick."""
        encoded = [
            (key, path, base64.b64encode(msgspec.msgpack.encode(mutation)).decode())
            for key, path, mutation in edits
        ]
        await self.ask("mutate", documents=documents, edits=encoded, **more)

    async def value(self, key: str, *path: str, documents: str = "notes") -> Any:
        """Read."""
        data = await self.ask("value", documents=documents, key=key, path=path)
        return None if data is None else msgspec.msgpack.decode(base64.b64decode(data))

    async def vector(self, documents: str = "notes") -> dict[int, int]:
        """What it has seen."""
        return {int(id_): seq for id_, seq in await self.ask("vector", documents=documents)}

    async def status(self, documents: str | None = "notes") -> Any:
        """Of one collection, or of all."""
        return await self.ask("status", documents=documents)

    async def kill(self) -> None:
        """End it without a word."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            answer = json.loads(line)
            future = self._asked.pop(answer["id"])
            if future.done():
                continue
            if "error" in answer:
                future.set_exception(AgentError(answer["code"], answer["error"]))
            else:
                future.set_result(answer["ok"])
        for future in self._asked.values():
            if not future.done():
                future.set_exception(ConnectionError("the agent ended"))


class Agents:
    """Those of one test; ended with it."""

    def __init__(self) -> None:
        self._agents: list[Agent] = []

    async def __aenter__(self) -> "Agents":
        return self

    async def __aexit__(self, *_: object) -> None:
        for agent in self._agents:
            await agent.kill()

    async def start(
        self, *urls: str, documents: str | None = "notes", path: Path | None = None, **more: Any
    ) -> Agent:
        """A replica that is connected, and has a collection open."""
        process = await asyncio.create_subprocess_exec(
            node(), "--experimental-websocket", "--no-warnings", str(WEB / "replica_agent.mjs"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 26,
        )  # fmt: skip
        agent = Agent(process)
        self._agents.append(agent)
        await agent.ask("connect", urls=urls, path=path and str(path), **more)
        if documents is not None:
            await agent.ask("open", documents=documents)
        return agent


async def until(holds: Callable[[], Any], seconds: float = 40.0) -> Any:
    """Wait until something is so; `holds` may be a coroutine function."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)
