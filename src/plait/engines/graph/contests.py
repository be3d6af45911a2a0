"""Finding merge functions that differ: replicas compare hashes of what they merged.

Whoever reads a merged value notes it here; its hash is told to the peers once. A peer that noted
another hash for the very same heads contests them: from then on every replica shows the same write
and has a conflict in its inbox.

Absent: conflicts that nobody reads, which nobody can be shown differently.
"""

import hashlib
from collections.abc import Sequence

from plait.base.causality import Dot
from plait.base.codec import encode
from plait.types.paths import Path

NOTED_MAX = 4096
TOLD_MAX = 512  # in one message
ID_BYTES = 16

Conflict = tuple[str, Path, tuple[Dot, ...]]


class Contests:
    """Merged values by the heads that they were made of."""

    def __init__(self) -> None:
        self._noted: dict[bytes, tuple[Conflict, bytes]] = {}
        self._fresh: dict[bytes, None] = {}  # not told yet

    def note(self, key: str, path: Path, heads: Sequence[Dot], digest: bytes) -> bool:
        """A value was merged here; whether that is new and should be told."""
        conflict: Conflict = (key, path, tuple(sorted(heads)))
        name = hashlib.blake2b(encode(conflict), digest_size=ID_BYTES).digest()
        known = self._noted.get(name)
        if known is not None and known[1] == digest:
            return False
        if known is None and len(self._noted) >= NOTED_MAX:
            oldest = next(iter(self._noted))
            del self._noted[oldest]
            self._fresh.pop(oldest, None)
        self._noted[name] = (conflict, digest)
        self._fresh[name] = None
        return True

    def fresh(self) -> tuple[tuple[bytes, bytes], ...]:
        """What has not been told yet."""
        names = list(self._fresh)[:TOLD_MAX]
        for name in names:
            del self._fresh[name]
        return tuple([(name, self._noted[name][1]) for name in names])

    def entries(self) -> tuple[tuple[bytes, bytes], ...]:
        """The latest that was noted, for a peer that has just come."""
        latest = list(self._noted.items())[-TOLD_MAX:]
        return tuple([(name, digest) for name, (_, digest) in latest])

    def differing(self, entries: Sequence[tuple[bytes, bytes]]) -> list[Conflict]:
        """The conflicts that a peer merged otherwise; each is given out once."""
        found = []
        for name, digest in entries:
            known = self._noted.get(name)
            if known is not None and known[1] != digest:
                found.append(known[0])
                del self._noted[name]
                self._fresh.pop(name, None)
        return found
