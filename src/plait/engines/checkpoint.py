"""The checkpoint: the record in a state file that says which prefix of the log it is the fold of.

Invariant: it is written in the same transaction as the rows and the sessions of that prefix.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.ports import StateStorage
from plait.engines.audit import GENESIS, Point
from plait.engines.overlay import Overlay
from plait.line.entry import Epoch
from plait.line.loglet import Loglet
from plait.line.sessions import SessionRecord, Sessions, decode_session
from plait.types.keys import BEFORE, INEFFECTIVE, META, SESSIONS, place_key, session_key

_KEY = b"replica"
_PAGE_ROWS = 1024
BEFORES_A_FLUSH = 16 * _PAGE_ROWS  # a flush comes long before so many commands again


class Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    """Where a fold stands."""

    applied: int = 0  # every entry below was applied
    record_index: int = 0  # records in them
    time_ms: int = 0  # the fold's clock, which never runs backwards
    spans: list[tuple[Epoch, int]] = []  # the epoch history
    hash: bytes = b""  # of all effects; empty in checkpoints older than audits
    audits: list[Point] = []  # the last ones


def load_checkpoint(storage: StateStorage) -> Checkpoint:
    """What the state file stands for; an empty one stands for nothing applied."""
    data = storage.get(META, _KEY)
    return Checkpoint(hash=GENESIS) if data is None else decode(data, type=Checkpoint)


async def continues(loglet: Loglet, applied: int, epoch: Epoch) -> bool:
    """Whether the checkpoint's last entry is the log's own: it may have been cut while the
    process was down. Equal epoch and position mean an equal log up to there."""
    last = applied - 1
    if last < loglet.head:
        return True
    while loglet.committed <= last:
        tail = await loglet.wait(last)
        if tail.sealed and tail.position <= last:
            return False
    entries = await loglet.read(last, last + 1)
    return not entries or entries[0].epoch == epoch


def load_sessions(storage: StateStorage) -> Sessions:
    """Every session in the state file."""
    records: dict[int, SessionRecord] = {}
    start = b""
    while rows := storage.scan(SESSIONS, start, None, _PAGE_ROWS):
        for key, data in rows:
            records[int.from_bytes(key, "big")] = decode_session(data)
        start = rows[-1][0] + b"\0"
    return Sessions(records)


def collect(overlay: Overlay, checkpoint: Checkpoint, sessions: Sessions, head: int) -> None:
    """Put into the overlay what a flush must carry beside the rows.

    Notes on commands below the log's `head` serve no feed any more; some go with each flush.
    """
    for session, data in sessions.drain_dirty():
        overlay.put(SESSIONS, session_key(session), data)
    for space, most in ((INEFFECTIVE, _PAGE_ROWS), (BEFORE, BEFORES_A_FLUSH)):
        for key, _ in overlay.scan(space, b"", place_key(head, 0), most):
            overlay.put(space, key, None)
    overlay.put(META, _KEY, encode(checkpoint))
