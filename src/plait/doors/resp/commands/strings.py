"""Strings: SET with its options, and what reads and cuts them. Counting is in `counters`."""

from typing import Final

from plait.doors.resp.commands.numbers import SYNTAX, integer
from plait.doors.resp.commands.table import ALL_KEYS, Arguments, reads, writes
from plait.doors.resp.keyspace import Keyspace
from plait.doors.resp.parser import BULK_BYTES_MAX
from plait.doors.resp.replies import OK, Complaint, Reply

STRING_BYTES_MAX: Final = BULK_BYTES_MAX
TOO_LONG: Final = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
_TIMES: Final = (b"EX", b"PX", b"EXAT", b"PXAT")
_MS_MAX: Final = (1 << 63) - 1


def deadline(keyspace: Keyspace, unit: bytes, text: bytes, name: str) -> int:
    """The time that ``EX 10`` and its like mean, in milliseconds since 1970."""
    amount = integer(text)
    value = amount * 1000 if unit in (b"EX", b"EXAT") else amount
    if unit in (b"EX", b"PX"):
        value += keyspace.now_ms
    if amount <= 0 or value > _MS_MAX:
        raise Complaint(f"ERR invalid expire time in '{name}' command")
    return value


@reads("get", 2)
def get(keyspace: Keyspace, args: Arguments) -> Reply:
    """GET key"""
    return keyspace.string(args[1])


@writes("set", -3)
def set_(keyspace: Keyspace, args: Arguments) -> Reply:
    """SET key value [NX|XX|IFEQ value] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]"""
    key, value = args[1], args[2]
    if len(args) == 3:
        keyspace.assign(key, value)
        return OK
    only = b""
    unit = amount = equal = b""
    old_wanted = keeps = False
    at = 3
    while at < len(args):
        word = args[at].upper()
        more = at + 1 < len(args)
        if word in (b"NX", b"XX") and not only:
            only = word
        elif word == b"IFEQ" and not only and more:
            only, equal = word, args[at + 1]
            at += 1
        elif word == b"GET":
            old_wanted = True
        elif word == b"KEEPTTL" and not unit:
            keeps = True
        elif word in _TIMES and not unit and not keeps and more:
            unit, amount = word, args[at + 1]
            at += 1
        else:
            raise Complaint(SYNTAX)
        at += 1
    until = deadline(keyspace, unit, amount, "set") if unit else None
    found = keyspace.string(key) if old_wanted or only == b"IFEQ" else keyspace.find(key)
    stands = found is not None
    if (only == b"NX" and stands) or (only == b"XX" and not stands) or (
        only == b"IFEQ" and found != equal
    ):  # fmt: skip
        return found if old_wanted else None
    if keeps and stands:
        keyspace.data[key] = value
        keyspace.touch(key)
    else:
        keyspace.assign(key, value)
    if until is not None:
        keyspace.expire_at(key, until)
    return found if old_wanted else OK


@writes("setnx", 3)
def setnx(keyspace: Keyspace, args: Arguments) -> Reply:
    """SETNX key value"""
    if keyspace.find(args[1]) is not None:
        return 0
    keyspace.assign(args[1], args[2])
    return 1


@writes("setex", 4)
def setex(keyspace: Keyspace, args: Arguments) -> Reply:
    """SETEX key seconds value"""
    until = deadline(keyspace, b"EX", args[2], "setex")
    keyspace.assign(args[1], args[3])
    keyspace.expire_at(args[1], until)
    return OK


@writes("psetex", 4)
def psetex(keyspace: Keyspace, args: Arguments) -> Reply:
    """PSETEX key milliseconds value"""
    until = deadline(keyspace, b"PX", args[2], "psetex")
    keyspace.assign(args[1], args[3])
    keyspace.expire_at(args[1], until)
    return OK


@writes("getset", 3)
def getset(keyspace: Keyspace, args: Arguments) -> Reply:
    """GETSET key value"""
    old = keyspace.string(args[1])
    keyspace.assign(args[1], args[2])
    return old


