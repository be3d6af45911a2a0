"""What a handle has been given to append, and has not read back yet.

::

    put ─► waiting ─► sent ─► read back: the append returns its position
              ▲         │
              └─ again ─┴──► refused, sealed, or of unknown outcome

Messages are sent in the order of the calls and never again once a server may have taken them, so
nothing is there twice and what is acknowledged stands in the order of the calls. Trouble (the
connection broke, nobody leads the stream, a server is silent) stops sending; then a *probe*, a
barrier, is sent, and once it is read back everything older is settled: what a server certainly had
no taker for is sent again, unless something later was taken already, and the rest is `Unavailable`,
for a server may still hold it.

Invariants: numbers grow with each sending; while a probe is out nothing else is sent after it.
Pure but for futures: time comes as an argument. Absent: the wire.
"""

import asyncio
from collections import deque

from plait.base.errors import Busy, PlaitError, Sealed, Unavailable
from plait.engines.nats.message import OVERHEAD_BYTES, Message
from plait.line.entry import Entry, Kind

PENDING_BYTES_MAX = 64 << 20
IN_FLIGHT_BYTES_MAX = 16 << 20
IN_FLIGHT_MAX = 4096
SILENCE_S = 2.0  # a message that nobody answers for so long means trouble
PROBE_S = 2.0  # a probe that is not read back is sent again
PROBE_REFUSED_S = 0.1  # and this soon if nobody leads

BARRIER = Entry(b"", 0, Kind.EPOCH)


