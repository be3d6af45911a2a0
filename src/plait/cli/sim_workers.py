"""The processes of a campaign: each runs one seed after the other, and is ended if it hangs."""

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import IO

import msgspec

from plait.sim.campaign import Campaign, Found, Result, Task

HANG_S = 60.0  # of real time, for one seed
_LINE_BYTES_MAX = 4 << 20
_SAID_MAX = 4_000  # characters of what a dead worker said last


async def run_campaign(
    campaign: Campaign,
    jobs: int,
    for_s: float | None,
    told: Callable[[Result], None],
    hang_s: float = HANG_S,
) -> None:
    """Run a campaign to its end, or for so many seconds; no worker outlives it."""
    deadline = None if for_s is None else time.monotonic() + for_s
    work = [asyncio.ensure_future(_work(campaign, deadline, told, hang_s)) for _ in range(jobs)]
    try:
        await asyncio.gather(*work)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def _work(
    campaign: Campaign,
    deadline: float | None,
    told: Callable[[Result], None],
    hang_s: float,
) -> None:
    """One worker, and another in its place after each that hung or died."""
    worker: _Worker | None = None
    try:
        while deadline is None or time.monotonic() < deadline:
            task = campaign.take()
            if task is None:
                return
            if worker is None:
                worker = await _Worker.start()
            result = await worker.run(task, hang_s)
            if not worker.alive:
                await worker.end()
                worker = None
            campaign.tell(result)
            told(result)
    finally:
        if worker is not None:
            await worker.end()


class _Worker:
    """A process that runs seeds."""

    def __init__(self, process: Process, said: IO[bytes]) -> None:
        self.alive = True
        self._process = process
        self._said = said

    @classmethod
    async def start(cls) -> "_Worker":
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-X", "faulthandler", "-m", "plait.sim.worker",
            stdin=PIPE, stdout=PIPE, stderr=said, limit=_LINE_BYTES_MAX, start_new_session=True,
        )  # fmt: skip
        return cls(process, said)

    async def run(self, task: Task, hang_s: float) -> Result:
        """What came of a seed, whatever the process does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(msgspec.json.encode(task) + b"\n")
            await self._process.stdin.drain()
            line = await asyncio.wait_for(self._process.stdout.readline(), hang_s)
            if line:
                return msgspec.json.decode(line, type=Result)
            problem = f"the process ended with {await self._process.wait()}"
            kind = "died"
        except TimeoutError:
            self._process.send_signal(6)  # SIGABRT: faulthandler says where it is
            problem, kind = f"not done after {hang_s:g} s of real time", "hang"
        except OSError as error:
            problem, kind = f"the process is gone: {error}", "died"
        self.alive = False
        await self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace")[-_SAID_MAX:]
        return Result(task.seed, (Found(kind, f"{problem}\n{said}"),))

    async def end(self) -> None:
        """Kill the process, if it still runs."""
        self.alive = False
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        self._said.close()
