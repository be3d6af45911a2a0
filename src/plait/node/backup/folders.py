"""Restoring and verifying on real folders.

A restored folder appears under its name when it is whole: it is made beside it and renamed.
"""

import asyncio
import contextlib
import fcntl
import glob
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from os import PathLike
from pathlib import Path
from random import SystemRandom

from plait.base.errors import BadSettings, PlaitError
from plait.host.backup_folder import BackupFolder
from plait.host.clock import SystemClock
from plait.host.folder import Folder, os_error, sync_folder
from plait.host.storage import open_storage
from plait.node.backup.choosing import LATEST, Target
from plait.node.backup.restoring import Restored, Tell, restore
from plait.node.backup.vault import Vault, whose

_DRAFT = ".restoring-"
_PREFIX = "plait-"
_HELD = "held"  # locked by who uses a folder for temporary files


async def restore_folder(
    backup: str | PathLike[str],
    data: str | PathLike[str],
    target: Target = LATEST,
    name: str = "n1",
    tell: Tell = lambda progress: None,
) -> Restored:
    """Make the folder `data`, which must not be there or be empty, from a backup."""
    check_new(data)
    return await restore_vault(existing(backup), data, target, name, tell)


def check_new(data: str | PathLike[str]) -> None:
    """Raise `BadSettings` for a folder that holds something."""
    goal = Path(data).absolute()
    if goal.exists() and (not goal.is_dir() or any(goal.iterdir())):
        raise BadSettings(f"{goal} is not empty: a backup is restored into a new folder")


async def restore_vault(
    vault: Vault,
    data: str | PathLike[str],
    target: Target,
    name: str,
    tell: Tell,
    finish: Callable[[Path, Restored], None] = lambda folder, restored: None,
) -> Restored:
    """The same, of backups that are elsewhere; `finish` adds to the folder before it appears."""
    goal = Path(data).absolute()
    await whose(vault)
    await asyncio.to_thread(_remove_drafts, goal)
    draft = goal.with_name(f"{goal.name}{_DRAFT}{secrets.token_hex(4)}")
    try:
        storage = await open_storage(draft)
        try:
            clock, random = SystemClock(), SystemRandom()
            restored = await restore(vault, storage, clock, random, target, name, tell)
        finally:
            await storage.close()
        finish(draft, restored)
        _rename(draft, goal)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return restored


def _remove_drafts(goal: Path) -> None:
    """What restores to the same place left that were killed: nobody has it open."""
    for draft in goal.parent.glob(f"{glob.escape(goal.name + _DRAFT)}*"):
        with contextlib.suppress(PlaitError):
            held = Folder(draft)
            shutil.rmtree(draft, ignore_errors=True)
            held.close()


def _rename(draft: Path, goal: Path) -> None:
    try:
        if goal.exists():
            goal.rmdir()
        os.replace(draft, goal)
        sync_folder(goal.parent)
    except OSError as error:
        raise os_error(error, f"cannot put the restored folder at {goal}") from error


def existing(backup: str | PathLike[str]) -> BackupFolder:
    """A backup folder that must be there."""
    if not Path(backup).is_dir():
        raise BadSettings(f"there is no folder {Path(backup).absolute()}")
    return BackupFolder(backup)


@contextlib.contextmanager
def scratch_folder(what: str = "verify") -> Iterator[Path]:
    """Where states are folded to be compared, or read; removed afterwards.

    What processes left that were killed goes first: it may be large, and holds what they stored.
    """
    _remove_left()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{what}-") as made:
        folder = Path(made)
        draft = folder / f"{_HELD}.new"
        held = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            draft.rename(folder / _HELD)  # there only while it is locked, or nobody's
            yield folder
        finally:
            os.close(held)


@contextlib.asynccontextmanager
async def scratch_aside(what: str) -> AsyncIterator[Path]:
    """The same, made and removed in a thread."""
    stack = contextlib.ExitStack()
    try:
        yield await asyncio.to_thread(stack.enter_context, scratch_folder(what))
    finally:
        await asyncio.to_thread(stack.close)


def _remove_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            held = os.open(folder / _HELD, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)
