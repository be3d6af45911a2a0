"""The ledger of one replica: a hash of all that its fold did, equal at equal positions.

::

    hash of an entry = sha256(hash of the entry before it, what this one read and wrote, in order)
    at an audit      the hash, with a digest of the state that a machine keeps in memory

Invariant: replicas that applied the same log from the same beginning have the same hash, unless a
fold was not deterministic, folds differ, or what one read was not what it had once written. The
hash is kept in the checkpoint, so restarts, snapshots and rebuilds go on with it.

An `Audit` in the log makes each replica note its hash; a `Verdict` says which one a majority had,
and whoever noted another one stops: `Diverged`. Both are judged behind the whole entry.

Deliberately absent: comparing, which `node.audit` does; and rows that nothing reads any more
after they rotted on disk (docs/decisions/0006).
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from plait.base.codec import encode
from plait.base.errors import Diverged
from plait.base.ports import Clock
from plait.engines.overlay import Overlay
from plait.line.entry import Epoch
from plait.types.commands import Audit, Group, Verdict
from plait.types.machine import Machine

HASH_BYTES = 16
GENESIS = bytes(HASH_BYTES)  # before anything was applied
EFFECTS_MAX = 16 * 1024  # noted before they are hashed, in the middle of an entry too
POINTS_MAX = 8  # noted audits; verdicts on older ones come too late


class Point(msgspec.Struct, frozen=True, array_like=True):
    """What a replica's state came to at an audit."""

    epoch: Epoch  # of the audit
    position: int
    fold: int  # the version of the fold that applied it
    hash: bytes  # empty: not known, for the checkpoint was older than audits


class Witness:
    """A view that notes what a fold reads and writes, and what that comes to."""

    def __init__(self, view: Overlay) -> None:
        self.hash = GENESIS  # of all that is sealed; empty: not known
        self._effects: list[Any] = []  # since
        self._view = view
        self._note = self._effects.extend
        self._put = view.put

    def put(self, space: int, key: bytes, value: bytes | None) -> None:
        """Set, or remove with None."""
        self._note((space, key, value))
        self._put(space, key, value)

    def get(self, space: int, key: bytes) -> bytes | None:
        """The value, or None."""
        value = self._view.get(space, key)
        self._note((~space, key, value))
        return value

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Up to `limit` pairs with start <= key < stop, in key order."""
        rows = self._view.scan(space, start, stop, limit, reverse)
        self._note((~space, start, rows))
        if len(self._effects) > EFFECTS_MAX:  # a table is being cleared
            self.seal()
        return rows

    def seal(self) -> None:
        """Take what was noted into the hash."""
        if self._effects and self.hash:
            self.hash = sha256(self.hash + encode(self._effects)).digest()[:HASH_BYTES]
        self._effects.clear()

    def begin(self, hash_: bytes) -> None:
        """Go on from there; nothing is noted yet."""
        self.hash = hash_
        self._effects.clear()


class Ledger:
    """Keeps the hash, and what it was at the last audits."""

    def __init__(self, line: str, view: Overlay, clock: Clock) -> None:
        self.view = Witness(view)  # entries are applied through it
        self.points: list[Point] = []  # by position; at most POINTS_MAX
        self.took_s = 0.0  # to make the last point
        self._line = line
        self._clock = clock

    @property
    def hash(self) -> bytes:
        """Of everything that was applied; empty: not known."""
        return self.view.hash

    def begin(self, hash_: bytes, points: Sequence[Point]) -> None:
        """Go on from a checkpoint."""
        self.view.begin(hash_)
        self.points = list(points)

    def applied(
        self, epoch: Epoch, position: int, groups: Sequence[Group], machine: Machine
    ) -> None:
        """An entry was applied. Raises `Diverged` if it holds a verdict on us."""
        self.view.seal()
        for group in groups:
            match group.commands[0]:
                case Audit(anew):
                    self._note(epoch, position, anew, machine)
                case Verdict() as verdict:
                    self._judge(verdict)

    def _note(self, epoch: Epoch, position: int, anew: bool, machine: Machine) -> None:
        began = self._clock.monotonic()
        if anew:
            self.view.begin(sha256(encode(position)).digest()[:HASH_BYTES])
        state = self.hash and sha256(self.hash + machine.digest()).digest()[:HASH_BYTES]
        point = Point(epoch, position, machine.fold, state)
        self.points = [*self.points[1 - POINTS_MAX :], point]
        self.took_s = self._clock.monotonic() - began

    def _judge(self, verdict: Verdict) -> None:
        for point in self.points:
            same = (point.epoch, point.position) == (verdict.epoch, verdict.position)
            if not same or point.fold != verdict.fold or not point.hash:
                continue
            if point.hash != verdict.hash:
                raise Diverged(
                    f"the state of line {self._line} differs from a majority's as of position "
                    f"{point.position}: it came to {point.hash.hex()} here, and to "
                    f"{verdict.hash.hex()} there",
                    position=point.position,
                )
