"""The Storage port of a simulated machine whose states are the shipped SQLite states.

The log is the twin in memory (`disk`); each line's state is a `SqliteState` over a VFS whose files
lie on the simulated disk (`false_vfs`). What it does off the loop is done on it, one job after the
other, each of which takes as long as an fsync. A machine may die in the midst of a job: then the
disk has what a few of the job's calls did, and after a power cut of all that was not synced any
part, sector by sector.

Invariant: nothing of a dead process reaches a disk. No message says where the files really are.
Absent: threads, and reads that bring other bytes than were written.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from plait.base.errors import Closed, PlaitError
from plait.host.folder import Folder
from plait.host.sqlite_snapshot import SnapshotFile
from plait.host.sqlite_state import SqliteState
from plait.sim.disk import SimDisk, SimStorage
from plait.sim.false_file import FalseFile
from plait.sim.false_vfs import Call, FalseVFS, done_again
from plait.sim.process import Process

_MEMORY = "/dev/shm"


class SqliteStorage(SimStorage):
    """One machine's folder, as the process that has it open sees it."""

    def __init__(self, disk: SimDisk, process: Process) -> None:
        super().__init__(disk, process)
        parent = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        self._root = Path(tempfile.mkdtemp(prefix="plait-sim-", dir=parent))
        for name, content in disk.files.items():
            path = self._root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._folder = Folder(self._root)
        self._vfs = FalseVFS(disk)
        self._jobs = _Jobs(disk, process)
        self._opened: dict[str, _State] = {}

    def state(self, line: str) -> Any:
        """See `Storage`."""
        if self.disk.holder is not self:
            raise Closed("the storage is closed")
        if line not in self._opened:
            self._opened[line] = _State(
                self._sim, self._folder, line, self._loop, self._jobs, self._vfs
            )
        return self._opened[line]

    async def drop_state(self, line: str) -> None:
        """See `Storage`."""
        await self.state(line).remove()
        del self._opened[line]

    async def close(self) -> None:
        """See `Storage`."""
        if self.disk.holder is self:
            for state in self._opened.values():
                await state.close()
            self._leave(drain=True)
            self._end(self._vfs.files, power_cut=False)

    def crash(self, *, power_cut: bool = True) -> None:
        """See `MemoryStorage`."""
        if self.disk.holder is self:
            files = {path: file.copied() for path, file in self._vfs.files.items()}
            calls: list[Call] = []
            self._vfs.calls = calls
            self._jobs.cut_short()
            done_again(files, calls[: self._sim.random.randrange(len(calls) + 1)])
            super().crash(power_cut=power_cut)
            self._end(files, power_cut)

    def _end(self, files: dict[str, FalseFile], power_cut: bool) -> None:
        """Leave on the disk what there is, and nothing anywhere else."""
        random, root = self._sim.random, self._root
        left = self._vfs.left(files, power_cut, random)
        for path in sorted(root.rglob("*.partial")):  # copies that were being received
            content = path.read_bytes()
            whole = not power_cut or random.random() < 0.5
            left[str(path)] = content if whole else content[: random.randrange(len(content) + 1)]
        for path in root.rglob("*.making"):
            left[str(path)] = b""
        self._sim.files = {
            str(Path(path).relative_to(root)): content
            for path, content in sorted(left.items())
            if not path.endswith((".copy", ".copy-journal"))
        }
        self._vfs.dead = True
        for state in self._opened.values():
            state.give_back()
        self._folder.close()
        self._vfs.unregister()
        shutil.rmtree(root, ignore_errors=True)


class _Jobs:
    """What the storage's executor would do in its thread, on the loop of the world."""

    def __init__(self, disk: SimDisk, process: Process) -> None:
        self._disk = disk
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[asyncio.Future[Any], Callable[[], Any]]] = []

    def submit(self, work: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """Do something behind what was submitted before."""
        done: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((done, partial(work, *args)))
        if len(self._waiting) == 1:
            self._begin()
        return done

    def _begin(self) -> None:
        self._process.at(self._loop.time() + self._disk.commit_s(), self._do)

    def _do(self) -> None:
        if self._disk.stalled:
            self._disk.park(self._process, self._do)
            return
        done, work = self._waiting[0]
        if not done.cancelled():
            try:
                result = work()
            except BaseException as error:
                done.set_exception(error)
            else:
                done.set_result(result)
        del self._waiting[0]
        if self._waiting:
            self._begin()

    def cut_short(self) -> None:
        """The process is dead; what it was about to do is done, but nobody hears of it."""
        if self._waiting:
            _, work = self._waiting[0]
            with contextlib.suppress(Exception):
                self._process.posthumously(work)


class _State(SqliteState):
    """One line's state, with chance in place of secrets, and no place in its messages."""

    def __init__(
        self,
        disk: SimDisk,
        folder: Folder,
        line: str,
        loop: asyncio.AbstractEventLoop,
        executor: Any,  # `_Jobs`
        vfs: FalseVFS,
    ) -> None:
        self._disk = disk
        self._false = vfs
        self._sent: list[SnapshotFile] = []
        super().__init__(folder, line, loop, executor, vfs.name)

    def _copy(self, snapshot_id: str) -> SnapshotFile:
        copy = super()._copy(f"{self._disk.random.getrandbits(128):032x}")
        self._sent.append(copy)
        return copy

    def _swap(self, change: Callable[[], object]) -> None:
        def known_change() -> None:
            change()
            self._false.forget(self._path)

        try:
            super()._swap(known_change)
        except PlaitError as error:
            raise self._placeless(error) from error

    async def remove(self) -> None:
        await super().remove()
        self._false.forget(self._path)

    def _shut(self) -> None:
        # What fails while SQLite closes a file is nobody's to hear, but for Python's own VFS.
        for _ in range(3):
            with contextlib.suppress(apsw.Error):
                super()._shut()
                return

    def _error(self, error: BaseException, what: str, connection: Any) -> PlaitError:
        return self._placeless(super()._error(error, what, connection))

    def _placeless(self, error: PlaitError) -> PlaitError:
        error.message = error.message.replace(f"{self._folder.path}/", "")
        error.args = (error.message,)
        return error

    def give_back(self) -> None:
        """The process is no more; SQLite must not know."""
        self._shut()
        for copy in self._sent:
            copy.close()
