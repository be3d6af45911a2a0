"""Who this replica is, for the disk: the record that decides whether its id may be used again.

A replica id may go on only if everything that was ever said under it is here. So a fresh one is
taken when the folder is another than it was (a clone or a restored copy: `fingerprint`), when the
log may have lost rows (damage, or a state file that is ahead of it), and after a write that failed
at the disk.

Invariant: `epoch` grows whenever the state is thrown away as a whole; rows of an earlier epoch, in
the log or in the state file, count for nothing.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import Corrupt
from plait.base.ports import LogStorage, LogWrite, PutHardState
from plait.engines.graph.options import LINE_PREFIX


class Hard(msgspec.Struct, frozen=True, array_like=True):
    """The hard state of a graph's line."""

    lineage: str
    replica: int
    fingerprint: str
    epoch: int = 0
    distrusted: str = ""  # why the id must not be used again
    formers: tuple[int, ...] = ()  # ids that wrote parts of the state here, before this one
    restored: bool = False  # from a backup: there may be nobody to admit it, so it claims
    left: bool = False  # this process let go of the collection; if it comes back, as a newcomer


def encode_hard(hard: Hard) -> bytes:
    """The record as bytes."""
    return encode(hard)


def load_hard(log: LogStorage, line: str) -> Hard | None:
    """The record on disk, or None for a new line, or one that was left. Raises `Corrupt`."""
    hard = _on_disk(log, line)
    return None if hard is None or hard.left else hard


def has_left(log: LogStorage, line: str) -> bool:
    """Whether a replica was here that is a member no more: it never founds the graph again."""
    hard = _on_disk(log, line)
    return hard is not None and hard.left


def _on_disk(log: LogStorage, line: str) -> Hard | None:
    extent = log.lines().get(line)
    if extent is None or extent.hard_state is None:
        return None
    try:
        return decode(extent.hard_state, type=Hard)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the identity of graph line {line!r} cannot be read: {error}") from error


def is_graph_line(line: str) -> bool:
    """Whether a line of the log is a graph's and not one of ordered entries."""
    return line.startswith(LINE_PREFIX)


def distrusted(log: LogStorage, line: str) -> list[LogWrite]:
    """What to hand to `LogStorage.trust` for a graph: nothing of it is refetched or dropped, but
    the replica takes a fresh id, for it may have said more than it remembers."""
    hard = load_hard(log, line)
    if hard is None:
        return []
    why = log.suspect or "the log was damaged"
    record = msgspec.structs.replace(hard, distrusted=why)
    return [PutHardState(line, encode_hard(record))]


def why_fresh(hard: Hard, fingerprint: str, log_tail: int, state_position: int) -> str | None:
    """Why the id must not be used again, or None if it may."""
    if hard.distrusted:
        return hard.distrusted
    if state_position > log_tail:
        return f"the log ends at {log_tail}, but {state_position} of its rows were there"
    if fingerprint and hard.fingerprint and fingerprint != hard.fingerprint:
        return "the folder is a copy of the one that this id was used in"
    return None
