"""A vault for backups over a folder, local or mounted: `plait.node.backup.vault`.

A file is written under a hidden name, synced, and renamed, so it appears whole or not at all. Its
name is safe once its folder is synced, which `settle` does for all that was written, or found where
another process may have left it, since the last time. All of it happens in threads: a slow mount
holds nobody up.

Absent: watching the folder, and knowing which drafts another process is still writing.
"""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from plait.base.errors import BadSettings, Corrupt
from plait.host.direct_file import DirectFiles
from plait.host.folder import os_error, sync_folder

T = TypeVar("T")


class BackupFolder:
    """One folder. Raises `StorageError`s."""

    def __init__(
        self, path: str | os.PathLike[str], check_room: Callable[[], None] = lambda: None
    ) -> None:
        """check_room: raises why nothing is to be written now."""
        self.path = Path(path).absolute()
        self._check_room = check_room
        if self.path.exists() and not self.path.is_dir():
            raise BadSettings(f"{self.path} is no folder")
        self._files = DirectFiles()
        self._unsettled: dict[Path, None] = {}  # folders with names that a power cut may take

    async def names(self, folder: str) -> list[str]:
        """The names below a folder, in order; none if it is not there."""
        return await asyncio.to_thread(self._names, self.path / folder)

    async def size(self, name: str) -> int | None:
        """How long a file is; None if it is not there."""
        return await asyncio.to_thread(self._size, self.path / name)

    async def read(self, name: str, bytes_max: int) -> bytes:
        """All of a file. `Corrupt` if it is not there or longer than that."""
        return await asyncio.to_thread(self._read, name, bytes_max)

    async def write(self, name: str, data: bytes) -> None:
        """Put a file there, whole, in place of what bears its name; `settle` makes it stay."""
        self._check_room()
        await asyncio.to_thread(self._write, self.path / name, data)

    async def settle(self) -> None:
        """Return when a power cut takes nothing away of what was written, or found, before."""
        await asyncio.to_thread(self._settle)

    async def remove(self, *names: str) -> None:
        """Take files away for good; they may be gone already."""
        await asyncio.to_thread(self._remove, [self.path / name for name in names])

    async def move(self, name: str, to: str) -> None:
        """Give a file another name, in one step; it may be gone already."""
        await asyncio.to_thread(self._move, self.path / name, self.path / to)

    async def remove_drafts(self) -> None:
        """Take away what writes left that were broken off; never while somebody writes."""
        await asyncio.to_thread(self._remove_drafts)

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what takes the processor a while in a thread."""
        return await asyncio.to_thread(work)

    def _names(self, folder: Path) -> list[str]:
        try:
            return sorted(name for name in os.listdir(folder) if not name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise os_error(error, f"cannot list {folder}") from error

    def _size(self, path: Path) -> int | None:
        try:
            if not path.is_file():
                return None
            self._to_settle(path)
            return path.stat().st_size
        except OSError as error:
            raise os_error(error, f"cannot look at {path}") from error

    def _to_settle(self, path: Path) -> None:
        for folder in (path.parent, path.parent.parent):
            if folder.is_relative_to(self.path):
                self._unsettled[folder] = None

    def _read(self, name: str, bytes_max: int) -> bytes:
        try:
            with open(self.path / name, "rb") as file:
                data = file.read(bytes_max + 1)
        except (FileNotFoundError, IsADirectoryError):
            raise Corrupt(f"{name} is missing from {self.path}") from None
        except OSError as error:
            raise os_error(error, f"cannot read {self.path / name}") from error
        if len(data) > bytes_max:
            raise Corrupt(f"{name} is longer than the {bytes_max} bytes that it should have")
        return data

    def _write(self, path: Path, data: bytes) -> None:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        try:
            if not path.parent.is_dir():
                if not self.path.is_dir():
                    self.path.mkdir(parents=True, exist_ok=True)
                    sync_folder(self.path.parent)
                path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._files.write(draft, data)
                os.replace(draft, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    draft.unlink()
                raise
            self._to_settle(path)
        except OSError as error:
            raise os_error(error, f"cannot write {path}") from error

    def _settle(self) -> None:
        for folder in list(self._unsettled):
            try:
                sync_folder(folder)
            except OSError as error:
                raise os_error(error, f"cannot sync {folder}") from error
            del self._unsettled[folder]

    def _remove(self, paths: Sequence[Path]) -> None:
        folders: dict[Path, None] = {}
        for path in paths:
            try:
                path.unlink()
                folders[path.parent] = None
            except FileNotFoundError:
                pass
            except OSError as error:
                raise os_error(error, f"cannot remove {path}") from error
        for folder in folders:  # so that what is removed later does not go before these
            try:
                sync_folder(folder)
            except OSError as error:
                raise os_error(error, f"cannot sync {folder}") from error

    def _remove_drafts(self) -> None:
        try:
            for draft in self.path.rglob(".*.new"):
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise os_error(error, f"cannot look through {self.path}") from error

    def _move(self, path: Path, to: Path) -> None:
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, to)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise os_error(error, f"cannot move {path}") from error
