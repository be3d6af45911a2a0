"""Keys of any kind: removing, renaming, expiring, finding."""

from plait.doors.resp.commands.numbers import NO_SUCH_KEY, SYNTAX, integer
from plait.doors.resp.commands.scanning import glob, index_page, make_index, parse_scan
from plait.doors.resp.commands.table import ALL_KEYS, NO_KEYS, Arguments, reads, writes
from plait.doors.resp.keyspace import Keyspace, kind_name
from plait.doors.resp.replies import OK, Complaint, Reply

_MS_MAX = (1 << 63) - 1


@writes("del", -2, ALL_KEYS)
def del_(keyspace: Keyspace, args: Arguments) -> Reply:
    """DEL key [key ...]"""
    return sum([keyspace.remove(key) for key in args[1:]])


writes("unlink", -2, ALL_KEYS)(del_)


@reads("exists", -2, ALL_KEYS)
def exists(keyspace: Keyspace, args: Arguments) -> Reply:
    """EXISTS key [key ...]"""
    return sum([keyspace.find(key) is not None for key in args[1:]])


reads("touch", -2, ALL_KEYS)(exists)


@reads("type", 2)
def type_(keyspace: Keyspace, args: Arguments) -> Reply:
    """TYPE key"""
    return kind_name(keyspace.find(args[1]))


@writes("rename", 3, (1, 2, 1))
def rename(keyspace: Keyspace, args: Arguments) -> Reply:
    """RENAME key newkey"""
    _rename(keyspace, args[1], args[2])
    return OK


@writes("renamenx", 3, (1, 2, 1))
def renamenx(keyspace: Keyspace, args: Arguments) -> Reply:
    """RENAMENX key newkey"""
    if keyspace.find(args[1]) is None:
        raise Complaint(NO_SUCH_KEY)
    if keyspace.find(args[2]) is not None:
        return 0
    _rename(keyspace, args[1], args[2])
    return 1


def _rename(keyspace: Keyspace, source: bytes, target: bytes) -> None:
    value = keyspace.find(source)
    if value is None:
        raise Complaint(NO_SUCH_KEY)
    if source == target:
        return
    until = keyspace.expires.get(source)
    keyspace.remove(source)
    store(keyspace, target, value, until)


def store(keyspace: Keyspace, key: bytes, value: object, until: int | None) -> None:
    """Put a whole value under a key, whatever was there."""
    keyspace.assign(key, value)
    if until is not None:
        keyspace.expire_at(key, until)


@writes("copy", -3, (1, 2, 1))
def copy(keyspace: Keyspace, args: Arguments) -> Reply:
    """COPY source destination [REPLACE]"""
    words = [word.upper() for word in args[3:]]
    if b"DB" in words:
        raise Complaint("ERR COPY to another database is not supported here")
    if words not in ([], [b"REPLACE"]):
        raise Complaint(SYNTAX)
    if args[1] == args[2]:
        raise Complaint("ERR source and destination objects are the same")
    value = keyspace.find(args[1])
    if value is None or (not words and keyspace.find(args[2]) is not None):
        return 0
    twin = value if type(value) is bytes else type(value)(value)
    store(keyspace, args[2], twin, keyspace.expires.get(args[1]))
    return 1


# ---------------------------------------------------------------------------------- expiring


def _expire(
    keyspace: Keyspace, args: Arguments, factor: int, relative: bool, name: str
) -> Reply:  # fmt: skip
    amount = integer(args[2])
    until = amount * factor + (keyspace.now_ms if relative else 0)
    words = {word.upper() for word in args[3:]}
    if odd := words - {b"NX", b"XX", b"GT", b"LT"}:
        raise Complaint(f"ERR Unsupported option {min(odd).decode('latin-1')}")
    if b"NX" in words and len(words) > 1:
        raise Complaint("ERR NX and XX, GT or LT options at the same time are not compatible")
    if {b"GT", b"LT"} <= words:
        raise Complaint("ERR GT and LT options at the same time are not compatible")
    if abs(until) > _MS_MAX:
        raise Complaint(f"ERR invalid expire time in '{name}' command")
    key = args[1]
    if keyspace.find(key) is None:
        return 0
    before = keyspace.expires.get(key)
    if (
        (b"NX" in words and before is not None)
        or (b"XX" in words and before is None)
        or (b"GT" in words and (before is None or until <= before))
        or (b"LT" in words and before is not None and until >= before)
    ):
        return 0
    keyspace.expire_at(key, until)
    return 1


@writes("expire", -3)
def expire(keyspace: Keyspace, args: Arguments) -> Reply:
    """EXPIRE key seconds [NX|XX|GT|LT]"""
    return _expire(keyspace, args, 1000, True, "expire")


