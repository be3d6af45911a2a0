"""Where a shelf keeps what: the keys of its rows.

::

    00 meta | 00 names            one row each: counts and vectors; replica ids by small number
    01 <document>                 a document: markers, and its objects if they are few
    02 <document> <object>        an object of a document that has many
    02 <document> <object> <slot> a slot of an object that has many
    02 <document> <object> 03 <n> page n of an object that is saved in pages
    03 <document>                 (empty) the document has what is not folded yet

Invariant: the rows of documents sort as their keys do, and no document's part of a row key is the
beginning of another's. Objects and slots are found by exact key only, so they are hashed when long;
the row itself says what they are.
"""

import hashlib

from plait.base.codec import encode
from plait.types.graph_type import Slot
from plait.types.paths import Path

META = b"\x00meta"
NAMES = b"\x00names"
DOCUMENTS = b"\x01"
OBJECTS = b"\x02"
UNFOLDED = b"\x03"

OBJECT_BYTES = 16
SLOT_BYTES_MAX = 32  # of slots that stand in their row's key as they are


def document_part(key: str) -> bytes:
    """A document's key, in key order and prefix-free: NUL is escaped, and an end is put."""
    return key.encode().replace(b"\x00", b"\x00\xff") + b"\x00\x01"


def key_in(row: bytes) -> str:
    """The document's key in the key of a row of DOCUMENTS or UNFOLDED; ValueError if none."""
    if row[-2:] != b"\x00\x01":
        raise ValueError(f"{row!r} is no key of a document's row")
    return row[1:-2].replace(b"\x00\xff", b"\x00").decode()


def document_row(key: str) -> bytes:
    """The row of a document."""
    return DOCUMENTS + document_part(key)


def unfolded_row(key: str) -> bytes:
    """The row that says that a document has what is not folded yet."""
    return UNFOLDED + document_part(key)


def object_row(key: str, path: Path) -> bytes:
    """The row of an object; its slots' rows begin with this."""
    digest = hashlib.blake2b(encode(path), digest_size=OBJECT_BYTES).digest()
    return OBJECTS + document_part(key) + digest


def slot_part(slot: Slot) -> bytes:
    """A slot's part of its row's key."""
    if isinstance(slot, int):
        return b"\x00" + slot.to_bytes(8, "big", signed=True)
    if len(slot) <= SLOT_BYTES_MAX:
        return b"\x01" + slot
    return b"\x02" + hashlib.blake2b(slot, digest_size=OBJECT_BYTES).digest()


def page_part(number: int) -> bytes:
    """A page's part of its row's key: behind all slots."""
    return b"\x03" + number.to_bytes(4, "big")


def after(prefix: bytes) -> bytes:
    """The first key behind all that begin with `prefix` (which ends with no FF)."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
