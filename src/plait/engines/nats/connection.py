"""The connection of a node to a NATS cluster: one client at a time, and another when it ends.

Invariant: a client is never connected again by its library, so each *session* (a client from its
connection to its end) has its own subscriptions, and whatever was sent in one that ended is known
to be in doubt. Every request has an answer, an `ApiError` or `Unavailable` in bounded time.

nats-py is used for the protocol: `connect`, `publish`, `subscribe`, `request`. JetStream's own
requests are made here, with the fields that servers document rather than those a client models.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.errors import AuthorizationError, Error, NoRespondersError

from plait.base.errors import BadSettings, Busy, Closed, PlaitError, Unavailable
from plait.base.ports import Clock, Random
from plait.engines.nats.address import Address

ANSWER_S = 10.0  # until a request is given up
TRY_S = 1.0  # until it is sent again, if that is harmless
AGAIN_S = 0.1
CONNECT_S = 2
BACKOFF_S_MIN, BACKOFF_S_MAX = 0.05, 2.0
STOP_S = 0.1
PING_S, PINGS_MAX = 2, 2  # a silent server is left after about so many times so long

NO_PEERS = 10005  # too few servers take a stream; so it is for a moment after one came back
_PASSING = {NO_PEERS, 10008, 10009}


class ApiError(Exception):
    """What a server answered instead of what was asked."""

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(f"{description} ({err_code})")
        self.code = code
        self.err_code = err_code
        self.description = description

    @property
    def passing(self) -> bool:
        """Whether it may be otherwise in a moment."""
        return self.code == 503 or self.err_code in _PASSING

    def refusal(self, what: str) -> PlaitError:
        """The error to raise where nothing better is known."""
        text = f"the NATS server refused to {what}: {self.description} (error {self.err_code})"
        return Busy(text) if self.passing else BadSettings(text)


class Session:
    """One client, from its connection to its end."""

    def __init__(self, client: Client, ended: asyncio.Event) -> None:
        self.client = client
        self.ended = ended


class Connection:
    """Keeps a client connected to some server of `address`."""

    def __init__(self, address: Address, clock: Clock, random: Random) -> None:
        self.address = address
        self.clock = clock
        self.random = random
        self.session: Session | None = None
        self.changed: list[Callable[[], None]] = []  # called when `session` has changed
        self._trouble = "no server has answered yet"
        self._changes = asyncio.Condition()
        self._keeper: asyncio.Task[None] | None = None
        self._closed = False
        self._refused: BadSettings | None = None

    async def open(self) -> None:
        """Connect; from here on it is kept connected. `Unavailable` if nobody answers in time."""
        self._keeper = asyncio.create_task(self._keep(), name=f"nats {self.address.public}")
        try:
            await self.up(ANSWER_S)
        except PlaitError:
            await self.close()
            raise

    async def up(self, timeout_s: float = ANSWER_S) -> Session:
        """The session, as soon as there is one."""
        try:
            async with asyncio.timeout(timeout_s), self._changes:
                while self.session is None:
                    self.check_open()
                    if self._refused is not None:
                        raise self._refused
                    await self._changes.wait()
                return self.session
        except TimeoutError:
            raise self.unavailable("no NATS server answers") from None

    def check_open(self) -> None:
        """Raise `Closed` after the end."""
        if self._closed:
            raise Closed("the connection to NATS was closed")

    def unavailable(self, what: str) -> Unavailable:
        """The error for what got no answer, with what the servers said last."""
        return Unavailable(f"{what} ({self.address.public}: {self._trouble})")

    async def close(self) -> None:
        """Hang up."""
        self._closed = True
        if self._keeper is not None:
            await stop(self._keeper)

    # ------------------------------------------------------------------ requests

    async def api(
        self, request: str, body: object = None, *, again: bool = True, timeout_s: float = ANSWER_S
    ) -> dict[str, Any]:
        """Ask JetStream; its answer, or `ApiError`.

        again: the request may be sent again if no answer comes, for twice is as good as once.
        """
        payload = b"" if body is None else msgspec.json.encode(body)
        return await self.ask(f"$JS.API.{request}", payload, again=again, timeout_s=timeout_s)

    async def ask(
        self,
        subject: str,
        payload: bytes,
        headers: dict[str, str] | None = None,
        *,
        again: bool = True,
        timeout_s: float = ANSWER_S,
    ) -> dict[str, Any]:
        """Send anything that is answered in JSON."""
        until = self.clock.monotonic() + timeout_s
        refused: ApiError | None = None
        while True:
            left = until - self.clock.monotonic()
            if left <= 0:
                if refused is not None and refused.code != 503:
                    raise refused
                raise self.unavailable(f"{subject} was not answered in {timeout_s:g} s")
            session = await self.up(left)
            try:
                try_s = min(left, TRY_S) if again else left
                answer = await self._request(session, subject, payload, try_s, headers)
            except NoRespondersError:
                pass  # nobody took it, so sending it again is harmless
            except (Error, OSError) as error:
                if not again:
                    raise self.unavailable(f"{subject} was not answered: {error}") from None
            else:
                refused = _refusal(answer)
                if refused is None:
                    return answer
                if not (again and refused.passing):
                    raise refused
                self._trouble = refused.description
            await asyncio.sleep(AGAIN_S)

    async def _request(
        self,
        session: Session,
        subject: str,
        payload: bytes,
        timeout_s: float,
        headers: dict[str, str] | None,
    ) -> dict[str, Any]:
        """One request, which ends with its session if that ends first."""
        asking = asyncio.ensure_future(
            session.client.request(subject, payload, timeout=timeout_s, headers=headers)
        )
        ended = asyncio.ensure_future(session.ended.wait())
        try:
            await asyncio.wait([asking, ended], return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise OSError("the connection broke")
            answer: dict[str, Any] = msgspec.json.decode(asking.result().data)
            return answer
        except msgspec.DecodeError as error:
            raise OSError(f"an answer that is no JSON: {error}") from None
        finally:
            asking.cancel()
            ended.cancel()

    # ------------------------------------------------------------------ keeping it

    async def _keep(self) -> None:
        delay_s, server = BACKOFF_S_MIN, self.random.getrandbits(16)
        try:
            while not self._closed:
                server += 1
                session = await self._connect(self.address.server(server))
                if session is not None:
                    delay_s = BACKOFF_S_MIN
                    await self._become(session)
                    await session.ended.wait()
                    await self._become(None)
                await asyncio.sleep(self.random.uniform(delay_s / 2, delay_s))
                delay_s = min(2 * delay_s, BACKOFF_S_MAX)
        finally:
            session = self.session
            await self._become(None)
            if session is not None:
                await session.client.close()

    async def _become(self, session: Session | None) -> None:
        self.session = session
        async with self._changes:
            self._changes.notify_all()
        for callback in list(self.changed):
            callback()

    async def _connect(self, server: str) -> Session | None:
        ended = asyncio.Event()

        async def closed() -> None:
            ended.set()

        address = self.address
        try:
            client = await nats.connect(
                server,
                allow_reconnect=False,
                connect_timeout=CONNECT_S,
                ping_interval=PING_S,
                max_outstanding_pings=PINGS_MAX,
                error_cb=self._note,
                closed_cb=closed,
                user=address.user,
                password=address.password,
                tls=ssl.create_default_context() if address.tls else None,
                name="plait",
            )
        except AuthorizationError:
            self._refused = BadSettings(
                f"the NATS server {server} does not accept this user or password"
            )
        except (Error, OSError) as error:
            await self._note(error)
        else:
            self._refused = None
            return Session(client, ended)
        async with self._changes:
            self._changes.notify_all()
        return None

    async def _note(self, error: Exception) -> None:
        self._trouble = str(error) or type(error).__name__


async def stop(task: "asyncio.Task[None]") -> None:
    """Cancel a task until it ends: the client library swallows a cancellation now and then."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=STOP_S)


def _refusal(answer: dict[str, Any]) -> ApiError | None:
    """The error that an answer is, if it is one."""
    error = answer.get("error")
    if error is None:
        return None
    return ApiError(error.get("code", 0), error.get("err_code", 0), error.get("description", ""))
