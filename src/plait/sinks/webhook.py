"""A webhook: one POST a transaction, in order, each tried until the other side has taken it.

::

    2xx                               taken; the next one follows
    no answer, 408, 425, 429, 5xx     tried again, later and later, for `patience_s`
    anything else                     refused: delivery ends

Each POST has an ``Idempotency-Key``, the same however often it is sent, for a transaction may come
again: after an answer that was lost, and after a crash before the group's position was kept.
"""

import asyncio
import base64
import random as chance
from collections.abc import Sequence
from time import monotonic

from plait.api.watch import Batch
from plait.base.errors import BadSettings, Unavailable
from plait.base.ports import Random
from plait.host.http_poster import Answered, HttpPoster
from plait.sinks.records import message_of
from plait.sinks.sink import Mark

TIMEOUT_S = 10.0
PATIENCE_S = 600.0
PAUSE_S_MIN, PAUSE_S_MAX = 0.1, 30.0
_AGAIN = frozenset({408, 425, 429})


class WebhookSink:
    """Posts to one URL. A user and password in it are sent as basic authentication."""

    most = 16

    def __init__(
        self,
        url: str,
        table: str,
        group: str,
        *,
        patience_s: float = PATIENCE_S,
        timeout_s: float = TIMEOUT_S,
        random: Random | None = None,
    ) -> None:
        self._poster = HttpPoster(url, timeout_s)
        self._table = table
        self._group = group
        self._patience_s = patience_s
        self._random = random or chance.Random()
        self._headers = {"Content-Type": "application/json", "User-Agent": "plait"}
        if self._poster.user:
            login = f"{self._poster.user}:{self._poster.password}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(login).decode()

    async def open(self, cursor: str) -> Mark | None:
        """See `Sink`. What the other side has is not known: it tells by the key."""
        return None

    async def write(self, batches: Sequence[Batch]) -> None:
        """See `Sink`. `Unavailable` after `patience_s`, `BadSettings` for a refusal."""
        for batch in batches:
            key = f"{self._table}/{self._group}/{batch.cursor}"
            await self._post(message_of(self._table, self._group, batch), key)

    async def close(self) -> None:
        """See `Sink`."""
        await self._poster.close()

    async def _post(self, body: bytes, key: str) -> None:
        until, pause_s = monotonic() + self._patience_s, PAUSE_S_MIN
        headers = self._headers | {"Idempotency-Key": key}
        while True:
            asked_s = 0.0
            try:
                answered = await self._poster.post(body, headers)
            except Unavailable as error:
                trouble = error.message
            else:
                trouble = f"{self._poster.public} answered {answered.status} {answered.reason}"
                if 200 <= answered.status < 300:
                    return
                if answered.status < 500 and answered.status not in _AGAIN:
                    raise BadSettings(f"{trouble} to the transaction {key}: it was not taken")
                asked_s = _asked_s(answered)
            wait_s = max(self._random.uniform(pause_s / 2, pause_s), asked_s)
            if monotonic() + wait_s > until:
                raise Unavailable(f"{trouble}, for {self._patience_s:g} s")
            await asyncio.sleep(wait_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)


def _asked_s(answered: Answered) -> float:
    """How long the other side asks to be left alone."""
    text = answered.retry_after or ""
    return min(float(text), 10 * PAUSE_S_MAX) if text.isascii() and text.isdigit() else 0.0
