"""What a scope finds out that is not for the fold; gathered, and asked for by the engine."""

from typing import TypeAlias

import msgspec

from plait.base.causality import Dot


class Forked(msgspec.Struct, frozen=True, tag=True):
    """Two contents under one dot: the author's id was used twice. What came second was ignored."""

    replica: int
    seq: int


class Behind(msgspec.Struct, frozen=True, tag=True):
    """Somebody knows more of this replica's own stream than it does: it lost state."""

    seq: int  # the last number that was seen elsewhere


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A batch of no member, or beyond its author's retirement, was not delivered."""

    replica: int
    seq: int


class Verdict(msgspec.Struct, frozen=True, tag=True):
    """An event was voided: it keeps its place and has no effect."""

    dot: Dot
    reason: str
    judge: int  # the replica that refused it


class Below(msgspec.Struct, frozen=True, tag=True):
    """A state was offered that was folded beyond what this replica has seen, and this replica has
    events that it lacks: it cannot be joined, only adopted."""


class Split(msgspec.Struct, frozen=True, tag=True):
    """A copy of a store without other members was written to beside the store itself, and what was
    written here since is folded already: giving way would lose it. Both sides keep what they have,
    and a person decides."""


Notice: TypeAlias = Forked | Behind | Refused | Verdict | Below | Split
