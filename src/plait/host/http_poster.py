"""Posting to one HTTP address, over a connection that is kept; the library's, in a thread.

Deliberately absent: when to try again, which `plait.sinks.webhook` decides; redirects, for a
webhook that has moved is to be told to who set it up.
"""

import asyncio
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from plait.base.errors import BadSettings, Unavailable

ANSWER_BYTES_MAX = 4096  # of an answer's body that is read


class Answered(NamedTuple):
    """What a server said."""

    status: int
    reason: str
    retry_after: str | None
    body: bytes  # its beginning


class HttpPoster:
    """One address; used by one task at a time."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadSettings("a webhook is http://host/path or https://host/path")
        try:
            port = parts.port
        except ValueError:
            raise BadSettings("the port of the webhook is no number") from None
        self.public = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection: HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection = HTTPSConnection(
                parts.hostname, port, timeout=timeout_s, context=context
            )
        else:
            self._connection = HTTPConnection(parts.hostname, port, timeout=timeout_s)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answered:
        """Post once; `Unavailable` if nothing was answered, so that it may have been heard."""
        return await asyncio.to_thread(self._post, body, headers)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Answered:
        try:
            self._connection.request("POST", self._target, body, dict(headers))
            answer = self._connection.getresponse()
            beginning = answer.read(ANSWER_BYTES_MAX)
            if answer.read(1):
                self._connection.close()  # the rest is of no interest
            after = answer.getheader("Retry-After")
            return Answered(answer.status, answer.reason, after, beginning)
        except (HTTPException, OSError) as error:
            self._connection.close()
            what = str(error) or type(error).__name__
            raise Unavailable(f"{self.public} did not answer: {what}") from None

    async def close(self) -> None:
        """Hang up."""
        self._connection.close()
