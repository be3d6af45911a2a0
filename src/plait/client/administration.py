"""What those who run a cluster ask of it, of whichever node can answer.

Absent: what has to be said to several nodes; see `admin`.
"""

from os import PathLike
from pathlib import Path
from typing import Any

from plait.api.infos import TableInfo
from plait.api.messages import (
    BackupRequest,
    Join,
    Leave,
    ListDropped,
    ListMembers,
    Move,
    OpenDropped,
    RightsRequest,
    SetFollowerRequest,
    TableOpened,
)
from plait.base.errors import BadSettings, Closed, PlaitError
from plait.client.admin import Admin
from plait.client.attempts import Attempts, is_transient
from plait.client.cluster import Cluster
from plait.client.copies import LentCopies
from plait.types.rights_commands import RightsCommand

BACKUP_S = 24 * 3600.0  # that a backup may take, attempts and all


class Administration:
    """The administrative part of `plait.api.port.Backend`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._admin = Admin(cluster)
        self._closed = False

    async def status(self) -> dict[str, Any]:
        """See `Admin.status`."""
        self._check_open()
        return await self._admin.status()

    async def flush(self) -> None:
        """See `Admin.flush`."""
        self._check_open()
        await self._admin.flush()

    async def promote(
        self, node: str | None, line: str | None, accept_loss: bool, timeout_s: float
    ) -> dict[str, Any]:
        """See `Admin.promote`."""
        self._check_open()
        return await self._admin.promote(node, line, accept_loss, timeout_s)

    async def switch_over(self, target: str, line: str | None, timeout_s: float) -> dict[str, Any]:
        """See `Admin.switch_over`."""
        self._check_open()
        return await self._admin.switch_over(target, line, timeout_s)

    async def members(self) -> list[dict[str, Any]]:
        """See `Backend`."""
        answer = await self._anywhere("listing the members", ListMembers)
        return list(answer.value)

    async def join(
        self, name: str, address: str, witness: bool, timeout_s: float, zone: str = ""
    ) -> dict[str, Any]:
        """See `Backend`. Safe to repeat: it goes on from where things are."""
        attempts = self._cluster.attempts(timeout_s)
        answer = await self._anywhere(
            f"taking in {name!r}", Join, name, address, witness, timeout_s, zone, attempts=attempts
        )
        return dict(answer.value)

    async def leave(self, name: str, timeout_s: float) -> dict[str, Any]:
        """See `Backend`. Safe to repeat: it goes on from where things are."""
        attempts = self._cluster.attempts(timeout_s)
        answer = await self._anywhere(
            f"letting {name!r} go", Leave, name, timeout_s, attempts=attempts
        )
        return dict(answer.value)

    async def set_follower(
        self,
        name: str,
        delay_s: float | None,
        hold: str | None,
        go: bool,
        votes: bool | None,
        source: str | None = None,
        only: tuple[str, ...] | None = None,
    ) -> dict[str, Any]:
        """See `Backend`. Safe to repeat, but that ``now`` is then a little later."""
        answer = await self._anywhere(
            f"setting how {name!r} follows", SetFollowerRequest, name, delay_s, hold, go, votes,
            source, only,
        )  # fmt: skip
        return dict(answer.value)

    async def dropped(self) -> list[dict[str, Any]]:
        """See `Backend`."""
        answer = await self._anywhere("listing dropped tables", ListDropped)
        return list(answer.value)

    async def open_dropped(self, name: str) -> TableInfo:
        """See `Backend`."""
        opened = await self._anywhere(f"finding the dropped table {name!r}", OpenDropped, name)
        assert isinstance(opened, TableOpened)
        return opened.table

    async def examine(self) -> dict[str, Any]:
        """See `Admin.examine`."""
        self._check_open()
        return await self._admin.examine()

    async def move(
        self, what: str, to: str, timeout_s: float, forced_by: str = "", accept_loss: bool = False
    ) -> dict[str, Any]:
        """See `Backend`. Safe to repeat: it goes on from where things are."""
        if forced_by:
            self._check_open()
            return await self._admin.force(what, to, timeout_s, forced_by, accept_loss)
        attempts = self._cluster.attempts(timeout_s)
        answer = await self._anywhere(
            f"moving {what!r}", Move, what, to, timeout_s, attempts=attempts
        )
        return dict(answer.value)

    async def backup(
        self, folder: str | PathLike[str], supersedes: str, bytes_per_s: float | None
    ) -> dict[str, Any]:
        """See `Backend`. Safe to repeat: what is there is not copied again."""
        if not Path(folder).is_absolute():
            raise BadSettings(
                f"{folder}: the folder is the node's, not this program's; give its whole path"
            )
        attempts = self._cluster.attempts(BACKUP_S)
        answer = await self._anywhere(
            f"a backup to {folder}", BackupRequest, str(folder), supersedes, bytes_per_s,
            attempts=attempts,
        )  # fmt: skip
        return dict(answer.value)

    async def copies(self, moment: str) -> LentCopies:
        """See `Backend`."""
        self._check_open()
        return await self._admin.copies(moment)

    async def rights(self, command: RightsCommand | None) -> dict[str, Any]:
        """See `Backend`."""
        answer = await self._anywhere("who may do what", RightsRequest, command)
        return dict(answer.value)

    async def rescued(self) -> list[dict[str, Any]]:
        """See `Admin.rescued`."""
        self._check_open()
        return await self._admin.rescued()

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """See `Admin.show_rescued`."""
        self._check_open()
        return await self._admin.show_rescued(node, rescued)

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """See `Admin.replay_rescued`."""
        self._check_open()
        return await self._admin.replay_rescued(node, rescued)

    async def drop_rescued(self, node: str, rescued: int) -> None:
        """See `Admin.drop_rescued`."""
        self._check_open()
        await self._admin.drop_rescued(node, rescued)

    # ------------------------------------------------------------------------------ helpers

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("this client was closed")

    def _attempts(self) -> Attempts:
        return self._cluster.attempts(self._cluster.limits.admin_s)

    async def _anywhere(
        self, what: str, kind: Any, *fields: Any, attempts: Attempts | None = None
    ) -> Any:
        """Ask any node, then others, going where refusals point, until one answers."""
        self._check_open()
        attempts = attempts or self._attempts()
        node: str | None = None  # where the last refusal pointed
        avoid: list[str] = []
        while attempts.left_s:
            asked, sent = node or "any node", False
            try:
                link = await (
                    self._cluster.link_to(node) if node else self._cluster.any_link(avoid)
                )
                asked, sent = link.node, True
                return await link.ask(kind, *fields, timeout_s=attempts.attempt_s)
            except PlaitError as error:
                if not is_transient(error):
                    raise
                attempts.note(asked, error)
                attempts.doubtful = attempts.doubtful or (sent and not error.definite)
                avoid, was = [asked], node
                node = self._cluster.pointed_at(error)
                if node is not None and was is None:
                    continue  # pointed there for the first time: at once
            await attempts.pause()
        raise attempts.gave_up(what)
