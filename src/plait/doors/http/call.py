"""One request, as operations see it: who it is for, what was given, and how it is answered.

A call has a session of its own: it begins with the token that the client sent (`Plait-Session`), if
any, and its answer carries the token that it ended with.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plait.api.session import Session
from plait.api.store import Store
from plait.base.errors import BadValue
from plait.doors.http.problems import HttpProblem, bad_request
from plait.doors.people import Acting

if TYPE_CHECKING:
    from plait.doors.http.door import Door

SESSION_HEADER = "plait-session"
MSGPACK = "application/msgpack"
JSON = "application/json"

T = TypeVar("T")


class Call:
    """A request to a store."""

    def __init__(
        self,
        door: "Door",
        request: Request,
        path: Mapping[str, str],
        query: Mapping[str, Any],
        acting: Acting | None,
    ) -> None:
        self.door = door
        self.request = request
        self.path = path
        self.query = query
        self._acting = acting

    @property
    def acting(self) -> Acting:
        """Who this is for, and whether that may go on."""
        assert self._acting is not None, "a free operation acts for nobody"
        return self._acting

    @property
    def store(self) -> Store:
        """The store of whoever asks."""
        return self.acting.store

    @cached_property
    def session(self) -> Session:
        """The session that the client goes on with; `BadValue` if its token is none."""
        token = self.request.headers.get(SESSION_HEADER)
        if token is not None and len(token) > self.door.limits.header_token_bytes_max:
            raise BadValue("this is no session token: it is too long")
        return self.store.session(token or None)

    # ------------------------------------------------------------------ the body

    async def body(self) -> bytes:
        """All of it; 413 if it is larger than the door allows."""
        limit = self.door.limits.body_bytes_max
        stated = self.request.headers.get("content-length")
        if stated is not None and stated.isdigit() and int(stated) > limit:
            raise _too_large(limit)
        chunks, size = [], 0
        try:
            async for chunk in self.request.stream():
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
        except ClientDisconnect:
            raise bad_request("the body never came") from None
        return b"".join(chunks)

    @property
    def content_type(self) -> str:
        """The kind of body that was sent, without its parameters; JSON if nothing is said."""
        stated = self.request.headers.get("content-type", JSON)
        return stated.partition(";")[0].strip().lower()

    async def decoded(self, kind: type[T]) -> T:
        """The body as a value of that type."""
        return self.decode(await self.body(), kind)

    def decode(self, data: bytes, kind: type[T]) -> T:
        """A body as a value of that type; 400 if it is none."""
        try:
            if self.content_type == MSGPACK:
                return msgspec.msgpack.decode(data, type=kind)
            return msgspec.json.decode(data, type=kind)
        except (ValueError, RecursionError) as error:
            raise bad_request(f"the body is not what is wanted: {error}") from None

    # ------------------------------------------------------------------ answering

    def answer(
        self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """A value, as JSON or as MessagePack, and the session's token if there is a session."""
        packed = MSGPACK in self.request.headers.get("accept", "")
        data = msgspec.msgpack.encode(value) if packed else to_json(value)
        return Response(
            data, status, headers=self.headers(headers), media_type=MSGPACK if packed else JSON
        )

    def nothing(self, headers: Mapping[str, str] | None = None) -> Response:
        """Done, and nothing to say."""
        return Response(status_code=204, headers=self.headers(headers))

    def headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What every answer carries."""
        headers = {"Cache-Control": "no-store", **(more or {})}
        if "session" in self.__dict__:
            headers["Plait-Session"] = self.session.token
        return headers


def to_json(value: Any) -> bytes:
    """JSON of whatever a store holds: bytes as Base64, what JSON has no word for as text."""
    try:
        return msgspec.json.encode(value, enc_hook=repr)
    except (TypeError, ValueError, RecursionError):
        return msgspec.json.encode(_plain(value, 0), enc_hook=repr)


def _plain(value: Any, depth: int) -> Any:
    if depth > 200:
        return "…"
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else repr(key): _plain(inner, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1) for inner in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value


def _too_large(limit: int) -> HttpProblem:
    return HttpProblem(413, "BodyTooLarge", f"a body has at most {limit} bytes")
