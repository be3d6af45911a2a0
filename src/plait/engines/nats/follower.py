"""The follower: a consumer that reads a stream in order, begun again whenever it stops.

A consumer is the server's: it pushes messages with a number of its own, sends a heartbeat when
there is nothing to push, and waits for us when much is under way. It lives on one server and in
one session. When it skips a number, is silent, or its session ends, another one begins at the
next sequence wanted, so nothing is missed and nothing taken twice.

Invariant: `take` gets sequences in growing order. What is wrong with the stream itself ends it:
`failed` is called with why. Absent: what a message means.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error

from plait.base.errors import NoSuchCollection, PlaitError, Unavailable
from plait.engines.nats.connection import ApiError, Connection, Session, stop
from plait.engines.nats.settings import origin_of
from plait.engines.nats.streams import NOT_FOUND, stream_info

HEARTBEAT_S = 0.5
SILENCE_S = 4 * HEARTBEAT_S
BACKOFF_S_MIN, BACKOFF_S_MAX = 0.02, 1.0
CREATE_S = 2.0
FORGET_S = 30  # a consumer that nobody listens to is the server's to remove
WINDOW_BYTES_MAX = 256 << 20  # above what a server has under way to one consumer
MISSING_MAX = 5  # a stream that is not found so often is gone


class Restart(Exception):
    """This consumer is of no use any more; another one is."""


class Follower:
    """Reads `stream`, from what `start` says each time, into `take`."""

    def __init__(
        self,
        connection: Connection,
        stream: str,
        incarnation: str,
        start: Callable[[dict[str, Any]], Awaitable[int]],
        take: Callable[[int, bytes], None],
        failed: Callable[[PlaitError], None],
    ) -> None:
        """start: given STREAM.INFO, the sequence to begin at. take: may raise `Restart`."""
        self._connection = connection
        self._stream = stream
        self._incarnation = incarnation
        self._start = start
        self._take = take
        self._failed = failed
        self._number = 0  # the consumer's, of the last message
        self._stopped = asyncio.Event()  # this consumer is of no use any more
        self._heard_at = 0.0
        self._broken: PlaitError | None = None  # what is wrong with the stream
        self._task = asyncio.create_task(self._follow(), name=f"follow {stream}")

    def restart(self) -> None:
        """Begin with another consumer."""
        self._stopped.set()

    async def close(self) -> None:
        """Stop."""
        await stop(self._task)

    async def _follow(self) -> None:
        missing, delay_s = 0, BACKOFF_S_MIN
        while True:
            try:
                session = await self._connection.up()
                info = await stream_info(self._connection, self._stream)
                missing = missing + 1 if info is None else 0
                if missing == MISSING_MAX:
                    raise NoSuchCollection(f"stream {self._stream} is gone")
                if info is not None:
                    self._check(info)
                    if await self._consume(session, await self._start(info)):
                        delay_s = BACKOFF_S_MIN
            except (Unavailable, ApiError, Error, OSError):
                pass  # tried again, for as long as somebody has the loglet open
            except PlaitError as error:
                self._broken = error
            if self._broken is not None:
                self._failed(self._broken)
                return
            await asyncio.sleep(self._connection.random.uniform(delay_s / 2, delay_s))
            delay_s = min(2 * delay_s, BACKOFF_S_MAX)

    def _check(self, info: dict[str, Any]) -> None:
        if origin_of(info)[1] != self._incarnation:
            raise NoSuchCollection(f"stream {self._stream} was removed and made anew")

    async def _consume(self, session: Session, sequence: int) -> bool:
        """Follow with one consumer until it is of no use; whether it was of any."""
        client = session.client
        inbox = client.new_inbox()
        self._number = 0
        self._heard_at = self._connection.clock.monotonic()
        receive = self._receiver(session)
        subscription = await client.subscribe(
            inbox, cb=receive, pending_msgs_limit=0, pending_bytes_limit=WINDOW_BYTES_MAX
        )
        name = ""
        try:
            name = await self._create(inbox, sequence)
            await self._watch(session)
        finally:
            if not client.is_closed:
                with suppress(Error, OSError):
                    await subscription.unsubscribe()
                    if name:
                        await client.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{name}")
        return self._number > 0

    async def _create(self, inbox: str, sequence: int) -> str:
        config = {
            "deliver_subject": inbox,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": sequence,
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "flow_control": True,
            "idle_heartbeat": int(HEARTBEAT_S * 1e9),
            "inactive_threshold": int(FORGET_S * 1e9),
            "mem_storage": True,
            "num_replicas": 1,
        }
        request = {"stream_name": self._stream, "config": config}
        try:
            answer = await self._connection.api(
                f"CONSUMER.CREATE.{self._stream}", request, again=False, timeout_s=CREATE_S
            )
        except ApiError as error:
            if error.err_code == NOT_FOUND:
                raise Unavailable(f"stream {self._stream} is not found") from None
            raise
        return str(answer["name"])

    async def _watch(self, session: Session) -> None:
        """Return when the consumer is of no use, or silent."""
        clock = self._connection.clock
        while not self._stopped.is_set() and not session.ended.is_set():
            if clock.monotonic() > self._heard_at + SILENCE_S:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._stopped.wait()

    def _receiver(self, session: Session) -> Callable[[Msg], Awaitable[None]]:
        stopped = self._stopped = asyncio.Event()

        async def receive(message: Msg) -> None:
            if stopped.is_set():
                return
            self._heard_at = self._connection.clock.monotonic()
            try:
                if message.headers and "Status" in message.headers and not message.data:
                    await self._control(session, message, message.headers)
                else:
                    self._deliver(message)
            except Restart:
                stopped.set()
            except PlaitError as error:
                self._broken = error
                stopped.set()
            except (Error, OSError):
                stopped.set()

        return receive

    def _deliver(self, message: Msg) -> None:
        sequence, number = _numbers(message.reply)
        if number != self._number + 1:
            raise Restart  # what lies between was lost on the way
        self._number = number
        self._take(sequence, message.data)

    async def _control(self, session: Session, message: Msg, headers: dict[str, str]) -> None:
        if headers["Status"] != "100":
            raise Restart  # the consumer was deleted
        answer = message.reply or headers.get("Nats-Consumer-Stalled")
        if answer:
            await session.client.publish(answer)
        last = headers.get("Nats-Last-Consumer")
        if last is not None and int(last) != self._number:
            raise Restart


def _numbers(reply: str) -> tuple[int, int]:
    """The sequence in the stream and the number in the consumer, from where an ack would go."""
    tokens = reply.split(".")
    first = 5 if len(tokens) == 9 else 7  # with a domain and an account in newer forms
    try:
        return int(tokens[first]), int(tokens[first + 1])
    except (IndexError, ValueError):
        raise Restart from None
