"""Copies of this process's store: backups, the store as it was, documents in step elsewhere."""

from os import PathLike
from pathlib import Path
from typing import Any

from plait.api.port import Copies
from plait.host.backup_folder import BackupFolder
from plait.node.backup.taking import report_of, take_backup
from plait.node.folder_handle import FolderHandle, sync_folder
from plait.node.lending import LentCopies
from plait.node.node import Node
from plait.node.pasts import Past
from plait.node.relay_handle import RelayHandle


class LocalCopies:
    """A part of `Local`."""

    node: Node

    async def backup(
        self, folder: str | PathLike[str], supersedes: str = "", bytes_per_s: float | None = None
    ) -> dict[str, Any]:
        """Add a backup to a folder of this machine's."""
        self.node.check_open()
        taken = await take_backup(
            self.node, BackupFolder(folder), supersedes=supersedes, bytes_per_s=bytes_per_s
        )
        return report_of(taken)

    async def open_past(self, moment: str) -> Past:
        """The node of the store as it was."""
        self.node.check_open()
        return await self.node.pasts.open(moment)

    async def copies(self, moment: str) -> Copies:
        """What a restore at that moment needs."""
        self.node.check_open()
        return LentCopies(self.node.lending, await self.node.lending.lend(moment))

    async def offer_past(self, moment: str) -> dict[str, Any]:
        """The same, for a client that is to connect to it."""
        self.node.check_open()
        return await self.node.pasts.offer(moment)

    async def sync_folder(self, path: str | PathLike[str], every_s: float) -> FolderHandle:
        """Sync every collection of documents through a folder."""
        self.node.check_open()
        return await sync_folder(self.node, Path(path), every_s)

    async def sync_through(self, url: str, name: str, every_s: float) -> RelayHandle:
        """Sync every collection of documents through a relay on a shared engine."""
        self.node.check_open()
        return await self.node.relays.sync_through(url, name, every_s)
