"""A database on a line: jobs become commands and queries of a machine.

::

    jobs of a pass ──┬─ only reads ──► look, here at once if this node leads, else awaited
                     └─ any writes ──► run: one command of the machine for all of them

Few batches are under way at a time: what comes meanwhile shares the next one, and its group commit.
Where this node does not lead, the store knows the way to who does.

A GET sees every write that was answered before it: a leader–follower database is read at its
leader, a consensus one by a majority's word.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from plait.api.machine import Machine
from plait.base.errors import CommandFailed, PlaitError
from plait.doors.resp.batches import WATCH, decode_done, encode_groups
from plait.doors.resp.replies import Complaint
from plait.doors.resp.space import Job, refuse

WRITES_IN_FLIGHT: Final = 2
READS_IN_FLIGHT: Final = 4
BATCH_BYTES_MAX: Final = 1 << 20
BATCH_COMMANDS_MAX: Final = 8192


class LineSpace:
    """Implements `plait.doors.resp.space.Space`.

    replicas: how many other nodes have what was answered, by the line's rule.
    """

    def __init__(
        self,
        kind: str,
        machine: Machine,
        wall_ms: Callable[[], int],
        replicas: Callable[[], Awaitable[int]],
    ) -> None:
        self.kind = kind
        self._machine = machine
        self._wall_ms = wall_ms
        self._replicas = replicas
        self._loop = asyncio.get_running_loop()
        self._jobs: list[Job] = []
        self._reads: list[Job] = []
        self._writes: list[Job] = []
        self._reading = 0
        self._writing = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self, job: Job) -> None:
        """See `Space`."""
        if not self._jobs:
            self._loop.call_soon(self._tick)
        self._jobs.append(job)

    def _tick(self) -> None:
        jobs, self._jobs = self._jobs, []
        reads = [job for job in jobs if not job.writes]
        if reads:
            self._look(reads)
        if len(reads) != len(jobs):
            self._writes += [job for job in jobs if job.writes]
            self._send()

    # ------------------------------------------------------------------ reading

    def _look(self, jobs: list[Job]) -> None:
        batch = encode_groups([(job.protocol, job.commands) for job in jobs])
        try:
            answer = self._machine.at_once("look", batch, self._wall_ms())
        except PlaitError:
            answer = None  # asked again below, it says why
        if answer is not None:
            _tell(jobs, answer)
            return
        self._reads += jobs
        self._read_on()

    def _read_on(self) -> None:
        while self._reads and self._reading < READS_IN_FLIGHT:
            jobs, self._reads = _batch(self._reads)
            self._reading += 1
            self._start(self._read(jobs))

    async def _read(self, jobs: list[Job]) -> None:
        batch = encode_groups([(job.protocol, job.commands) for job in jobs])
        now_ms = self._wall_ms()
        try:
            _tell(jobs, await self._machine.look(batch, now_ms))
        except CommandFailed as error:  # whoever is to blame fails alone
            if len(jobs) == 1:
                refuse(jobs[0], Complaint(error.details.get("text") or str(error)))
            else:
                for job in jobs:
                    self._reading += 1
                    await self._read([job])
        except PlaitError as error:
            for job in jobs:
                refuse(job, error)
        finally:
            self._reading -= 1
            self._read_on()

    # ------------------------------------------------------------------ writing

    def _send(self) -> None:
        while self._writes and self._writing < WRITES_IN_FLIGHT:
            jobs, self._writes = _batch(self._writes)
            self._writing += 1
            self._start(self._write(jobs))

    async def _write(self, jobs: list[Job]) -> None:
        try:
            await self._run(jobs)
        finally:
            self._writing -= 1
            self._send()

    async def _run(self, jobs: list[Job]) -> None:
        batch = encode_groups([(job.protocol, job.commands) for job in jobs])
        try:
            answer = await self._machine.run(batch)
        except CommandFailed as error:  # it was undone: whoever is to blame fails alone
            if len(jobs) > 1:
                for job in jobs:
                    await self._run([job])
            elif len(jobs[0].commands) > 1:
                await self._run_one_by_one(jobs[0])
            else:
                refuse(jobs[0], Complaint(error.details.get("text") or str(error)))
        except PlaitError as error:
            for job in jobs:
                refuse(job, error)
        else:
            _tell(jobs, answer)

    async def _run_one_by_one(self, job: Job) -> None:
        replies: list[bytes] = []
        for args in job.commands:
            one = Job(job.protocol, [args], True, 0, lambda data, count: replies.append(data))
            await self._run([one])
        job.reply(b"".join(replies), len(job.commands))

    def _start(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------------ more

    async def watch(self, keys: list[bytes]) -> int:
        """See `Space`."""
        batch = encode_groups([(2, [[WATCH, *keys]])])
        ((data, _),) = decode_done(await self._machine.run(batch))
        return int(data[1:-2])

    async def acknowledged(self, replicas: int, timeout_s: float) -> int:
        """See `Space`. A write is answered when the line's rule is met: who that is counts."""
        return await self._replicas()

    async def close(self) -> None:
        """See `Space`."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _tell(jobs: list[Job], answer: bytes) -> None:
    for job, (data, count) in zip(jobs, decode_done(answer), strict=True):
        job.reply(data, count)


def _batch(jobs: list[Job]) -> tuple[list[Job], list[Job]]:
    """As many from the front as go together, and the rest."""
    size = count = taken = 0
    for job in jobs:
        size += job.size
        count += len(job.commands)
        if taken and (size > BATCH_BYTES_MAX or count > BATCH_COMMANDS_MAX):
            break
        taken += 1
    return jobs[:taken], jobs[taken:]
