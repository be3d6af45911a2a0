"""History: an archive that a node keeps by itself, so that the past of its store can be read.

It is a folder of backups (`plait.node.backup`), brought up to date every few seconds: what is new
is added to it, and what is older than it is to reach goes. Logs are trimmed only below what is in
it; batches of documents are held by a `Tap` until they are.

Invariant: whatever moment the archive had it has, while that is to be kept: a round that finds a
line beginning anew (its node was down for longer than logs are kept, or got a copy of the state)
leaves the backup before it in place. A clock that jumps ahead lets nothing go before its time
(`Elapsing`).

A round that fails (no majority, no room) leaves the archive as it is, and readable; what it had
written already is looked for later, and what a killed process left when the next begins. In a
folder that others read, pieces that are not needed any more stay for as long as a restore may take.

Absent: reading it (`pasts`), and other nodes' archives: each has its own, or all add to one folder.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from plait.base.causality import vector_of
from plait.base.errors import PlaitError
from plait.engines.graph import Replica
from plait.node.backup.layout import Manifest
from plait.node.backup.pruning import Rules, let_go, prune
from plait.node.backup.taking import Keeping, Owner, take_backup
from plait.node.backup.tap import Tap
from plait.node.backup.vault import Vault, latest_named, read_manifests
from plait.node.config import HistorySettings
from plait.node.elapsing import Elapsing

logger = logging.getLogger("plait.history")

LET_GO_ROUNDS = 32  # of backups that were superseded, until their pieces are looked through
PATIENCE = 64  # times as long between rounds that fail
READING_S = 3600.0  # that a restore from an archive elsewhere may take: nobody tells us of it
LAST_ROUND_S = 3.0  # that closing a node may take longer for it
_DAY_S = 86400.0
_EVER = 1e6  # days


class History:
    """One node's archive, if it has one."""

    def __init__(self, node: Owner) -> None:
        self.error: PlaitError | None = None  # why the latest round failed
        self.left: Callable[[], Vault | None] = lambda: None  # what an earlier process kept
        self._node = node
        self._vault: Vault | None = None
        self._settings = HistorySettings()
        self._own = True  # nobody else puts backups there
        self._taps: dict[str, Tap] = {}  # by lineage
        self._latest: Manifest | None = None
        self._name = ""  # of the latest
        self._former: list[tuple[float, set[str]]] = []  # pieces not needed since, which are there
        self._littered = True  # there may be pieces that no backup names
        self._elapsing = Elapsing(node.clock)
        self._readers = 0
        self._lock = asyncio.Lock()  # one round at a time
        self._task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ life

    def keep(self, vault: Vault, settings: HistorySettings) -> None:
        """Keep it there from now on; before the node is started."""
        self._vault, self._settings, self._own = vault, settings, settings.folder is None
        self._node.graphs.on_open(self._opened)

    def start(self) -> None:
        """Begin with the rounds."""
        if self._vault is not None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """A last round, if that is soon done: what was written is in the archive, then."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        try:
            async with asyncio.timeout(LAST_ROUND_S):
                await self.round()
                await self._tidy()
        except (PlaitError, TimeoutError) as error:
            why = str(error) or f"that takes longer than {LAST_ROUND_S:g} s"
            logger.warning("the history ends before what was written last: %s", why)
        for tap in self._taps.values():
            tap.close()

    def _opened(self, lineage: str, replica: Replica) -> None:
        self._taps[lineage] = Tap(replica)

    async def _run(self) -> None:
        failed = 0
        while True:
            try:
                await self.round()
                failed = 0
            except PlaitError as error:
                if self.error is None:
                    logger.warning("history is not kept now: %s", error)
                self.error, self._littered = error, True
                failed += 1
            if self._littered or len(self._former) >= LET_GO_ROUNDS:
                await self._try_tidying()
            patience = min(2**failed, PATIENCE)  # it may write much before it fails
            await asyncio.sleep(self._settings.every_s * patience)

    async def _try_tidying(self) -> None:
        try:
            await self._tidy()
        except PlaitError as error:
            logger.warning("what history does not need any more stays: %s", error)

    # ------------------------------------------------------------------ rounds

    async def round(self) -> None:
        """Bring the archive up to what was acknowledged before. Raises what `take_backup` does."""
        vault = self._vault
        assert vault is not None
        async with self._lock:
            if not self._name and self._own:
                self._name, self._latest = await latest_named(vault) or ("", None)
                self._elapsing.begin(self._let_go_at_ms())
            keeping = Keeping(self._since_ms(), self._taps)
            taken = await take_backup(self._node, vault, supersedes=self._name, keeping=keeping)
            if self._latest is not None and taken.name != self._name:
                former = set(self._latest.pieces()) - set(taken.manifest.pieces())
                self._former.append((self._node.clock.monotonic(), former))
            self._name, self._latest, self.error = taken.name, taken.manifest, None
            self._release(taken.manifest)

    def _let_go_at_ms(self) -> int:
        """When the archive was last looked through, as far as it says; 0 if it does not."""
        latest, keep_s = self._latest, self._settings.keep_s
        if latest is None or keep_s is None or not latest.since_ms:
            return 0
        return int(latest.since_ms + keep_s * 1000)

    def _since_ms(self) -> int:
        keep_s = self._settings.keep_s
        return 0 if keep_s is None else int(self._elapsing.now_ms() - keep_s * 1000)

    def _release(self, manifest: Manifest) -> None:
        """What the archive has may be forgotten."""
        positions = {line.line: line.position for line in manifest.lines}
        for host in self._node.hosts() if self._task is not None else ():
            host.retention.archived = positions.get(host.line, 0)
        vectors = {graph.lineage: graph.vector for graph in manifest.graphs if not graph.gone_ms}
        for lineage in list(self._taps):
            if lineage in vectors:
                self._taps[lineage].forget(vector_of(vectors[lineage]))
            elif all(lineage != one.parts.options.lineage for one in self._node.graphs.replicas()):
                self._taps.pop(lineage).close()

    async def _tidy(self) -> None:
        """Remove what nobody needs any more; not while somebody reads."""
        vault = self._vault
        if vault is None or self._readers:
            return
        async with self._lock:
            until = self._node.clock.monotonic() - (0.0 if self._own else READING_S)
            old = [digests for since, digests in self._former if since <= until]
            await let_go(vault, set[str]().union(*old))
            self._former = self._former[len(old) :]
            if self._own:
                keep_s = self._settings.keep_s
                rules = Rules(days=_EVER if keep_s is None else keep_s / _DAY_S)
                littered, self._littered = self._littered, False
                await prune(vault, rules, self._elapsing.now_ms(), unnamed=littered)

    # ------------------------------------------------------------------ reading

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[tuple[Vault | None, PlaitError | None]]:
        """The archive, for as long as it is needed, and why it lacks what was written last, if it
        does; None if there is none."""
        if self._vault is None:
            self._vault = self.left()
        if self._vault is None:
            yield None, None
            return
        self._readers += 1
        try:
            yield self._vault, await self._up_to_now()
        finally:
            self._readers -= 1

    async def _up_to_now(self) -> PlaitError | None:
        try:
            await self.round()
        except PlaitError as error:
            return error
        return None

    async def manifests(self) -> list[Manifest]:
        """Every backup in the archive."""
        if self._vault is None:
            return []
        return [manifest async for manifest in read_manifests(self._vault)]

    def status(self) -> dict[str, Any] | None:
        """What people want to know; None if no history is kept."""
        if self._task is None:
            return None
        latest = self._latest
        return {
            "folder": None if self._own else str(self._settings.folder),
            "keep_s": self._settings.keep_s,
            "since_ms": None if latest is None else begins_ms(latest),
            "until_ms": None if latest is None else latest.time_ms,
            "error": None if self.error is None else str(self.error),
        }


def begins_ms(manifest: Manifest) -> int:
    """The earliest moment that a backup has of every line; 0 is the beginning of everything."""
    return max(line.copies[0].time_ms for line in manifest.lines)
