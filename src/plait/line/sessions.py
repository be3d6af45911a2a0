"""Sessions: each command of a client takes effect once, however often it is sent.

A client numbers its commands. The fold asks `admit` which commands of a group are new before it
applies them, and `remember`s what became of those. A retry, one by one or cut into other groups,
gets what was remembered. Clients say below which number they have every answer, so that a
session remembers a window only: runs of commands that stand together in the log, so that a group
costs one run, however large it is.

Source: Ongaro's thesis, section 6.3; the sequence window is DESIGN section 4, "Sessions".

Invariants, for every session: remembered runs are disjoint and ascending; none ends at or below
`answered_below`; a number at or above `answered_below` that no run holds was never applied. All
of it is a function of the log: no clock, no chance.

Deliberately absent: the decision to evict. The leader proposes it (`eviction_candidates`), and
the line orders it, conditional on the session's last use.
"""

from bisect import bisect_right

import msgspec

from plait.line.outcome import Failed, Failures, Returns, Run

SESSIONS_MAX = 1 << 16
WINDOW_COMMANDS_MAX = 1 << 17  # sequence numbers from `answered_below` to the newest
WINDOW_RUNS_MAX = 1024
WINDOW_FAILURES_MAX = 4096  # remembered before new commands are refused
WINDOW_RETURNS_BYTES_MAX = 8 << 20  # of returned values, likewise
SEQUENCE_MAX = 1 << 62
SESSION_ID_MAX = (1 << 63) - 1


class Remembered(msgspec.Struct, array_like=True):
    """Commands with consecutive numbers that stand together in the log."""

    first_sequence: int
    count: int
    position: int
    offset: int
    version: int
    failures: Failures = ()  # by index in this run
    returns: Returns = ()  # by index in this run
    returns_bytes: int = 0  # of the values in `returns`

    @property
    def end(self) -> int:
        """The number behind the run."""
        return self.first_sequence + self.count


class SessionRecord(msgspec.Struct, array_like=True):
    """What a line knows of one session."""

    last_used: int  # position of the last entry that named the session
    answered_below: int = 0
    runs: list[Remembered] = []

    @property
    def newest(self) -> int:
        """The number behind the highest one remembered."""
        return self.runs[-1].end if self.runs else self.answered_below


class Fresh(msgspec.Struct, frozen=True):
    """`count` commands from `index` on were never applied: apply them."""

    index: int
    count: int


class Repeated(msgspec.Struct, frozen=True):
    """`count` commands from `index` on were applied before; `run` says where."""

    index: int
    run: Run
    failures: Failures  # by index in the group
    returns: Returns = ()  # by index in the group

    @property
    def count(self) -> int:
        """How many commands."""
        return self.run.count


class Barred(msgspec.Struct, frozen=True):
    """`count` commands from `index` on must not be applied, and nothing is remembered."""

    index: int
    count: int
    failed: Failed


Part = Fresh | Repeated | Barred


class Sessions:
    """Every session of a line, in memory; changed ones are handed to the state file."""

    def __init__(self, records: dict[int, SessionRecord] | None = None) -> None:
        self._records = dict(records or {})
        self._dirty: dict[int, None] = {}  # in order of change; includes evicted sessions

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, session: int) -> bool:
        return session in self._records

    def open(self, session: int, position: int) -> Failed | None:
        """Make a session known; harmless if it is."""
        if not 0 < session <= SESSION_ID_MAX:
            return Failed("BadValue", f"a session id is 1 to {SESSION_ID_MAX}")
        record = self._records.get(session)
        if record is None:
            if len(self._records) >= SESSIONS_MAX:
                return Failed("Busy", f"this line has {SESSIONS_MAX} sessions already")
            record = self._records[session] = SessionRecord(position)
        record.last_used = position
        self._dirty[session] = None
        return None

    def evict(self, session: int, last_used: int) -> Failed | None:
        """Forget a session that was not used since `last_used`."""
        record = self._records.get(session)
        if record is None:
            return None
        if record.last_used != last_used:
            return Failed(
                "Conflict",
                f"session {session} was used at {record.last_used}",
                {"expected": last_used, "actual": record.last_used},
            )
        del self._records[session]
        self._dirty[session] = None
        return None

    def admit(
        self, session: int, first_sequence: int, answered_below: int, count: int, position: int
    ) -> list[Part]:
        """What to do with each part of a group of `count` commands, in order.

        Session 0 asks for no exactly-once: all its commands are fresh.
        """
        if session == 0:
            return [Fresh(0, count)]
        record = self._records.get(session)
        if record is None:
            return [_evicted(0, count, f"session {session} is not known here any more")]
        if not 0 <= first_sequence <= SEQUENCE_MAX:
            return [Barred(0, count, Failed("BadValue", f"a sequence is 0 to {SEQUENCE_MAX}"))]
        record.last_used = position
        self._dirty[session] = None
        end = first_sequence + count
        # An answer cannot have been received for a command that is only now being ordered.
        _forget_answered(record, min(answered_below, max(end, record.newest)))
        if first_sequence >= record.newest:
            return [_bar_if_full(record, end, count) or Fresh(0, count)]
        return _split(record, first_sequence, end)

    def remember(
        self,
        session: int,
        first_sequence: int,
        count: int,
        place: tuple[int, int, int],
        failures: Failures,
        returns: Returns = (),
    ) -> None:
        """What became of commands that `admit` called fresh; `place` is of the first of them."""
        if session == 0:
            return
        run = Remembered(first_sequence, count, *place, failures)
        if returns:
            run.returns, run.returns_bytes = returns, sum(len(value) for _, value in returns)
        runs = self._records[session].runs
        if not runs or runs[-1].end <= first_sequence:
            if not (runs and _joined(runs[-1], run)):
                runs.append(run)
            return
        runs.insert(bisect_right(runs, first_sequence, key=lambda r: r.first_sequence), run)

    def eviction_candidates(
        self, applied: int, idle_positions: int, sessions_max: int
    ) -> list[tuple[int, int]]:
        """(session, last_used) of sessions to evict: unused for long, or the oldest of too many.

        Ordered by last use, then id, so that every replica would propose the same.
        """
        oldest = sorted((record.last_used, session) for session, record in self._records.items())
        surplus = max(len(oldest) - sessions_max, 0)
        return [
            (session, last_used)
            for rank, (last_used, session) in enumerate(oldest)
            if rank < surplus or applied - last_used > idle_positions
        ]

    def drain_dirty(self) -> list[tuple[int, bytes | None]]:
        """Encoded records of the sessions changed since the last call; None for an evicted one."""
        dirty, self._dirty = self._dirty, {}
        rows: list[tuple[int, bytes | None]] = []
        for session in dirty:
            record = self._records.get(session)
            rows.append((session, None if record is None else _encoder.encode(record)))
        return rows


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(SessionRecord)


