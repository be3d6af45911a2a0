"""What a forked child may not use: two processes would write under one replica id."""

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something that is told that it woke up in a child."""

    def forked(self) -> None: ...


_open: "weakref.WeakSet[Forkable]" = weakref.WeakSet()


def guard(replica: Forkable) -> None:
    """Tell it if this process turns out to be a child."""
    _open.add(replica)


def release(replica: Forkable) -> None:
    """It was closed."""
    _open.discard(replica)


def _after_fork_in_child() -> None:
    for replica in list(_open):
        replica.forked()


os.register_at_fork(after_in_child=_after_fork_in_child)