@writes("pexpire", -3)
def pexpire(keyspace: Keyspace, args: Arguments) -> Reply:
    """PEXPIRE key milliseconds [NX|XX|GT|LT]"""
    return _expire(keyspace, args, 1, True, "pexpire")


@writes("expireat", -3)
def expireat(keyspace: Keyspace, args: Arguments) -> Reply:
    """EXPIREAT key unix-time-seconds [NX|XX|GT|LT]"""
    return _expire(keyspace, args, 1000, False, "expireat")


@writes("pexpireat", -3)
def pexpireat(keyspace: Keyspace, args: Arguments) -> Reply:
    """PEXPIREAT key unix-time-milliseconds [NX|XX|GT|LT]"""
    return _expire(keyspace, args, 1, False, "pexpireat")


@writes("persist", 2)
def persist(keyspace: Keyspace, args: Arguments) -> Reply:
    """PERSIST key"""
    if keyspace.find(args[1]) is None or args[1] not in keyspace.expires:
        return 0
    keyspace.expire_at(args[1], None)
    return 1


def _until(keyspace: Keyspace, key: bytes) -> int:
    if keyspace.find(key) is None:
        return -2
    return keyspace.expires.get(key, -1)


@reads("ttl", 2)
def ttl(keyspace: Keyspace, args: Arguments) -> Reply:
    """TTL key"""
    until = _until(keyspace, args[1])
    return until if until < 0 else (until - keyspace.now_ms + 500) // 1000


@reads("pttl", 2)
def pttl(keyspace: Keyspace, args: Arguments) -> Reply:
    """PTTL key"""
    until = _until(keyspace, args[1])
    return until if until < 0 else until - keyspace.now_ms


@reads("expiretime", 2)
def expiretime(keyspace: Keyspace, args: Arguments) -> Reply:
    """EXPIRETIME key"""
    until = _until(keyspace, args[1])
    return until if until < 0 else until // 1000


@reads("pexpiretime", 2)
def pexpiretime(keyspace: Keyspace, args: Arguments) -> Reply:
    """PEXPIRETIME key"""
    return _until(keyspace, args[1])


# ---------------------------------------------------------------------------------- finding


@reads("keys", 2, NO_KEYS)
def keys(keyspace: Keyspace, args: Arguments) -> Reply:
    """KEYS pattern"""
    if args[1] == b"*":
        return list(keyspace.present())
    fits = glob(args[1]).fullmatch
    return [key for key in keyspace.present() if fits(key)]


@reads("scan", -2, NO_KEYS)
def scan(keyspace: Keyspace, args: Arguments) -> Reply:
    """SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]"""
    cursor, options = parse_scan(args[1], args[2:], with_type=True)
    index = keyspace.scan_index
    if index is None or (not cursor and keyspace.scan_writes != keyspace.writes):
        index = keyspace.scan_index = make_index(list(keyspace.present()))
        keyspace.scan_writes = keyspace.writes
    behind, page = index_page(index, cursor, options.most)
    found = [key for key in page if keyspace.find(key) is not None]
    if options.match is not None:
        found = [key for key in found if options.match.fullmatch(key)]
    if options.kind:
        kind = options.kind.decode("latin-1")
        found = [key for key in found if kind_name(keyspace.find(key)) == kind]
    return [b"%d" % behind, found]


@reads("dbsize", 1, NO_KEYS)
def dbsize(keyspace: Keyspace, args: Arguments) -> Reply:
    """DBSIZE"""
    return keyspace.size()


@reads("randomkey", 1, NO_KEYS)
def randomkey(keyspace: Keyspace, args: Arguments) -> Reply:
    """RANDOMKEY"""
    found = list(keyspace.present())
    return keyspace.random.choice(found) if found else None


@writes("flushdb", -1, NO_KEYS)
def flushdb(keyspace: Keyspace, args: Arguments) -> Reply:
    """FLUSHDB [ASYNC|SYNC]"""
    if [word.upper() for word in args[1:]] not in ([], [b"ASYNC"], [b"SYNC"]):
        raise Complaint(SYNTAX)
    keyspace.clear()
    return OK


@reads("object", -2, (2, 2, 1))
def object_(keyspace: Keyspace, args: Arguments) -> Reply:
    """OBJECT ENCODING|REFCOUNT|IDLETIME|FREQ key"""
    word = args[1].upper()
    if len(args) != 3 or word not in (b"ENCODING", b"REFCOUNT", b"IDLETIME", b"FREQ"):
        raise Complaint(f"ERR unknown subcommand '{args[1].decode('latin-1')}'. Try OBJECT HELP.")
    value = keyspace.find(args[2])
    if value is None:
        return None
    if word != b"ENCODING":
        return int(word == b"REFCOUNT")
    names = {"string": b"raw", "hash": b"hashtable", "set": b"hashtable", "list": b"quicklist"}
    return names.get(kind_name(value), b"skiplist")
