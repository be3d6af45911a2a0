"""Counts that can be checked: each is written with a token of its own into a set, in one batch.

So at the end both counters are exactly the number of tokens, every token that must have been kept
is there, and none that nobody wrote. A client must have kept whatever it wrote, since it flushes
before it ends; a node what it flushed, unless the disk that it was flushed to is gone.

Invariant: a token is written once and never removed.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec

import plait
from plait.api.documents import Documents
from plait.sim.disk import SimDisk

KEY = "ledger"


class Entry(plait.Document):
    """The document."""

    tokens = plait.AddWinsSet(str)
    count = plait.Counter()
    grown = plait.GrowCounter()


class Reading(msgspec.Struct):
    """The ledger as a replica has it."""

    tokens: set[str]
    count: int
    grown: int


class Ledger:
    """What was counted by whom, and how safely."""

    def __init__(self) -> None:
        self.written: set[str] = set()
        self.kept: set[str] = set()  # whatever happens
        self.on_disks: dict[str, SimDisk] = {}  # as long as this disk is used
        self._numbers = count()

    def add(self, docs: Documents[Any], who: str) -> str:
        """Count one more; its token. Raises what writing does, and then nothing was counted."""
        token = f"{who}/{next(self._numbers)}"
        entry = docs[KEY]
        with docs.change("one more"):
            entry.tokens.add(token)
            entry.count += 1
            entry.grown += 1
        self.written.add(token)
        return token

    def must_have(self, disks: list[SimDisk]) -> set[str]:
        """What is there at the end, when these disks are in use."""
        left = [token for token, disk in self.on_disks.items() if any(disk is d for d in disks)]
        return self.kept.union(left)


def read_entry(docs: Documents[Any]) -> Reading:
    """The ledger at a replica."""
    entry = docs[KEY]
    return Reading(set(entry.tokens), int(entry.count), int(entry.grown))


def judge_ledger(who: str, reading: Reading, written: set[str], wanted: set[str]) -> Iterator[str]:
    """Exactly what was written is counted, and nothing that must be there is lost."""
    lost, strange = wanted - reading.tokens, reading.tokens - written
    if lost:
        yield f"{who} lost what was flushed: {sorted(lost)}"
    if strange:
        yield f"{who} has tokens that nobody wrote: {sorted(strange)}"
    for name, value in (("counter", reading.count), ("grow counter", reading.grown)):
        if value != len(reading.tokens):
            yield f"the {name} of {who} is {value}, and {len(reading.tokens)} were counted"
