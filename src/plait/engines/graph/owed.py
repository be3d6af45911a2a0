"""What a store owes: the own events that may come to count for nothing, by what they were to do.

::

    own event, retained --given up--> lost --+--never counts--> written anew: an own event again
                                       ^     |
                                       |     +--counts--> entrusted --stable--> owed no more
                                       +--------given up------+

Invariant: every own event, under whatever id it was written, is stable, or retained here as an own
batch, or stands in `lost` or `entrusted`; and it stands in one of them only.

That an event counts in a state that was adopted is not enough: whoever gave that state may have to
give up its id as well, and then answers for its own events only. A stable event has been seen by
everybody who counts, so nobody need write it anew. That an event does not count yet is not enough
either: it is written anew once its id's retirement is final where it does not count (or it was
never admitted there), for then it never will; else it would be there twice.

Absent: how it is written anew (`reissue`), and what is owed by a copy of a store: its original
owes that.
"""

from typing import Any

import msgspec

from plait.base.causality import Dot, VersionVector
from plait.base.codec import decode, encode
from plait.graph.scope import Scope


class Intent(msgspec.Struct, frozen=True, array_like=True):
    """What one own operation was to do, or all those on one text or list."""

    hlc: int
    key: str
    path: tuple[str, ...]
    kind: int
    body: Any
    dots: tuple[tuple[int, int], ...] = ()  # where it may count after all: each author's last
    beyond: bool = False  # whoever had the id given up has said that this will never count


class Owed(msgspec.Struct, frozen=True, array_like=True):
    """Intents in the order in which they were written."""

    intents: tuple[Intent, ...]


def encode_owed(intents: tuple[Intent, ...]) -> bytes:
    """The intents as bytes; none are no bytes."""
    return encode(Owed(intents)) if intents else b""


def decode_owed(data: bytes) -> tuple[Intent, ...]:
    """The intents of bytes."""
    return decode(data, type=Owed).intents if data else ()


def unsettled(intents: tuple[Intent, ...], stable: VersionVector) -> tuple[Intent, ...]:
    """Those that are still owed when this is stable."""
    return tuple(
        [
            intent
            for intent in intents
            if not intent.dots or not all(stable.contains(dot) for dot in intent.dots)
        ]
    )


def fate(scope: Scope, dot: Dot) -> bool | None:
    """Whether an event counts in a scope, or will when it arrives; None if that is not known."""
    author, seq = dot
    if scope.vector.contains(dot):
        return True
    if author not in scope.members.names:
        return False
    retirement = scope.members.retired.get(author)
    if retirement is not None and seq <= retirement.last:
        return True
    return False if scope.members.final(author, scope.streams) else None