class Sending:
    """One entry on its way."""

    def __init__(self, entry: Entry, until: float, future: "asyncio.Future[int]") -> None:
        self.entry = entry
        self.until = until
        self.future = future
        self.size = len(entry.payload) + OVERHEAD_BYTES
        self.number = 0  # of the last sending
        self.sent_at = 0.0
        self.stored = False  # a server said that it is in the stream
        self.untaken = False  # a server said that nobody took it
        self.trouble = ""

    def fail(self, error: PlaitError) -> None:
        """It did not get a place, or nobody knows."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # whoever gave up waiting is not missed


class Appends:
    """The messages of one handle, `writer`."""

    def __init__(self, writer: int) -> None:
        self.writer = writer
        self.recovering = False
        self._number = 0
        self._waiting: deque[Sending] = deque()
        self._sent: dict[int, Sending] = {}  # by number, which is by age
        self._bytes = 0  # of both
        self._sent_bytes = 0
        self._placed = 0  # the highest number read back, but for probes
        self._probe: Sending | None = None
        self._first_probe = 0  # its number when it was sent first: all that is older is settled

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sent) + (self._probe is not None)

    def put(self, entry: Entry, until: float) -> "asyncio.Future[int]":
        """Take an entry; the future has its position."""
        sending = Sending(entry, until, asyncio.get_running_loop().create_future())
        if self._bytes and self._bytes + sending.size > PENDING_BYTES_MAX:
            raise Busy(f"{self._bytes} bytes wait for the NATS server")
        self._waiting.append(sending)
        self._bytes += sending.size
        return sending.future

    def next(self, now: float) -> Sending | None:
        """What is to be sent now, which counts as sent from here on."""
        if self.recovering:
            return self._next_probe(now)
        while self._waiting and len(self._sent) < IN_FLIGHT_MAX:
            sending = self._waiting[0]
            if self._sent_bytes and self._sent_bytes + sending.size > IN_FLIGHT_BYTES_MAX:
                return None
            self._waiting.popleft()
            if sending.future.done():  # its caller gave up before anything was sent
                self._bytes -= sending.size
                continue
            self._depart(sending, now)
            self._sent[sending.number] = sending
            self._sent_bytes += sending.size
            return sending
        return None

    def _next_probe(self, now: float) -> Sending | None:
        probe = self._probe
        if probe is None:
            probe = self._probe = Sending(BARRIER, 0.0, asyncio.get_running_loop().create_future())
            self._first_probe = self._number + 1
        elif now < probe.sent_at + (PROBE_REFUSED_S if probe.untaken else PROBE_S):
            return None
        self._depart(probe, now)
        return probe

    def _depart(self, sending: Sending, now: float) -> None:
        self._number += 1
        sending.number, sending.sent_at, sending.untaken = self._number, now, False

    # ------------------------------------------------------------------ what the server says

    def read_back(self, message: Message, position: int) -> None:
        """A message stands at `position`; perhaps it is one of ours."""
        if message.writer != self.writer:
            return
        sending = self._sent.get(message.number)
        if sending is not None:
            self._placed = max(self._placed, message.number)
            self._leave(sending)
            if not sending.future.done():
                sending.future.set_result(position)
        elif self._probe is not None and message.number >= self._first_probe:
            self._settle()

    def stored(self, number: int) -> bool:
        """A server says that it stored the message; whether that is still waited for."""
        sending = self._sent.get(number)
        if sending is not None:
            sending.stored = True
        return sending is not None

    def untaken(self, number: int) -> None:
        """Nobody leads the stream: the message certainly went nowhere."""
        sending = self._sent.get(number) or self._probe
        if sending is not None and sending.number == number:
            sending.untaken = True
            self.recovering = True

    def refused(self, number: int, error: PlaitError) -> None:
        """The server refused the message; nothing happened."""
        sending = self._sent.get(number)
        if sending is not None:
            self._leave(sending)
            sending.fail(error)

    def troubled(self, number: int, why: str) -> None:
        """The server reported an error that does not say whether the message was stored."""
        sending = self._sent.get(number)
        if sending is not None:
            sending.trouble = why
            self.recovering = True

    def cut_off(self) -> None:
        """The connection broke: what was sent may have arrived or not."""
        self._probe = None
        self.recovering = bool(self._sent)

    def sealed(self, at: int) -> None:
        """The log ends: whatever was not read back before its end never counts."""
        self.fail(Sealed(f"the loglet is sealed at {at}"))

    def fail(self, error: PlaitError) -> None:
        """Give `error` to everybody, and forget them."""
        for sending in (*self._sent.values(), *self._waiting):
            sending.fail(error)
        self._sent.clear()
        self._waiting.clear()
        self._probe, self.recovering = None, False
        self._bytes = self._sent_bytes = 0

    def close(self) -> None:
        """Give up: nobody knows what becomes of what was sent."""
        self.fail(Unavailable("the loglet was closed before the append was read back"))

    def tend(self, now: float) -> None:
        """Notice silence, and give up what has waited too long."""
        for sending in [one for one in self._waiting if one.until <= now]:
            self._waiting.remove(sending)
            self._bytes -= sending.size
            sending.fail(Busy("the append waited too long for its turn, and was not sent"))
        for sending in [one for one in self._sent.values() if one.until <= now]:
            self._leave(sending)
            sending.fail(_unknown(sending, "was not read back in time"))
        if not self._sent:
            return
        oldest = next(iter(self._sent.values()))
        if not oldest.stored and now > oldest.sent_at + SILENCE_S:
            self.recovering = True

    # ------------------------------------------------------------------ recovering

    def _settle(self) -> None:
        """A probe was read back: what is older and still there has no place before it."""
        self._probe, self.recovering = None, False
        again: list[Sending] = []
        for sending in list(self._sent.values()):
            self._leave(sending)
            if not sending.untaken:
                sending.fail(_unknown(sending, "was not found in the log after a disturbance"))
            elif sending.number < self._placed:
                sending.fail(Busy("nobody led the stream when the append was sent"))
            else:
                again.append(sending)
        self._waiting.extendleft(reversed(again))
        self._bytes += sum(sending.size for sending in again)

    def _leave(self, sending: Sending) -> None:
        del self._sent[sending.number]
        self._bytes -= sending.size
        self._sent_bytes -= sending.size


def _unknown(sending: Sending, what: str) -> Unavailable:
    reason = f": {sending.trouble}" if sending.trouble else ""
    return Unavailable(f"the append {what}{reason}")
