"""The control line's records of chains: which loglets, end to end, a line lives on.

This is the metastore of every line that moves: a register by line, with a version. The control
line itself never moves, so no chain's metastore lives in a loglet that it replaces.

Invariant: versions grow by one with each set, and a set happens only against the version that its
caller read. Source: the MetaStore of Delos (OSDI '20). Absent: who may move from which value to
which, which `plait.line.chain` says and whoever sets has checked.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import Corrupt
from plait.line.chain import decode_configuration
from plait.types.commands import SetChain
from plait.types.fold import Failed, View
from plait.types.keys import CONTROL

CHAIN = b"chain/"
CHAIN_BYTES_MAX = 256 << 10


class ChainRecord(msgspec.Struct, frozen=True, array_like=True):
    """The chain of one line."""

    version: int
    configuration: bytes


def chain(view: View, line: str) -> tuple[int, bytes]:
    """Version and configuration of the line's chain; (0, b"") before the first set."""
    data = view.get(CONTROL, CHAIN + line.encode())
    record = ChainRecord(0, b"") if data is None else decode(data, type=ChainRecord)
    return record.version, record.configuration


def set_chain(view: View, command: SetChain, exists: bool) -> Failed | None:
    """Compare and set; `exists` says whether there is such a line."""
    if not exists:
        return Failed("NoSuchCollection", f"there is no line {command.line!r}")
    version, _ = chain(view, command.line)
    if version != command.version:
        what = f"the chain of {command.line!r} is at version {version}, not {command.version}"
        return Failed("Conflict", what, {"version": version})
    size = len(command.configuration)
    if size > CHAIN_BYTES_MAX:
        return Failed("BadSettings", f"a chain of {size} bytes, and {CHAIN_BYTES_MAX} are allowed")
    try:
        decode_configuration(command.configuration)
    except Corrupt as error:
        return Failed("BadSettings", error.message)
    record = ChainRecord(version + 1, command.configuration)
    view.put(CONTROL, CHAIN + command.line.encode(), encode(record))
    return None
