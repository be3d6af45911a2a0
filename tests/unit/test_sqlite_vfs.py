"""States on a disk that lies: cut at every call, with calls that fail, and with damage.

A state may be rolled back, but not behind what was synced, and not in part; or it says that it is
damaged, and is rebuilt. `STATE_SEEDS=0:500` runs more, and one failing seed again.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from disks import put
from false_vfs import NAME, FalseVFS, failure

from plait.base.errors import Corrupt, PlaitError
from plait.base.ports import Change, StateStorage
from plait.host import sqlite_state
from plait.host.folder import Folder
from plait.host.sqlite_state import SqliteState
from plait.host.storage import open_storage

FIRST, LAST = map(int, os.environ.get("STATE_SEEDS", "0:4").split(":"))
SEEDS = pytest.mark.parametrize("seed", range(FIRST, LAST))
Rows = dict[tuple[int, bytes], bytes]
Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: None)
    monkeypatch.setattr(sqlite_state, "_WAL_FRAMES", 12)


def all_rows(state: StateStorage) -> Rows:
    """Everything that a state holds."""
    return {
        (space, key): value
        for space in (0, 1)
        for key, value in state.scan(space, b"", None, 1 << 30)
    }


class Run:
    """One state on a false disk, all that it ever was, and images with what each may be."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.vfs = FalseVFS(self.rng)
        self.versions: list[Rows] = [{}]  # after each transaction
        self.ever: dict[tuple[int, bytes], set[bytes]] = {}  # what a key ever had
        self.synced = 0  # index of a version: it cannot be lost
        self.images: list[tuple[Files, int, int]] = []  # with the versions that it may be
        self.share = 0.0
        self.failing = 0  # so many calls fail from now on, after as many that do not
        self.after = 0
        self.failed = 0
        self._full = False
        self._only = ""
        self.pending: Rows | None = None

    def watch(self) -> None:
        """From now on keep images."""
        self.vfs.on_call = self._on_call

    def _on_call(self, call: str) -> BaseException | None:
        if call != "read" and self.rng.random() < self.share:
            self.keep()
        if self._only not in ("", call):
            return None
        self.after -= 1
        if self.after >= 0 or not self.failing:
            return None
        self.failing -= 1
        self.failed += 1
        return failure(call, self._full)

    def keep(self) -> None:
        """An image: the power goes, or sometimes only the process."""
        stop = len(self.versions) + (self.pending is not None)
        power = self.rng.random() < 0.85
        image = self.vfs.cut() if power else self.vfs.killed()
        self.images.append((image, self.synced, stop))

    async def change(self, state: StateStorage) -> bool:
        """One random transaction; whether it is known to have happened."""
        rng, rows = self.rng, dict(self.versions[-1])
        changes: list[Change] = []
        for _ in range(rng.choice((1, 3, 30))):
            space, key = rng.randrange(2), b"%d" % rng.randrange(60)
            value = rng.randbytes(rng.choice((5, 100, 1500))) if rng.random() < 0.8 else None
            changes.append((space, key, value))
            if value is None:
                rows.pop((space, key), None)
            else:
                rows[space, key] = value
                self.ever.setdefault((space, key), set()).add(value)
        self.pending = rows
        try:
            await put(state, *changes)
        except PlaitError:
            return False
        self.versions.append(rows)
        self.pending = None
        return True

    async def sync(self, state: StateStorage) -> bool:
        """What was finished cannot be lost any more, unless this fails."""
        finished = len(self.versions) - 1
        try:
            await state.sync()
        except PlaitError:
            return False
        self.synced = finished
        return True

    def settle(self, state: StateStorage) -> None:
        """After a failed transaction: it happened, or it did not; never in part."""
        pending, self.pending = self.pending, None
        self.failing = 0
        found = all_rows(state)
        assert found in (self.versions[-1], pending)
        if pending is not None and found == pending:
            self.versions.append(pending)

    def fail(self, after: int, count: int, only: str = "") -> None:
        """So many calls fail, after so many that do not; all kinds of calls, or one."""
        self.after, self.failing, self._full = after, count, self.rng.random() < 0.3
        self._only = only


@pytest.fixture
def run(seed: int) -> Iterator[Run]:
    made = Run(seed)
    try:
        yield made
    finally:
        made.vfs.unregister()


