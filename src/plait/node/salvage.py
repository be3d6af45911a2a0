"""What a damaged folder still holds of a line, and the writes that let its log go on from there.

::

    head … applied … end … tail          the log, as far as the disk knows it
           └ the state has everything below; entries up to the first that cannot be read are kept

A log whose newest commits are lost may end before its state does: then the line goes on where the
state ends. Entries that cannot be read and that the state has anyway are dropped, with those before
them; entries that cannot be read and that the state lacks end the line.

Invariant: nothing is kept behind something that is lost, and nothing that can be read before it is
dropped but what the state has. Absent: writing, which `recovery` does.
"""

from typing import NamedTuple

import msgspec

from plait.base.errors import Corrupt
from plait.base.ports import (
    CutSuffix,
    LineExtent,
    LogStorage,
    LogWrite,
    ResetLine,
    Storage,
    TrimPrefix,
)
from plait.engines.checkpoint import Checkpoint, load_checkpoint
from plait.line.entry import NO_EPOCH
from plait.line.replication.log_view import Base
from plait.node.segments import line_of

_READ_BYTES = 256 << 10
_ONE_BY_ONE = 64  # rows, where a page of them cannot be read


class Kept(NamedTuple):
    """What goes on of a line's log."""

    base: Base  # what comes before the entries that are kept
    tail: int  # they end here
    applied: int  # by the state, as it will be
    writes: tuple[LogWrite, ...]  # that bring the log there; none where it is whole
    forget_state: bool  # it is damaged, and the log has everything
    lost: str  # what cannot be read, for people; "" if everything can


def unreadable(log: LogStorage, line: str, head: int, tail: int) -> list[int]:
    """Every position whose row fails its checksum."""
    bad: list[int] = []
    position = head
    while position < tail:
        try:
            position += len(log.read(line, position, tail, _READ_BYTES))
            continue
        except Corrupt:
            pass
        for _ in range(min(_ONE_BY_ONE, tail - position)):
            try:
                log.read(line, position, position + 1, 1)
            except Corrupt:
                bad.append(position)
            position += 1
    return bad


def folded(storage: Storage, line: str) -> Checkpoint | None:
    """How far a line's state goes; None if it cannot be read."""
    try:
        return load_checkpoint(storage.state(line_of(line)))
    except (Corrupt, msgspec.DecodeError):
        return None


def keep(storage: Storage, line: str, extent: LineExtent, base: Base, origin: int) -> Kept:
    """What is to go on of a line. `Corrupt` if neither state nor log begin where the other ends.

    base: what the hard state says to come before the log. origin: where the line began.
    """
    state = folded(storage, line)
    head, tail = max(extent.head, base.position), max(extent.tail, base.position)
    bad = unreadable(storage.log, line, head, extent.tail)
    applied = origin if state is None else state.applied
    if applied < head and head != origin:
        raise Corrupt(
            f"the log of {line} begins at {head}, and its state "
            f"{'is damaged' if state is None else f'ends at {applied}'}: restore a backup"
        )
    lost = [] if state is not None else ["its state is damaged and is folded again"]
    if state is not None and applied > tail:
        lost.append(f"the log lacks entries {tail} to {applied - 1}, which the state has")
        return Kept(
            _base_of(state), applied, applied, (ResetLine(line, applied),), False, "; ".join(lost)
        )
    writes: list[LogWrite] = []
    end = next((position for position in bad if position >= applied), tail)
    if end < tail:
        lost.append(f"entry {end} cannot be read, and those up to {tail - 1} go with it")
        writes.append(CutSuffix(line, end))
    if state is not None and any(position < applied for position in bad):
        lost.append(f"entries below {applied} cannot be read; the state has them")
        base = _base_of(state)
        writes.append(TrimPrefix(line, applied))
    return Kept(base, max(end, head), applied, tuple(writes), state is None, "; ".join(lost))


def _base_of(state: Checkpoint) -> Base:
    epoch = state.spans[-1][0] if state.spans else NO_EPOCH
    return Base(state.applied, epoch, state.record_index)
