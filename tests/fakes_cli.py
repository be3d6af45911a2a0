"""A store in memory for tests of the command line: what the commands ask of one, and no more."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from plait.api.infos import TableInfo
from plait.api.settings import Leader
from plait.base.errors import NoSuchCollection, PlaitError
from plait.cli.connecting import Target
from plait.cli.main import cli


class FakeTable:
    """Rows in a dict; `fail_after` puts, the next batch fails."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self.acks: list[str | None] = []
        self.batches = 0
        self.fail_at_batch: int | None = None
        self.read_options: list[tuple[Any, Any]] = []

    async def put(self, key: str, value: Any, *, acks: str | None = None) -> None:
        self.rows[key] = value
        self.acks.append(acks)

    async def put_many(self, rows: Any, *, acks: str | None = None) -> int:
        self.batches += 1
        if self.batches == self.fail_at_batch:
            raise NoSuchCollection("the table is gone")
        self.acks.append(acks)
        self.rows.update(rows)
        return len(rows)

    async def delete(self, key: str, *, acks: str | None = None) -> None:
        self.rows.pop(key, None)

    async def get(self, key: str, default: Any = None, *, read: Any, max_lag: Any) -> Any:
        self.read_options.append((read, max_lag))
        return self.rows.get(key, default)

    async def count(self, *, read: Any, max_lag: Any) -> int:
        return len(self.rows)

    async def scan(
        self, start: str | None = None, stop: str | None = None, *, prefix: str | None = None,
        reverse: bool = False, limit: int | None = None, read: Any = None, max_lag: Any = None,
    ) -> AsyncIterator[tuple[str, Any]]:  # fmt: skip
        for key in sorted(self.rows, reverse=reverse)[:limit]:
            if key.startswith(prefix or "") and key >= (start or ""):
                yield key, self.rows[key]


class FakeStore:
    """Tables by name, and canned answers for an operator."""

    def __init__(self) -> None:
        self.tables_by_name: dict[str, FakeTable] = {}
        self.settings: dict[str, Leader] = {}
        self.status_answer: dict[str, Any] = {"nodes": {}}
        self.rescued_answer: list[dict[str, Any]] = []
        self.replay_answer: dict[str, Any] = {}
        self.members_answer: list[dict[str, Any]] = []
        self.dropped_answer: list[dict[str, Any]] = []
        self.unheard: dict[str, Any] = {}
        self.moved = True  # whether a hand-over succeeds
        self.asked: list[tuple[Any, ...]] = []
        self.error: PlaitError | None = None  # raised by everything that asks the cluster

    async def table(self, name: str, settings: Leader | None = None) -> FakeTable:
        self._fail()
        if name not in self.tables_by_name:
            if settings is None:
                raise NoSuchCollection(f"there is no table {name!r}")
            self.tables_by_name[name] = FakeTable()
            self.settings[name] = settings
        return self.tables_by_name[name]

    async def tables(self) -> list[TableInfo]:
        self._fail()
        return [TableInfo(n, 1, s.line_name(n), s) for n, s in self.settings.items()]

    async def drop_table(self, name: str) -> None:
        del self.tables_by_name[name]

    async def status(self) -> dict[str, Any]:
        self._fail()
        return self.status_answer

    async def promote(self, *arguments: Any) -> dict[str, Any]:
        self._fail()
        self.asked.append(("promote", *arguments))
        return {"node": "n2", "lines": {"control": {"ok": True, "why": "two promised"}}}

    async def switch_over(self, *arguments: Any) -> dict[str, Any]:
        self.asked.append(("switch_over", *arguments))
        return {"lines": {"control": {"ok": self.moved} | ({} if self.moved else {"why": "slow"})}}

    async def members(self) -> list[dict[str, Any]]:
        self._fail()
        return self.members_answer

    async def set_follower(
        self,
        name: str,
        *,
        delay_s: float | None,
        hold: str | None,
        go: bool,
        votes: bool | None,
        source: str | None = None,
        only: list[str] | None = None,
    ) -> dict[str, Any]:
        self._fail()
        more = [one for one in (source, only) if one is not None]
        self.asked.append(("set_follower", name, delay_s, hold, go, votes, *more))
        return {
            "node": name,
            "delay_s": delay_s or 0.0,
            "hold": None,
            "source": source,
            "only": only,
        }

    async def dropped(self) -> list[dict[str, Any]]:
        return self.dropped_answer

    async def leave(self, *arguments: Any) -> dict[str, Any]:
        self._fail()
        self.asked.append(("leave", *arguments))
        return {"members": self.members_answer} | self.unheard

    async def rescued(self) -> list[dict[str, Any]]:
        return self.rescued_answer

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        self.asked.append(("show", node, rescued))
        return self.rescued_answer[0]

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        self.asked.append(("replay", node, rescued))
        return self.replay_answer

    async def drop_rescued(self, node: str, rescued: int) -> None:
        self.asked.append(("drop", node, rescued))

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


class Shell:
    """Runs `plait` command lines against one fake store."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.targets: list[Target] = []

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(arguments), input=stdin, prog_name="plait")

    def rows(self, table: str) -> dict[str, Any]:
        return self.store.tables_by_name[table].rows


@contextlib.contextmanager
def fake_shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell whose every command reaches the same fake store."""
    shell = Shell()

    @contextlib.asynccontextmanager
    async def opened(target: Target) -> AsyncIterator[FakeStore]:
        shell.targets.append(target)
        yield shell.store

    monkeypatch.setattr(Target, "open", opened)
    for name in ("PLAIT_URL", "PLAIT_DATA"):
        monkeypatch.delenv(name, raising=False)
    yield shell
