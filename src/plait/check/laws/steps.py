"""A schedule: replicas, and what happens to them, step by step.

Every step stands for itself: one that has become impossible, because a step that it needs was left
out, is skipped. So every part of a schedule is a schedule, and can be shrunk by leaving out.
"""

from typing import Any, TypeAlias

import msgspec


class Mutate(msgspec.Struct, frozen=True, tag=True):
    """A mutation; drawn by `gen_op` from `salt` unless it is fixed."""

    salt: int
    fixed: tuple[Any, ...] | None = None


class Clear(msgspec.Struct, frozen=True, tag=True):
    """Take back everything seen."""


class Elsewhere(msgspec.Struct, frozen=True, tag=True):
    """An event of the scope that is about another object: only its context matters."""


class Garbage(msgspec.Struct, frozen=True, tag=True):
    """An event with a body that makes no sense."""

    body: Any


Wish: TypeAlias = Mutate | Clear | Elsewhere | Garbage

KEEP = "keep"
DISCARD = "discard"


class Write(msgspec.Struct, frozen=True, tag=True):
    """A batch of events at one replica, `ms` milliseconds after the previous step."""

    site: int
    wishes: tuple[Wish, ...]
    ms: int = 0
    draft: str = ""  # "", KEEP or DISCARD


class Deliver(msgspec.Struct, frozen=True, tag=True):
    """The next batches of one author arrive as events, if all that they have seen is there."""

    site: int
    author: int | None  # None: everybody's, until nothing more can be delivered
    batches: int = 1


class Take(msgspec.Struct, frozen=True, tag=True):
    """One replica puts its state, or what another lacks of it, into a packet."""

    site: int
    packet: int
    peer: int | None = None  # whom the delta is for; None: the whole state


class Arrive(msgspec.Struct, frozen=True, tag=True):
    """A packet is joined; the same one may arrive late, twice, and at several replicas."""

    site: int
    packet: int


class Restart(msgspec.Struct, frozen=True, tag=True):
    """The state goes through its encoding."""

    site: int


class Fold(msgspec.Struct, frozen=True, tag=True):
    """Fold at the stable cut, or at one that was stable `lag` changes earlier."""

    site: int
    lag: int = 0


class Admit(msgspec.Struct, frozen=True, tag=True):
    """A newcomer is admitted by its sponsor and adopts the sponsor's state."""

    site: int
    sponsor: int


class Probe(msgspec.Struct, frozen=True, tag=True):
    """A law is tried on copies; nothing changes."""

    site: int
    law: str
    other: int = 0
    third: int = 0
    salt: int = 0


Step: TypeAlias = Write | Deliver | Take | Arrive | Restart | Fold | Admit | Probe


class Schedule(msgspec.Struct, frozen=True):
    """Everything about a run that was drawn from the seed."""

    ids: tuple[int, ...]  # of the replicas
    skews_ms: tuple[int, ...]  # how far each one's clock is ahead
    newcomer: bool  # the last replica is no member until it is admitted
    steps: tuple[Step, ...]
