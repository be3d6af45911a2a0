"""Clients that use two tables and write down what they saw, and the judgement of that.

Three clients write and read through the whole cluster; one more at every node only reads, and
only there. The table of registers sees get, put and cas, the other one delete too. Every value is
written once, so the judge can tell all of them apart.

What an operation that failed may have done is what its error says (`plait.api.recording`). An
operation that takes too long is given up, which leaves open whether it happens.
"""

import asyncio
import os
import random
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest
from faults import LIMITS, FaultyNodes

from plait import ABSENT
from plait.api.recording import RecordedTable
from plait.api.settings import Settings
from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.check import Recorder, check_history, load_history
from plait.client.backend import connect

KEYS = 4
USES = 600  # of a key, until another one takes its place: indefinite operations never end
GIVE_UP_S = 5.0
JUDGE_S = 120.0
MODELS = {"registers": "cas-register", "rows": "kv"}


class Workload:
    """Records two histories, one a table, into files of a folder."""

    def __init__(self, nodes: FaultyNodes, folder: Path, settings: Settings, seed: int) -> None:
        self.acknowledged = 0  # writes
        self.read: dict[str, int] = {}  # by the node that a client was bound to
        self._nodes = nodes
        self._settings = settings
        self._files = {name: folder / f"{name}.jsonl" for name in MODELS}
        self._seed = seed
        self._seen: dict[tuple[str, str], object] = {}  # what cas expects: the last known values
        self._uses = 0
        self._values = count(1)
        self._stop = False
        self._tables_made = asyncio.Event()

    def stop(self) -> None:
        """Let every client finish what it is doing."""
        self._stop = True

    async def more(self, count: int = 20) -> None:
        """Return once so many more writes were acknowledged."""
        enough = self.acknowledged + count
        async with asyncio.timeout(60):
            while self.acknowledged < enough:
                await asyncio.sleep(0.05)

    async def run(self) -> None:
        """Until `stop`."""
        async with AsyncExitStack() as stack:
            recorders = {
                name: stack.enter_context(Recorder(path)) for name, path in self._files.items()
            }
            async with asyncio.TaskGroup() as group:
                for process in range(3):
                    group.create_task(self._client(process, recorders, None))
                for process, name in enumerate(self._nodes.addresses, 3):
                    group.create_task(self._client(process, recorders, name))

    async def _client(
        self, process: int, recorders: dict[str, Recorder], bound: str | None
    ) -> None:
        chance = random.Random(f"{self._seed} {process}")
        if bound is not None:
            await self._tables_made.wait()
        address = self._nodes.url if bound is None else self._nodes.only(bound)
        backend = await connect(address, limits=LIMITS, only=bound is not None)
        async with Store(backend) as store:
            tables = {}
            for name, recorder in recorders.items():
                table = await store.table(name, self._settings if bound is None else None)
                tables[name] = RecordedTable(table, recorder, process)
            self._tables_made.set()
            while not self._stop:
                name = chance.choice(tuple(tables))
                await self._use(tables[name], name, chance, bound)
                await asyncio.sleep(chance.uniform(0.0, 0.015))

    async def _use(
        self, table: RecordedTable, name: str, chance: random.Random, bound: str | None
    ) -> None:
        self._uses += 1
        key = f"k{chance.randrange(KEYS)}.{self._uses // (USES * KEYS)}"
        try:
            async with asyncio.timeout(GIVE_UP_S):
                if bound is not None or chance.random() < 0.3:
                    self._seen[name, key] = await table.get(key, ABSENT)
                    if bound is not None:
                        self.read[bound] = self.read.get(bound, 0) + 1
                else:
                    await self._write(table, name, key, chance)
                    self.acknowledged += 1
        except (PlaitError, TimeoutError):
            await asyncio.sleep(0.02)

    async def _write(
        self, table: RecordedTable, name: str, key: str, chance: random.Random
    ) -> None:
        value, seen = next(self._values), self._seen.get((name, key), ABSENT)
        if name == "rows" and chance.random() < 0.2:
            await table.delete(key)
            self._seen[name, key] = ABSENT
            return
        if chance.random() < 0.5:
            await table.put(key, value)
        else:
            await table.cas(key, seen, value)
        self._seen[name, key] = value

    def judge(self) -> int:
        """Fail the test unless both histories are linearizable; how many operations they have."""
        return sum(judge(path, MODELS[name]) for name, path in self._files.items())


def judge(path: Path, model: str) -> int:
    """Fail the test, keep the history and say how to look at it, unless it is linearizable."""
    verdict = check_history(load_history(path), model, time_limit=JUDGE_S)
    if not verdict:
        kept = keep(path)
        pytest.fail(
            f"{verdict.explain()}\n\nThe history is kept. To judge it again:\n"
            f"{Path(sys.executable).parent}/plait check {kept} --model {model}",
            pytrace=False,
        )
    return verdict.operations


def keep(path: Path) -> Path:
    """A copy of a history, in `PLAIT_HISTORIES` or among the temporary files."""
    root = Path(os.environ.get("PLAIT_HISTORIES") or Path(tempfile.gettempdir(), "plait-histories"))
    root.mkdir(parents=True, exist_ok=True)
    kept = Path(tempfile.mkdtemp(dir=root), path.name)
    shutil.copy(path, kept)
    return kept
