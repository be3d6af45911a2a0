"""The sender: puts a handle's appends on the wire in their order, and hears what servers say.

One task for each handle; it also notices what has waited too long. An answer never acknowledges
an append, it only tells of trouble early: see `appends`.
"""

import asyncio
from collections.abc import Callable

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error

from plait.base.errors import BadSettings, BadValue, Busy, PlaitError, ReadOnly
from plait.engines.nats.appends import Appends
from plait.engines.nats.connection import Connection, Session, stop
from plait.engines.nats.message import Message, encode_message

TICK_S = 0.1

# What a server refuses before it stores anything.
_REFUSALS: dict[int, Callable[[str], PlaitError]] = {
    10002: Busy,  # the account's resources are exceeded
    10023: Busy,  # insufficient resources
    10047: Busy,  # insufficient storage
    10054: BadValue,  # the message is larger than the stream takes
    10060: BadSettings,  # the subject is another stream's
    10109: ReadOnly,  # somebody sealed the stream itself
}


class ServerError(msgspec.Struct, frozen=True):
    """What an answer says went wrong."""

    err_code: int = 0
    description: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a server answers to a publish."""

    seq: int = 0
    error: ServerError | None = None


class Sender:
    """Sends what `appends` gives to `subject`. `stored` hears number and sequence of answers."""

    def __init__(
        self,
        connection: Connection,
        stream: str,
        subject: str,
        appends: Appends,
        stored: Callable[[int, int], None],
    ) -> None:
        self._connection = connection
        self._subject = subject
        self._headers = {"Nats-Expected-Stream": stream}
        self._appends = appends
        self._stored = stored
        self._session: Session | None = None  # the one that `_inbox` belongs to
        self._inbox = ""
        self._woken = asyncio.Event()
        connection.changed.append(self._changed)
        self._task = asyncio.create_task(self._run(), name=f"send to {stream}")

    def wake(self) -> None:
        """There may be something to send."""
        self._woken.set()

    async def close(self) -> None:
        """Stop."""
        if self._changed in self._connection.changed:
            self._connection.changed.remove(self._changed)
        await stop(self._task)

    def _changed(self) -> None:
        self._appends.cut_off()
        self.wake()

    async def _run(self) -> None:
        appends, clock = self._appends, self._connection.clock
        while True:
            try:
                async with asyncio.timeout(TICK_S if len(appends) else None):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            appends.tend(clock.monotonic())
            session = self._connection.session
            if session is None:
                continue
            try:
                await self._send(session)
            except (Error, OSError):
                appends.cut_off()

    async def _send(self, session: Session) -> None:
        if session is not self._session:
            self._inbox = session.client.new_inbox()
            await session.client.subscribe(f"{self._inbox}.*", cb=self._receive)
            self._session = session
        appends, clock = self._appends, self._connection.clock
        while session is self._connection.session:
            sending = appends.next(clock.monotonic())
            if sending is None:
                return
            data = encode_message(Message(appends.writer, sending.number, sending.entry))
            reply = f"{self._inbox}.{sending.number}"
            await session.client.publish(self._subject, data, reply, self._headers)

    async def _receive(self, message: Msg) -> None:
        number = int(message.subject.rpartition(".")[2])
        if (message.headers or {}).get("Status") == "503":
            self._appends.untaken(number)
            self.wake()
            return
        try:
            answer = msgspec.json.decode(message.data, type=Answer)
        except msgspec.DecodeError as error:
            self._appends.troubled(number, f"an answer that cannot be read: {error}")
            return
        if answer.error is None:
            self._stored(number, answer.seq)
            return
        text = f"the NATS server refused it: {answer.error.description}"
        refusal = _REFUSALS.get(answer.error.err_code)
        if refusal is None:
            self._appends.troubled(number, text)
        else:
            self._appends.refused(number, refusal(text))
        self.wake()