class Judge:
    """Opens images and holds them against the versions that they may be."""

    def __init__(self, path: Path, run: Run) -> None:
        self.cases = 0
        self.damaged = 0
        self._run = run
        self._path = path
        self._vfs = FalseVFS(run.rng, "plait-images")
        self._executor = ThreadPoolExecutor(1)
        self._folder = Folder(path)

    async def judge(self, may_be_damaged: bool) -> None:
        """Every image is one of the versions that it may be, or says that it is damaged."""
        run = self._run
        versions = [*run.versions, *([] if run.pending is None else [run.pending])]
        for files, first, stop in run.images:
            state = self.open(files)
            try:
                found = all_rows(state)
            except Corrupt as error:
                self.damaged += 1
                if not may_be_damaged and first:
                    pytest.fail(f"a good state is called damaged: {error}")
                await state.clear()
            else:
                if found not in versions[first:stop]:
                    at = [number for number, each in enumerate(versions) if each == found]
                    pytest.fail(f"it should be of {first} to {stop - 1}, and is of {at}")
            await put(state, (0, b"goes on", b"v"))
            assert state.get(0, b"goes on") == b"v"
            await state.close()
        run.images.clear()

    def open(self, files: Files) -> SqliteState:
        """The state that is in these files."""
        self.cases += 1
        states = self._path / "state"
        for leftover in states.iterdir():
            leftover.unlink()
        self._vfs.forget()
        for name, content in files.items():
            (states / name).write_bytes(content)
        loop = asyncio.get_running_loop()
        return SqliteState(self._folder, "a", loop, self._executor, self._vfs.name)

    def close(self) -> None:
        """Give all back."""
        self._executor.shutdown()
        self._folder.close()
        self._vfs.unregister()


@pytest.fixture
def judge(tmp_path: Path, run: Run) -> Iterator[Judge]:
    made = Judge(tmp_path / "image", run)
    try:
        yield made
    finally:
        made.close()


@SEEDS
async def test_a_cut_takes_a_state_back_to_a_transaction_not_before_the_last_sync(
    tmp_path, run, judge, seed
):
    storage = await open_storage(tmp_path / "data", vfs=NAME)
    run.share = 0.35
    run.watch()
    state = storage.state("a")
    for _ in range(40):
        assert await run.change(state)
        if run.rng.random() < 0.2:
            assert await run.sync(state)
        run.keep()
        await judge.judge(may_be_damaged=False)
    await storage.close()
    assert judge.cases > 150
    assert run.synced > 0


@SEEDS
async def test_failed_calls_leave_a_transaction_whole_or_undone_and_a_sync_never_lies(
    tmp_path, run, judge, seed
):
    storage = await open_storage(tmp_path / "data", vfs=NAME)
    run.share = 0.1
    run.watch()
    state, refused = storage.state("a"), 0
    for turn in range(120):
        run.fail(run.rng.randrange(14), run.rng.choice((1, 1, 2, 5)))
        if not await run.change(state):
            refused += 1
            run.settle(state)
        if run.rng.random() < 0.3:
            refused += not await run.sync(state)
        if turn % 6 == 0:
            run.keep()
            await judge.judge(may_be_damaged=True)
    run.failing = 0
    await storage.close()
    assert run.failed > 20
    assert refused > 10


@SEEDS
async def test_flipped_bits_are_found_or_show_no_row_that_never_was(tmp_path, run, judge, seed):
    storage = await open_storage(tmp_path / "data", vfs=NAME)
    state, found = storage.state("a"), 0
    for turn in range(40):
        assert await run.change(state)
        if turn % 7 == 3:
            assert await run.sync(state)
        files = run.vfs.killed()
        name = run.rng.choice([name for name, content in sorted(files.items()) if content])
        spoilt = bytearray(files[name])
        for _ in range(4):
            spoilt[run.rng.randrange(len(spoilt))] ^= 1 << run.rng.randrange(8)
        opened = judge.open({**files, name: bytes(spoilt)})
        for space, key in run.versions[-1]:
            try:
                value = opened.get(space, key)
            except PlaitError as error:
                found += isinstance(error, Corrupt)
            else:
                assert value is None or value in run.ever[space, key]
        await opened.close()
    await storage.close()
    assert found > 0


@SEEDS
async def test_a_sync_after_one_that_failed_is_as_good_as_any(tmp_path, run, judge, seed):
    storage = await open_storage(tmp_path / "data", vfs=NAME)
    run.watch()
    state, failures = storage.state("a"), 0
    for _ in range(8):
        for _ in range(run.rng.randrange(1, 4)):
            assert await run.change(state)
        run.fail(0, 1, only="sync")
        while not await run.sync(state):  # there may be nothing to sync
            failures += 1
        run.failing = 0
        for _ in range(6):
            run.keep()
    await judge.judge(may_be_damaged=False)
    await storage.close()
    assert failures > 0
