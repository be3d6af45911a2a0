"""Editing traces: what real people typed, from files.

A file is gzip JSON (josephg/editing-traces): transactions of patches, positions in code points. In
a concurrent trace a transaction has an author and parents, and its patches stand as of those.
"""

import gzip
from pathlib import Path

import msgspec

SEQUENTIAL, CONCURRENT = "sequential", "concurrent"

Edit = tuple[int, int, str]  # position, how many are deleted there, what is inserted there


class Transaction(msgspec.Struct, frozen=True):
    """What one author did at once."""

    patches: list[Edit]
    agent: int = 0
    parents: list[int] = []  # indexes of transactions before this one; sequential: none are told


class Trace(msgspec.Struct, frozen=True):
    """A session that starts with nothing, and the text at its end."""

    kind: str
    transactions: list[Transaction]
    end: str

    def edits(self) -> list[Edit]:
        """All patches in their order, which is what a sequential trace is."""
        return [patch for one in self.transactions for patch in one.patches]

    def ascii(self) -> bool:
        """Whether every inserted character is one byte."""
        return all(patch[2].isascii() for patch in self.edits())


class _File(msgspec.Struct, rename="camel"):
    txns: list[Transaction]
    end_content: str
    start_content: str = ""


def find_traces(folder: Path) -> dict[str, Path]:
    """The trace files of a folder by name: those of `sequential`, then those of `concurrent`."""
    return {
        path.name.removesuffix(".json.gz"): path
        for kind in (SEQUENTIAL, CONCURRENT)
        for path in sorted((folder / kind).glob("*.json.gz"))
    }


def read_trace(path: Path) -> Trace:
    """The trace of a file."""
    return parse_trace(gzip.decompress(path.read_bytes()))


def parse_trace(data: bytes) -> Trace:
    """A trace from its JSON. What a sequential session starts with counts as its first edit."""
    found = msgspec.json.decode(data, type=_File)
    transactions = found.txns
    concurrent = any(one.parents for one in transactions)
    if found.start_content:
        if concurrent:
            raise ValueError("a concurrent trace that starts with a text is not known here")
        transactions = [Transaction([(0, 0, found.start_content)]), *transactions]
    kind = CONCURRENT if concurrent else SEQUENTIAL
    return Trace(kind, transactions, found.end_content)
