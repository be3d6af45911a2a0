"""Restoring and verifying on real folders.

A restored folder appears under its name when it is whole: it is made beside it and renamed.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from random import SystemRandom

from plait.base.errors import BadSettings
from plait.host.backup_folder import BackupFolder
from plait.host.clock import SystemClock
from plait.host.folder import os_error, sync_folder
from plait.host.storage import open_storage
from plait.node.backup.choosing import LATEST, Target
from plait.node.backup.restoring import Restored, Tell, restore
from plait.node.backup.vault import Vault, whose


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
    draft = goal.with_name(f"{goal.name}.restoring-{secrets.token_hex(4)}")
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


def scratch_folder(what: str = "verify") -> "tempfile.TemporaryDirectory[str]":
    """Where states are folded to be compared, or read; removed afterwards."""
    return tempfile.TemporaryDirectory(prefix=f"plait-{what}-")
