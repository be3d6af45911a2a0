"""A branch: a store made from copies that another lends, which says that it may be thrown away.

Invariant: nothing is removed that does not say so: the mark is put into the folder before it
appears, by whoever made it.
"""

import asyncio
import shutil
from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TypeVar

import msgspec

from plait.api.port import Copies
from plait.base.errors import BadSettings, ReadOnly
from plait.host.folder import Folder, os_error
from plait.node.backup.choosing import parse_target
from plait.node.backup.folders import restore_vault
from plait.node.backup.restoring import Restored, Tell

MARK = "branch.json"
_MAGIC = "plait branch"
_MARK_BYTES_MAX = 1 << 16

T = TypeVar("T")


class Mark(msgspec.Struct, frozen=True):
    """What says that a folder is a branch."""

    what: str
    cluster: str  # its own
    of: str  # the cluster that it is a branch of
    at: str  # as it was asked for


class Borrowed:
    """Implements the reading part of `Vault` over what somebody lends."""

    def __init__(self, copies: Copies) -> None:
        self.names, self.size, self.read = copies.names, copies.size, copies.read

    async def write(self, name: str, data: bytes) -> None:
        """Refuse: it is not ours."""
        raise ReadOnly(f"{name} is lent, to be read only")

    async def settle(self) -> None:
        """Nothing was written."""

    async def remove(self, *names: str) -> None:
        """Refuse: they are not ours."""
        raise ReadOnly(f"{', '.join(names)} is lent, to be read only")

    async def move(self, name: str, to: str) -> None:
        """Refuse: it is not ours."""
        raise ReadOnly(f"{name} is lent, to be read only")

    async def remove_drafts(self) -> None:
        """Refuse: it is not ours."""
        raise ReadOnly("what is lent is to be read only")

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what takes the processor a while in a thread."""
        return await asyncio.to_thread(work)


async def make_branch(
    copies: Copies, path: str | PathLike[str], at: str, name: str, tell: Tell
) -> Restored:
    """The folder `path`, which is new or empty, as of a moment that the copies have."""
    vault, target = Borrowed(copies), parse_target(at)
    return await restore_vault(vault, path, target, name, tell, partial(_mark, at=at))


def _mark(folder: Path, restored: Restored, at: str) -> None:
    mark = Mark(_MAGIC, restored.cluster, restored.former, at)
    try:
        (folder / MARK).write_bytes(msgspec.json.format(msgspec.json.encode(mark)) + b"\n")
    except OSError as error:
        raise os_error(error, f"cannot write {folder / MARK}") from error


def mark_of(path: str | PathLike[str]) -> Mark:
    """What a branch says of itself; `BadSettings` for a folder that is none."""
    folder = Path(path).absolute()
    try:
        with open(folder / MARK, "rb") as file:
            mark = msgspec.json.decode(file.read(_MARK_BYTES_MAX), type=Mark)
    except (OSError, msgspec.DecodeError):
        raise BadSettings(f"{folder} is no branch that `plait branch` made") from None
    if mark.what != _MAGIC:
        raise BadSettings(f"{folder} is no branch that `plait branch` made")
    return mark


async def remove_branch(path: str | PathLike[str]) -> Mark:
    """Remove a branch that no process has open; `FolderInUse` if one has.

    It says that it is one until nothing else is left, so what was broken off can be done again.
    """
    if Path(path).is_symlink():
        raise BadSettings(f"{path} only leads to a folder: name that one")
    folder = Path(path).resolve()
    mark = mark_of(folder)
    await asyncio.to_thread(_remove, folder)
    return mark


def _remove(folder: Path) -> None:
    held = Folder(folder)
    try:
        last = [folder / "lock", folder / MARK]
        for path in [path for path in folder.iterdir() if path not in last] + last:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        folder.rmdir()
    except OSError as error:
        raise os_error(error, f"cannot remove {folder}") from error
    finally:
        held.close()
