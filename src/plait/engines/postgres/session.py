"""Session: one connection to one server, and what its errors mean.

Whatever ends the connection is `Unavailable`: the statement under way may have happened. An error
that the server reports on a connection that goes on is definite, for its transaction was rolled
back; with one exception, a commit whose wait for the standbys was cancelled, which the server
reports as done with a warning, and which is `Unavailable` here.

Invariant: a statement is never cancelled through the server, since that would be such a wait's
end; who cannot wait any longer aborts the connection. Absent: reconnecting (`pool`).
"""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import psycopg
from psycopg import AsyncRawCursor
from psycopg.types.numeric import Int8BinaryDumper

from plait.base.errors import BadSettings, Busy, Corrupt, PlaitError, ReadOnly, Unavailable
from plait.engines.postgres import setup as setups
from plait.engines.postgres.address import Address
from plait.engines.postgres.arrays import register_arrays
from plait.engines.postgres.setup import Setup

_AGAIN = {"40001", "40P01", "55P03", "57014"}  # lost a race, or somebody cancelled it
_MISSING = {"3F000", "42P01", "42703"}  # schema, table, column
_DENIED = {"42501", "25006"}


class Session:
    """A connection in autocommit; one statement at a time."""

    def __init__(self, address: Address, connection: "psycopg.AsyncConnection[Any]") -> None:
        self._address = address
        self._connection = connection
        self._cursor: AsyncRawCursor[Any] = AsyncRawCursor(connection)
        self._unreplicated = False
        self.setup: Setup
        self.generation = 0  # of the pool's server when it joined

    @staticmethod
    async def connect(address: Address) -> "Session":
        """Connect, set the session up and look at the server. Raises `Unavailable`."""
        try:
            connection = await psycopg.AsyncConnection.connect(
                autocommit=True, **cast(dict[str, Any], address.parameters)
            )
        except (psycopg.Error, OSError) as error:
            why = address.scrub(str(error))
            raise Unavailable(f"cannot connect to {address.url}: {why}") from None
        session = Session(address, connection)
        try:
            await session._begin()
        except BaseException:
            await session.close()
            raise
        return session

    async def _begin(self) -> None:
        adapters = self._connection.adapters
        adapters.register_dumper(int, Int8BinaryDumper)  # one type, so one plan a statement
        register_arrays(adapters)
        self._cursor = AsyncRawCursor(self._connection)
        self._connection.add_notice_handler(self._notice)
        await self.rows(setups.SETTINGS, self._address.schema)
        with suppress(PlaitError):  # not every platform can; it only spares it orphans
            await self.rows("SELECT set_config('client_connection_check_interval', '2s', false)")
        (row,) = await self.rows(setups.QUERY, self._address.schema)
        self.setup = Setup(*row)

    async def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What `query` gives. Raises `Unavailable`, or what the server's refusal means."""
        self._unreplicated = False
        try:
            await self._cursor.execute(cast(Any, query), parameters, prepare=True, binary=True)
            rows = await self._cursor.fetchall() if self._cursor.description else []
        except psycopg.Error as error:
            raise self._meaning(error) from error
        if self._unreplicated:
            raise Unavailable(f"{self._address.url} stopped waiting for its standbys")
        return rows

    async def script(self, statement: str) -> None:
        """Run a statement without parameters or result."""
        try:
            await self._cursor.execute(cast(Any, statement))
        except psycopg.Error as error:
            raise self._meaning(error) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Everything within happens together, or not at all."""
        try:
            async with self._connection.transaction():
                yield
        except psycopg.Error as error:
            raise self._meaning(error) from error

    async def heard(self) -> AsyncIterator[str]:
        """Payloads of notifications, after a LISTEN."""
        try:
            async for notify in self._connection.notifies():
                yield notify.payload
        except psycopg.Error as error:
            raise self._meaning(error) from error

    def alive(self) -> bool:
        """Whether the connection has not ended, as far as this machine has been told."""
        try:
            self._connection.pgconn.consume_input()
        except psycopg.Error:
            return False
        return not self._connection.closed

    def abort(self) -> None:
        """End the connection from any task; whoever waits for it learns that it broke.

        The socket is shut down and not closed: the event loop still watches it.
        """
        with suppress(OSError, psycopg.Error):
            twin = socket.socket(fileno=os.dup(self._connection.fileno()))
            with twin:
                twin.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Hang up."""
        with suppress(psycopg.Error, OSError):
            await self._connection.close()

    def _notice(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.source_function == "SyncRepWaitForLSN":
            self._unreplicated = True

    def _meaning(self, error: psycopg.Error) -> PlaitError:
        code = error.sqlstate or ""
        said = self._address.scrub(error.diag.message_primary or str(error))
        where = self._address.url
        if self._connection.closed or not code or code.startswith(("08", "57P")):
            return Unavailable(f"the connection to {where} broke: {said}")
        if code == "23505":
            return Corrupt(f"{where} has a row where there can be none: {said}", sqlstate=code)
        if code == "53100":
            return ReadOnly(f"{where} has no space left: {said}", sqlstate=code)
        if code in _AGAIN or code.startswith("53"):
            return Busy(f"{where} could not do it now: {said}", sqlstate=code)
        if code.startswith("XX"):
            return Corrupt(f"{where} cannot read its own data: {said}", sqlstate=code)
        if code in _DENIED:
            return ReadOnly(f"{where} does not allow it: {said}", sqlstate=code)
        if code in _MISSING:
            return BadSettings(f"{where} lacks tables that were there: {said}", sqlstate=code)
        return BadSettings(f"{where} refused ({code}): {said}", sqlstate=code)
