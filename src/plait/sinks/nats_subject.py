"""A subject of NATS JetStream: one message a transaction.

Invariant: the messages on the subject are the feed, in order, each transaction once. Every message
names the one that must be the subject's last before it (``Nats-Expected-Last-Subject-Sequence``),
so neither a consumer that was taken over nor a message sent twice can come between; and its
``Nats-Msg-Id`` lets the server drop what was sent again. The last message says where to go on,
however long ago that was.

Deliberately absent: making the stream. How long it keeps what, and on how many servers, is not for
a feed to decide.
"""

import base64
import random as chance
from collections.abc import Sequence

from plait.api.watch import Batch
from plait.base.errors import BadFrame, BadSettings, BadValue, Fenced
from plait.engines.nats.address import parse_address
from plait.engines.nats.connection import ApiError, Connection
from plait.host.clock import SystemClock
from plait.sinks.records import message_of, read_message
from plait.sinks.sink import Mark, mark_of

NO_MESSAGE = 10037
WRONG_LAST_SEQUENCE = (10071, 10164)


class NatsSink:
    """Publishes to one subject, which some stream takes and nobody else writes to."""

    most = 256

    def __init__(self, url: str, table: str, group: str) -> None:
        address, found, subject = url.partition("://")[2].partition("/")
        if not found or not subject or set(subject) & set(" *>/?"):
            raise BadSettings("a subject of NATS is nats://host:4222/SUBJECT, without wildcards")
        place = parse_address(f"{url.partition('://')[0]}://{address}")
        self._connection = Connection(place, SystemClock(), chance.Random())
        self._subject = subject
        self._table = table
        self._group = group
        self._stream = ""
        self._sequence = 0  # of the subject's last message

    async def open(self, cursor: str) -> Mark | None:
        """See `Sink`. `BadSettings` if no stream takes the subject, or it holds something else."""
        await self._connection.open()
        try:
            names = await self._connection.api("STREAM.NAMES", {"subject": self._subject})
        except ApiError as error:
            raise error.refusal("name streams") from None
        streams = names.get("streams") or []
        if not streams:
            raise BadSettings(
                f"no JetStream stream takes {self._subject!r}; make one, for example: "
                f"nats stream add --subjects {self._subject}"
            )
        self._stream = streams[0]
        return await self._last()

    async def write(self, batches: Sequence[Batch]) -> None:
        """See `Sink`. `Fenced` if somebody else writes to the subject."""
        for batch in batches:
            await self._publish(batch)

    async def close(self) -> None:
        """See `Sink`."""
        await self._connection.close()

    async def _publish(self, batch: Batch) -> None:
        body = message_of(self._table, self._group, batch)
        session = await self._connection.up()
        if len(body) > session.client.max_payload:
            raise BadValue(
                f"the transaction at {batch.cursor} has {len(body)} bytes as a message; the "
                f"server takes {session.client.max_payload} (max_payload)"
            )
        headers = {
            "Nats-Msg-Id": f"{self._table}/{self._group}/{batch.cursor}/{batch.version}",
            "Nats-Expected-Last-Subject-Sequence": str(self._sequence),
            "Content-Type": "application/json",
        }
        try:
            answer = await self._connection.ask(self._subject, body, headers)
        except ApiError as error:
            if error.err_code not in WRONG_LAST_SEQUENCE:
                raise error.refusal(f"take the transaction at {batch.cursor}") from None
            if await self._last() != mark_of(batch):  # else it had come, and the answer had not
                raise Fenced(f"somebody else writes to {self._subject!r}") from None
        else:
            self._sequence = answer["seq"]

    async def _last(self) -> Mark | None:
        """What the subject's last message is."""
        request = f"STREAM.MSG.GET.{self._stream}"
        try:
            answer = await self._connection.api(request, {"last_by_subj": self._subject})
        except ApiError as error:
            if error.err_code != NO_MESSAGE:
                raise error.refusal("show the last message") from None
            self._sequence = 0
            return None
        found = answer["message"]
        try:
            message = read_message(base64.b64decode(found.get("data", "")))
        except BadFrame as error:
            raise BadSettings(f"{self._subject!r} holds something else: {error.message}") from None
        if message.table != self._table:
            raise BadSettings(f"{self._subject!r} holds the feed of table {message.table!r}")
        self._sequence = found["seq"]
        return Mark(message.cursor, message.version, message.time_ms)
