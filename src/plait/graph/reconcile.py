"""Range-based set reconciliation: which ids two sides do not share, for little more than the
differences.

The ids are sorted. A message covers all of them by consecutive ranges, each up to a bound; of each
it has a fingerprint, the ids themselves if they are few, or nothing if the range is settled. Equal
fingerprints settle a range; unequal ones are answered with `FANOUT` smaller ranges. The side that
began learns what it has and the other lacks (`have`) and the reverse (`need`).

A message that would grow too large ends with one fingerprint of all that is left, so messages are
bounded and nothing is forgotten.

Invariant: at the beginning side every id is in a settled range, in the range of the next message,
or was compared.

Source: Meyer, "Range-Based Set Reconciliation" (2023); the fingerprint is a hash of the sum of the
ids modulo 2**256 and of their number, as in Negentropy.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import TypeAlias

import msgspec

from plait.base.errors import BadFrame
from plait.graph.event import Batch, digest_of

ID_BYTES = 32
FINGERPRINT_BYTES = 16
FANOUT = 16
IDS_FEW = 2 * FANOUT  # a range of so many is sent as it is
MESSAGE_BYTES = 64 * 1024
RANGES_MAX = 65_536
END = b""  # the bound of the last range

_MODULUS = 1 << 256


class Settled(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Nothing is left to say about the range."""

    bound: bytes  # the first id beyond the range


class Fingerprint(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """All ids of the range in a few bytes."""

    bound: bytes
    value: bytes


class Ids(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """All ids of the range."""

    bound: bytes
    ids: tuple[bytes, ...]


Range: TypeAlias = Settled | Fingerprint | Ids


class Ranges(msgspec.Struct, frozen=True, array_like=True, tag=92):
    """One message: consecutive ranges from the least id to the greatest."""

    lineage: bytes
    ranges: tuple[Range, ...]


def id_of(batch: Batch) -> bytes:
    """A batch's id: equal for equal content under equal dots, whatever came before it."""
    return hashlib.blake2b(digest_of(b"", batch), digest_size=ID_BYTES).digest()


class Reconciler:
    """One side; `begins` says which."""

    def __init__(
        self, lineage: bytes, ids: Iterable[bytes], begins: bool, bytes_max: int = MESSAGE_BYTES
    ) -> None:
        self.lineage = lineage
        self.begins = begins
        self.bytes_max = max(bytes_max, 4 * IDS_FEW * ID_BYTES)
        self.ids = sorted(ids)
        self.have: list[bytes] = []  # here and not there
        self.need: list[bytes] = []  # there and not here
        self.done = False
        numbers = (int.from_bytes(one, "big") for one in self.ids)
        self._sums = list(accumulate(numbers, lambda a, b: (a + b) % _MODULUS, initial=0))

    def start(self) -> Ranges:
        """The first message of the side that begins."""
        assert self.begins, "the other side begins"
        return Ranges(self.lineage, tuple(self._split(0, len(self.ids), END)))

    def answer(self, message: Ranges) -> Ranges | None:
        """The reply to a message, or None when all is settled. Raises `BadFrame`."""
        check_ranges(message)
        out: list[Range] = []
        size, lower = 0, 0
        for told in message.ranges:
            upper = self._index(told.bound)
            if size > self.bytes_max:
                rest = self._fingerprint(lower, len(self.ids))
                out.append(Fingerprint(END, rest))
                break
            for said in self._reply(told, lower, upper):
                size += _size(said)
                _append(out, said)
            lower = upper
        if all(isinstance(said, Settled) for said in out):
            self.done = True
            # the side that did not begin still has to say that it agrees
            return None if self.begins else Ranges(self.lineage, tuple(out))
        return Ranges(self.lineage, tuple(out))

    def _reply(self, told: Range, lower: int, upper: int) -> list[Range]:
        """What to say about a range that was told."""
        match told:
            case Fingerprint(bound, value):
                if value == self._fingerprint(lower, upper):
                    return [Settled(bound)]
                return self._split(lower, upper, bound)
            case Ids(bound, theirs):
                mine = self.ids[lower:upper]
                if not self.begins:
                    return [Ids(bound, tuple(mine))]
                known, there = set(mine), set(theirs)
                self.have += [one for one in mine if one not in there]
                self.need += [one for one in theirs if one not in known]
                return [Settled(bound)]
            case _:
                return [told]

    def _split(self, lower: int, upper: int, bound: bytes) -> list[Range]:
        """A range as smaller ones, or as its ids."""
        count = upper - lower
        if count <= IDS_FEW:
            return [Ids(bound, tuple(self.ids[lower:upper]))]
        cuts = [lower + count * part // FANOUT for part in range(FANOUT + 1)]
        return [
            Fingerprint(bound if stop == upper else self.ids[stop], self._fingerprint(start, stop))
            for start, stop in pairwise(cuts)
        ]

    def _fingerprint(self, lower: int, upper: int) -> bytes:
        total = (self._sums[upper] - self._sums[lower]) % _MODULUS
        data = total.to_bytes(32, "big") + (upper - lower).to_bytes(8, "big")
        return hashlib.blake2b(data, digest_size=FINGERPRINT_BYTES).digest()

    def _index(self, bound: bytes) -> int:
        return len(self.ids) if bound == END else bisect_left(self.ids, bound)


def check_ranges(message: Ranges) -> None:
    """Raise `BadFrame` for ranges that no side can have sent."""
    ranges = message.ranges
    if not 1 <= len(ranges) <= RANGES_MAX or ranges[-1].bound != END:
        raise BadFrame("ranges that do not cover every id")
    lower = b""
    for told in ranges:
        last = told.bound == END
        if (last and told is not ranges[-1]) or (not last and not lower < told.bound):
            raise BadFrame("the bounds of ranges do not ascend")
        if isinstance(told, Ids):
            _check_ids(told, lower)
        lower = told.bound


def _check_ids(told: Ids, lower: bytes) -> None:
    before = b""
    for one in told.ids:
        if len(one) != ID_BYTES or not before < one or one < lower:
            raise BadFrame("ids that are not sorted, or not of their range")
        before = one
    if told.ids and told.bound != END and told.ids[-1] >= told.bound:
        raise BadFrame("an id beyond its range")


def _append(out: list[Range], said: Range) -> None:
    """Add a range; settled ones in a row become one."""
    if out and isinstance(said, Settled) and isinstance(out[-1], Settled):
        out.pop()
    out.append(said)


def _size(said: Range) -> int:
    ids = len(said.ids) if isinstance(said, Ids) else 0
    return len(said.bound) + FINGERPRINT_BYTES + ids * (ID_BYTES + 2) + 4
