"""Finding merge functions that differ: replicas compare hashes of what they merged.

Whoever reads a merged value notes it here; its hash is told to the peers once, and they pass it on
once, so that it gets through replicas that lack the function. Whoever noted another hash for the
very same heads contests them: from then on every replica shows the same write and has a conflict in
its inbox.

Invariants: a pair (heads, hash) is told once by each replica that remembers it; a dispute stays
until it is `decided`. Absent: conflicts that nobody reads, which nobody can be shown differently.
"""

import hashlib
from collections.abc import Sequence

from plait.base.causality import Dot
from plait.base.codec import encode
from plait.types.paths import Path

NOTED_MAX = 4096  # merged values, and hashes of others'
TOLD_MAX = 512  # in one message
ID_BYTES = 16

Conflict = tuple[str, Path, tuple[Dot, ...]]
Pair = tuple[bytes, bytes]  # which heads, and the hash of what was made of them


class Contests:
    """Merged values by the heads that they were made of."""

    def __init__(self) -> None:
        self._noted: dict[bytes, tuple[Conflict, bytes]] = {}
        self._heard: dict[Pair, None] = {}  # of others
        self._hashes: dict[bytes, bytes] = {}  # the latest that was heard, by heads
        self._disputed: dict[bytes, Conflict] = {}
        self._fresh: dict[Pair, None] = {}  # not told yet

    def note(self, key: str, path: Path, heads: Sequence[Dot], digest: bytes) -> bool:
        """A value was merged here; whether that is new and should be told."""
        conflict: Conflict = (key, path, tuple(sorted(heads)))
        name = hashlib.blake2b(encode(conflict), digest_size=ID_BYTES).digest()
        known = self._noted.get(name)
        if known is not None and known[1] == digest:
            return False
        if known is None and len(self._noted) >= NOTED_MAX:
            del self._noted[next(iter(self._noted))]
        self._noted[name] = (conflict, digest)
        self._fresh[name, digest] = None
        if self._hashes.get(name, digest) != digest:
            self._disputed[name] = conflict
        return True

    def hear(self, pairs: Sequence[Pair]) -> bool:
        """What others merged; whether there is anything to pass on or to contest."""
        news = False
        for name, digest in pairs:
            if (name, digest) in self._heard:
                continue
            known = self._noted.get(name)
            if known is not None and known[1] == digest:
                continue  # it was told already
            if len(self._heard) >= NOTED_MAX:
                oldest = next(iter(self._heard))
                del self._heard[oldest]
                self._hashes.pop(oldest[0], None)
            self._heard[name, digest] = None
            self._hashes[name] = digest
            self._fresh[name, digest] = None
            news = True
            if known is not None:
                self._disputed[name] = known[0]
        return news

    def fresh(self) -> tuple[Pair, ...]:
        """What has not been told yet, as much as one message carries."""
        pairs = tuple(self._fresh)[:TOLD_MAX]
        for pair in pairs:
            del self._fresh[pair]
        return pairs

    def entries(self) -> tuple[Pair, ...]:
        """The latest that was noted or heard, for a peer that has just come."""
        noted = [(name, digest) for name, (_, digest) in self._noted.items()]
        half = TOLD_MAX // 2
        return tuple(dict.fromkeys([*noted[-half:], *list(self._heard)[-half:]]))

    def disputed(self) -> list[tuple[bytes, Conflict]]:
        """The conflicts that were merged here and elsewhere, and not alike."""
        return list(self._disputed.items())

    def decided(self, name: bytes) -> None:
        """The heads are contested, or stand no longer."""
        self._disputed.pop(name, None)
        self._noted.pop(name, None)

    @property
    def waits(self) -> bool:
        """Whether there is anything to tell or to contest."""
        return bool(self._fresh or self._disputed)