@writes("getdel", 2)
def getdel(keyspace: Keyspace, args: Arguments) -> Reply:
    """GETDEL key"""
    old = keyspace.string(args[1])
    if old is not None:
        keyspace.remove(args[1])
    return old


@writes("getex", -2)
def getex(keyspace: Keyspace, args: Arguments) -> Reply:
    """GETEX key [EX s|PX ms|EXAT s|PXAT ms|PERSIST]"""
    key = args[1]
    word = args[2].upper() if len(args) > 2 else b""
    until = None
    if word in _TIMES and len(args) == 4:
        until = deadline(keyspace, word, args[3], "getex")
    elif len(args) > 2 and not (word == b"PERSIST" and len(args) == 3):
        raise Complaint(SYNTAX)
    found = keyspace.string(key)
    if found is not None and (until is not None or (word and key in keyspace.expires)):
        keyspace.expire_at(key, until)
    return found


@writes("append", 3)
def append(keyspace: Keyspace, args: Arguments) -> Reply:
    """APPEND key value"""
    whole = (keyspace.string(args[1]) or b"") + args[2]
    _replace(keyspace, args[1], whole)
    return len(whole)


@reads("strlen", 2)
def strlen(keyspace: Keyspace, args: Arguments) -> Reply:
    """STRLEN key"""
    return len(keyspace.string(args[1]) or b"")


@writes("setrange", 4)
def setrange(keyspace: Keyspace, args: Arguments) -> Reply:
    """SETRANGE key offset value"""
    offset = integer(args[2])
    if offset < 0:
        raise Complaint("ERR offset is out of range")
    old, piece = keyspace.string(args[1]), args[3]
    if not piece:
        return len(old or b"")
    if offset + len(piece) > STRING_BYTES_MAX:
        raise Complaint(TOO_LONG)
    whole = bytearray(old or b"")
    whole.extend(bytes(max(0, offset - len(whole))))
    whole[offset : offset + len(piece)] = piece
    _replace(keyspace, args[1], bytes(whole))
    return len(whole)


@reads("getrange", 4)
def getrange(keyspace: Keyspace, args: Arguments) -> Reply:
    """GETRANGE key start end"""
    start, stop = integer(args[2]), integer(args[3])
    value = keyspace.string(args[1]) or b""
    if start < 0 and stop < 0 and start > stop:
        return b""
    size = len(value)
    start = max(start + size, 0) if start < 0 else start
    stop = max(stop + size, 0) if stop < 0 else stop
    return value[start : stop + 1]


reads("substr", 4)(getrange)


@reads("mget", -2, ALL_KEYS)
def mget(keyspace: Keyspace, args: Arguments) -> Reply:
    """MGET key [key ...]"""
    found = [keyspace.find(key) for key in args[1:]]
    return [value if type(value) is bytes else None for value in found]


@writes("mset", -3, (1, -1, 2))
def mset(keyspace: Keyspace, args: Arguments) -> Reply:
    """MSET key value [key value ...]"""
    if len(args) % 2 == 0:
        raise Complaint("ERR wrong number of arguments for 'mset' command")
    for at in range(1, len(args), 2):
        keyspace.assign(args[at], args[at + 1])
    return OK


@writes("msetnx", -3, (1, -1, 2))
def msetnx(keyspace: Keyspace, args: Arguments) -> Reply:
    """MSETNX key value [key value ...]"""
    if len(args) % 2 == 0:
        raise Complaint("ERR wrong number of arguments for 'msetnx' command")
    if any(keyspace.find(key) is not None for key in args[1::2]):
        return 0
    for at in range(1, len(args), 2):
        keyspace.assign(args[at], args[at + 1])
    return 1


def _replace(keyspace: Keyspace, key: bytes, value: bytes) -> None:
    """Another string that goes when the old one would have gone."""
    if len(value) > STRING_BYTES_MAX:
        raise Complaint(TOO_LONG)
    keyspace.data[key] = value
    keyspace.touch(key)
