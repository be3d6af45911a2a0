"""A table whose every use is recorded as a history, for `plait check`.

The outcome of an operation is what its error says of it: a definite error means that nothing
happened, an indefinite one that nobody knows. So does a cancelled call: its command may already
be on its way. A `Conflict` of `cas` is an observation, and recorded as one.
"""

from collections.abc import Awaitable
from typing import Any, TypeVar

from plait.api.port import Receipt
from plait.api.settings import ReadFrom
from plait.api.table import Table
from plait.api.values import ABSENT
from plait.base.errors import Conflict, PlaitError
from plait.check.recorder import Recorder

_Answer = TypeVar("_Answer")


class RecordedTable:
    """One client's way to a table; one operation at a time."""

    def __init__(self, table: Table, recorder: Recorder, process: int | str) -> None:
        """process: this client's number in the history; no other client uses it."""
        self._table = table
        self._recorder = recorder
        self._process = process

    async def get(
        self,
        key: str,
        default: Any = None,
        *,
        read: ReadFrom | None = None,
        max_lag: float | None = None,
    ) -> Any:
        """`Table.get`; no row is recorded as null, and has no version."""
        self._recorder.invoke(self._process, "get", key=key)
        row = await self._outcome(self._table.get_row(key, read=read, max_lag=max_lag))
        if row is None:
            self._recorder.ok(self._process, None)
            return default
        self._recorder.ok(self._process, row.value, version=row.version)
        return row.value

    async def put(self, key: str, value: Any, *, acks: str | None = None) -> Receipt:
        """`Table.put`."""
        self._recorder.invoke(self._process, "put", key=key, value=value)
        return await self._written(self._table.put(key, value, acks=acks))

    async def delete(self, key: str, *, acks: str | None = None) -> Receipt:
        """`Table.delete`."""
        self._recorder.invoke(self._process, "delete", key=key)
        return await self._written(self._table.delete(key, acks=acks))

    async def cas(self, key: str, expected: Any, value: Any, *, acks: str | None = None) -> Receipt:
        """`Table.cas`; `ABSENT` is recorded as null."""
        pair = [None if side is ABSENT else side for side in (expected, value)]
        self._recorder.invoke(self._process, "cas", key=key, value=pair)
        return await self._written(self._table.cas(key, expected, value, acks=acks))

    async def _written(self, answer: Awaitable[Receipt]) -> Receipt:
        receipt = await self._outcome(answer)
        self._recorder.ok(self._process, version=receipt.version)
        return receipt

    async def _outcome(self, answer: Awaitable[_Answer]) -> _Answer:
        """Await an operation; if it fails, record what is known of it."""
        try:
            return await answer
        except PlaitError as error:
            if error.definite:
                refused = isinstance(error, Conflict)
                self._recorder.fail(self._process, error=error.code, refused=refused)
            else:
                self._recorder.info(self._process, error=error.code)
            raise
        except BaseException as error:
            self._recorder.info(self._process, error=type(error).__name__)
            raise

    def __repr__(self) -> str:
        return f"<RecordedTable {self._table.name!r} for process {self._process}>"
