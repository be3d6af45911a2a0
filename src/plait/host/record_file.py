"""A file that one process appends to: locked, cut, and synced before an append returns."""

import asyncio
import fcntl
import os
from os import PathLike
from pathlib import Path

from plait.base.errors import BadSettings, Closed, FolderInUse
from plait.host.folder import os_error, sync_folder


class RecordFile:
    """`size` is known once it is open."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self.size = 0
        self._descriptor: int | None = None

    async def open(self) -> None:
        """Lock it; it is made if absent. `FolderInUse` if another process has it."""
        await asyncio.to_thread(self._open)

    async def read(self, start: int, stop: int) -> bytes:
        """Some of it."""
        return await asyncio.to_thread(self._read, start, stop)

    async def truncate(self, size: int) -> None:
        """Cut it."""
        await asyncio.to_thread(self._truncate, size)

    async def append(self, data: bytes) -> None:
        """Return when it is on disk. After an error it is not known how much of it is there."""
        await asyncio.to_thread(self._append, data)

    async def close(self) -> None:
        """Let go of it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> None:
        try:
            new = not self.path.exists()
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.size = os.fstat(descriptor).st_size
                os.lseek(descriptor, self.size, os.SEEK_SET)
                if new:
                    sync_folder(self.path.parent)
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor = descriptor
        except BlockingIOError:
            raise FolderInUse(f"another process appends to {self.path}") from None
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise BadSettings(f"cannot append to {self.path}: {error.strerror}") from None
        except OSError as error:
            raise os_error(error, f"cannot open {self.path}") from error

    def _held(self) -> int:
        if self._descriptor is None:
            raise Closed(f"{self.path} is not open")
        return self._descriptor

    def _read(self, start: int, stop: int) -> bytes:
        descriptor, parts = self._held(), []
        try:
            while start < stop and (part := os.pread(descriptor, stop - start, start)):
                parts.append(part)
                start += len(part)
        except OSError as error:
            raise os_error(error, f"cannot read {self.path}") from error
        return b"".join(parts)

    def _truncate(self, size: int) -> None:
        descriptor = self._held()
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
            self.size = os.lseek(descriptor, size, os.SEEK_SET)
        except OSError as error:
            raise os_error(error, f"cannot cut {self.path}") from error

    def _append(self, data: bytes) -> None:
        descriptor, rest = self._held(), memoryview(data)
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError as error:
            raise os_error(error, f"cannot write {self.path}") from error
        self.size += len(data)