def decode_session(data: bytes) -> SessionRecord:
    """A record that `drain_dirty` encoded."""
    return _decoder.decode(data)


def _evicted(index: int, count: int, message: str, answered: bool = False) -> Barred:
    """`answered` tells that the client has the answer, and the command happened once."""
    return Barred(index, count, Failed("SessionEvicted", message, {"answered": answered}))


def _forget_answered(record: SessionRecord, answered_below: int) -> None:
    if answered_below <= record.answered_below:
        return
    record.answered_below = answered_below
    kept = 0
    while kept < len(record.runs) and record.runs[kept].end <= answered_below:
        kept += 1
    del record.runs[:kept]


def _bar_if_full(record: SessionRecord, end: int, count: int) -> Barred | None:
    """Refuse commands beyond the window. Gaps below the newest number can always be filled, or a
    client could never get its oldest unanswered command through."""
    runs = record.runs
    if not runs:
        return None
    if end - record.answered_below > WINDOW_COMMANDS_MAX:
        return Barred(0, count, Failed("Busy", "too many commands are unanswered"))
    if len(runs) >= WINDOW_RUNS_MAX:
        return Barred(0, count, Failed("Busy", "too many groups are unanswered"))
    if sum(len(run.failures) for run in runs) >= WINDOW_FAILURES_MAX:
        return Barred(0, count, Failed("Busy", "too many failures are unanswered"))
    if sum(run.returns_bytes for run in runs) >= WINDOW_RETURNS_BYTES_MAX:
        return Barred(0, count, Failed("Busy", "too many returned bytes are unanswered"))
    return None


def _joined(last: Remembered, run: Remembered) -> bool:
    """Extend `last` by `run` if they stand together; whether they did."""
    together = (last.end, last.position, last.offset + last.count, last.version + last.count)
    if together != (run.first_sequence, run.position, run.offset, run.version):
        return False
    last.failures += tuple((last.count + index, failed) for index, failed in run.failures)
    if run.returns:
        last.returns += tuple((last.count + index, value) for index, value in run.returns)
        last.returns_bytes += run.returns_bytes
    last.count += run.count
    return True


def _split(record: SessionRecord, first: int, end: int) -> list[Part]:
    """The parts of a group that overlaps what is remembered."""
    runs, parts, sequence = record.runs, list[Part](), first
    at = bisect_right(runs, first, key=lambda r: r.first_sequence) - 1
    at = at + 1 if at < 0 or runs[at].end <= first else at
    while sequence < end:
        index = sequence - first
        run = runs[at] if at < len(runs) else None
        if run is not None and run.first_sequence <= sequence:
            stop = min(run.end, end)
            parts.append(_repeated(run, index, sequence, stop))
            at += 1
        else:
            stop = end if run is None else min(run.first_sequence, end)
            if sequence < record.answered_below:
                stop = min(stop, record.answered_below)
                parts.append(
                    _evicted(index, stop - sequence, "answered before, and forgotten", True)
                )
            elif run is None:
                parts.append(
                    _shifted(_bar_if_full(record, stop, stop - sequence), index)
                    or Fresh(index, stop - sequence)
                )
            else:
                parts.append(Fresh(index, stop - sequence))
        sequence = stop
    return parts


def _shifted(barred: Barred | None, index: int) -> Barred | None:
    return None if barred is None else Barred(index, barred.count, barred.failed)


def _repeated(run: Remembered, index: int, sequence: int, stop: int) -> Repeated:
    skip, count = sequence - run.first_sequence, stop - sequence
    failures = tuple(
        (at - skip + index, failed) for at, failed in run.failures if skip <= at < skip + count
    )
    returns = tuple(
        (at - skip + index, value) for at, value in run.returns if skip <= at < skip + count
    )
    place = Run(index, count, run.position, run.offset + skip, run.version + skip)
    return Repeated(index, place, failures, returns)
