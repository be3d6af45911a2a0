"""Sessions: reading one's own writes, on any node.

A session remembers, line by line, how far into the log its writes and reads have seen. Every
read through it is answered from a state that covers that much, so it sees its own writes and
never goes back. Its `token` carries that to another process, or to another node.

Invariant: a mark only moves forward; a mark whose position was cut by a promotion is `SessionLost`.
"""

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from plait.api.port import Backend, Mark, Receipt
from plait.api.settings import Leader, ReadFrom, ReadOptions
from plait.base.codec import encode
from plait.base.errors import BadValue, Closed, WrongThread
from plait.line.entry import Epoch

if TYPE_CHECKING:
    from plait.api.table import Table

TOKEN_BYTES_MAX = 64 * 1024
Marks: TypeAlias = dict[str, Mark]

_decoder = msgspec.msgpack.Decoder(dict[str, tuple[Epoch, int]])


class Session:
    """What one user of a store has seen; belongs to one event loop."""

    def __init__(self, backend: Backend, token: str | None = None) -> None:
        self._backend = backend
        self._loop = asyncio.get_running_loop()
        self._marks: Marks = {} if token is None else decode_token(token)
        self._closed = False

    @property
    def token(self) -> str:
        """What this session has seen, as text that is safe in URLs and headers."""
        return base64.urlsafe_b64encode(encode(self._marks)).decode().rstrip("=")

    async def table(
        self,
        name: str,
        settings: Leader | None = None,
        *,
        read: ReadFrom = "leader",
        max_lag: float | None = None,
    ) -> "Table":
        """Open the table `name`; make it if `settings` are given and there is none.

        read: which replica answers reads, unless a read says otherwise.
        max_lag: how many seconds such a replica may be behind.
        Raises `NoSuchCollection`, or `BadSettings` if it exists with other settings.
        """
        from plait.api.table import Table

        self.check()
        info = await self._backend.open_table(name, settings)
        return Table(self, self._backend, info, ReadOptions(read, max_lag))

    def check(self) -> None:
        """Raise `WrongThread` outside the session's event loop, `Closed` after its end."""
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            raise WrongThread("a store was used outside its event loop") from None
        if here is not self._loop:
            raise WrongThread("a store was used from another event loop than the one it opened on")
        if self._closed:
            raise Closed("the store was closed")

    def mark(self, line: str) -> Mark | None:
        """How far this session has seen a line."""
        return self._marks.get(line)

    def wrote(self, receipt: Receipt) -> None:
        """A write of this session was answered."""
        self.saw(receipt.line, receipt.epoch, receipt.position + 1)

    def saw(self, line: str, epoch: Epoch, position: int) -> None:
        """An answer covered the line up to `position`, which `epoch` had written."""
        mark = self._marks.get(line)
        if mark is None or position > mark[1]:
            self._marks[line] = (epoch, position)

    def __repr__(self) -> str:
        seen = ", ".join(f"{line}@{position}" for line, (_, position) in self._marks.items())
        return f"<{type(self).__name__} {seen or 'has seen nothing'}>"


def decode_token(token: str) -> Marks:
    """The marks in a token; `BadValue` if it is none."""
    if not isinstance(token, str) or len(token) > TOKEN_BYTES_MAX:
        raise BadValue("a session token is a str of at most 64 KiB")
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return _decoder.decode(data)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise BadValue(f"not a session token: {error}") from None
