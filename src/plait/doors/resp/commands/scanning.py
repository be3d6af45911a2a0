"""Scanning in pages, and patterns.

A scan goes through keys in the order of a checksum, and its cursor is the next checksum: so it
needs no memory between pages, and gives every key that was there from its beginning to its end,
whatever comes and goes meanwhile. Pages may be longer than COUNT, as in Redis.
"""

import re
import zlib
from bisect import bisect_left
from collections.abc import Collection
from functools import lru_cache
from typing import Final, NamedTuple

from plait.doors.resp.commands.numbers import SYNTAX, integer
from plait.doors.resp.replies import Complaint

SMALL: Final = 128  # collections up to this size are given in one page
PAGE_MIN: Final = 512  # elements of a large collection in a page, for each page costs a sort

Index = list[tuple[int, bytes]]


class ScanOptions(NamedTuple):
    """What a scan was asked for."""

    match: "re.Pattern[bytes] | None" = None
    most: int = 10
    kind: bytes = b""


def parse_scan(
    cursor: bytes, words: list[bytes], with_type: bool = False
) -> tuple[int, ScanOptions]:
    """A scan's cursor and options."""
    if not cursor.isdigit() or int(cursor) > (1 << 64) - 1:
        raise Complaint("ERR invalid cursor")
    match, count, kind = None, 10, b""
    for at in range(0, len(words), 2):
        if at + 1 >= len(words):
            raise Complaint(SYNTAX)
        word, value = words[at].upper(), words[at + 1]
        if word == b"MATCH":
            match = None if value == b"*" else glob(value)
        elif word == b"COUNT":
            count = integer(value)
            if count < 1:
                raise Complaint(SYNTAX)
        elif word == b"TYPE" and with_type:
            kind = value.lower()
        else:
            raise Complaint(SYNTAX)
    return int(cursor), ScanOptions(match, count, kind)


def make_index(keys: Collection[bytes]) -> Index:
    """Keys in the order of a scan."""
    return sorted([(zlib.crc32(key), key) for key in keys])


def index_page(index: Index, cursor: int, count: int) -> tuple[int, list[bytes]]:
    """The next page, and where the one behind it begins (0: there is none)."""
    start = bisect_left(index, (cursor, b""))
    end = min(start + count, len(index))
    while 0 < end < len(index) and index[end][0] == index[end - 1][0]:
        end += 1
    return (index[end][0] if end < len(index) else 0), [key for _, key in index[start:end]]


def scan_page(
    elements: Collection[bytes], cursor: int, options: ScanOptions
) -> tuple[int, list[bytes]]:
    """A page of a collection."""
    if len(elements) <= SMALL:
        page, behind = list(elements), 0
    else:
        behind, page = index_page(make_index(elements), cursor, max(options.most, PAGE_MIN))
    if options.match is not None:
        page = [element for element in page if options.match.fullmatch(element)]
    return behind, page


@lru_cache(256)
def glob(pattern: bytes) -> "re.Pattern[bytes]":
    r"""A pattern of Redis as a regular expression: ``?``, ``*``, ``[a-z]``, ``[^a]``, ``\x``."""
    out = b""
    at = 0
    while at < len(pattern):
        char = pattern[at : at + 1]
        at += 1
        if char == b"*":
            out += b"" if out.endswith(b".*") else b".*"
        elif char == b"?":
            out += b"."
        elif char == b"[":
            part, at = _class(pattern, at)
            out += part
        elif char == b"\\" and at < len(pattern):
            out += re.escape(pattern[at : at + 1])
            at += 1
        else:
            out += re.escape(char)
    return re.compile(out, re.DOTALL)


def _class(pattern: bytes, at: int) -> tuple[bytes, int]:
    """What stands between brackets; an empty class matches nothing."""
    negated = pattern[at : at + 1] == b"^"
    at += negated
    parts = b""
    while at < len(pattern) and pattern[at : at + 1] != b"]":
        first = pattern[at : at + 1]
        if first == b"\\" and at + 1 < len(pattern):
            at += 1
            first = pattern[at : at + 1]
        if pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            last = pattern[at + 2 : at + 3]
            low, high = sorted((first, last))
            parts += re.escape(low) + b"-" + re.escape(high)
            at += 3
        else:
            parts += re.escape(first)
            at += 1
    if not parts:
        return (b"." if negated else rb"(?!)"), at + 1
    return b"[" + (b"^" if negated else b"") + parts + b"]", at + 1
