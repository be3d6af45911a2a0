"""Hashes: HSET and its like."""

from plait.doors.resp.commands.numbers import (
    INT_MAX,
    INT_MIN,
    SYNTAX,
    double,
    finite,
    integer,
    plain_float,
)
from plait.doors.resp.commands.scanning import parse_scan, scan_page
from plait.doors.resp.commands.table import Arguments, reads, writes
from plait.doors.resp.keyspace import Hash, Keyspace
from plait.doors.resp.replies import OK, Complaint, Pairs, Reply


def _made(keyspace: Keyspace, key: bytes) -> Hash:
    found = keyspace.hash(key)
    return keyspace.new_hash(key) if found is None else found


@writes("hset", -4)
def hset(keyspace: Keyspace, args: Arguments) -> Reply:
    """HSET key field value [field value ...]"""
    if len(args) % 2:
        raise Complaint("ERR wrong number of arguments for 'hset' command")
    fields = _made(keyspace, args[1])
    before = len(fields)
    for at in range(2, len(args), 2):
        fields[args[at]] = args[at + 1]
    keyspace.touch(args[1])
    return len(fields) - before


@writes("hmset", -4)
def hmset(keyspace: Keyspace, args: Arguments) -> Reply:
    """HMSET key field value [field value ...]"""
    if len(args) % 2:
        raise Complaint("ERR wrong number of arguments for 'hmset' command")
    hset(keyspace, args)
    return OK


@writes("hsetnx", 4)
def hsetnx(keyspace: Keyspace, args: Arguments) -> Reply:
    """HSETNX key field value"""
    found = keyspace.hash(args[1])
    if found is not None and args[2] in found:
        return 0
    _made(keyspace, args[1])[args[2]] = args[3]
    keyspace.touch(args[1])
    return 1


@reads("hget", 3)
def hget(keyspace: Keyspace, args: Arguments) -> Reply:
    """HGET key field"""
    found = keyspace.hash(args[1])
    return None if found is None else found.get(args[2])


@reads("hmget", -3)
def hmget(keyspace: Keyspace, args: Arguments) -> Reply:
    """HMGET key field [field ...]"""
    found = keyspace.hash(args[1]) or Hash()
    return [found.get(field) for field in args[2:]]


@reads("hgetall", 2)
def hgetall(keyspace: Keyspace, args: Arguments) -> Reply:
    """HGETALL key"""
    found = keyspace.hash(args[1]) or Hash()
    return Pairs([part for pair in found.items() for part in pair])


@reads("hkeys", 2)
def hkeys(keyspace: Keyspace, args: Arguments) -> Reply:
    """HKEYS key"""
    return list(keyspace.hash(args[1]) or ())


@reads("hvals", 2)
def hvals(keyspace: Keyspace, args: Arguments) -> Reply:
    """HVALS key"""
    return list((keyspace.hash(args[1]) or Hash()).values())


@reads("hlen", 2)
def hlen(keyspace: Keyspace, args: Arguments) -> Reply:
    """HLEN key"""
    return len(keyspace.hash(args[1]) or ())


@reads("hexists", 3)
def hexists(keyspace: Keyspace, args: Arguments) -> Reply:
    """HEXISTS key field"""
    return int(args[2] in (keyspace.hash(args[1]) or ()))


@reads("hstrlen", 3)
def hstrlen(keyspace: Keyspace, args: Arguments) -> Reply:
    """HSTRLEN key field"""
    return len((keyspace.hash(args[1]) or Hash()).get(args[2], b""))


@writes("hdel", -3)
def hdel(keyspace: Keyspace, args: Arguments) -> Reply:
    """HDEL key field [field ...]"""
    found = keyspace.hash(args[1])
    if found is None:
        return 0
    count = 0
    for field in args[2:]:
        if field in found:
            del found[field]
            count += 1
    if count:
        keyspace.settle(args[1], found)
    return count


@writes("hincrby", 4)
def hincrby(keyspace: Keyspace, args: Arguments) -> Reply:
    """HINCRBY key field amount"""
    amount = integer(args[3])
    found = keyspace.hash(args[1])
    old = b"0" if found is None else found.get(args[2], b"0")
    value = integer(old, "ERR hash value is not an integer") + amount
    if not INT_MIN <= value <= INT_MAX:
        raise Complaint("ERR increment or decrement would overflow")
    fields = _made(keyspace, args[1])
    keyspace.counted_field(args[1], args[2], amount)
    fields[args[2]] = b"%d" % value
    keyspace.touch(args[1])
    return value


@writes("hincrbyfloat", 4)
def hincrbyfloat(keyspace: Keyspace, args: Arguments) -> Reply:
    """HINCRBYFLOAT key field amount"""
    amount = double(args[3])
    found = keyspace.hash(args[1])
    old = b"0" if found is None else found.get(args[2], b"0")
    text = plain_float(finite(double(old, "ERR hash value is not a float") + amount))
    _made(keyspace, args[1])[args[2]] = text
    keyspace.touch(args[1])
    return text


@reads("hrandfield", -2)
def hrandfield(keyspace: Keyspace, args: Arguments) -> Reply:
    """HRANDFIELD key [count [WITHVALUES]]"""
    found = keyspace.hash(args[1])
    if len(args) == 2:
        return None if not found else keyspace.random.choice(list(found))
    count = integer(args[2])
    with_values = len(args) == 4 and args[3].upper() == b"WITHVALUES"
    if len(args) > 3 and not with_values:
        raise Complaint(SYNTAX)
    fields = list(found or ())
    if count < 0:
        chosen = [keyspace.random.choice(fields) for _ in range(-count)] if fields else []
    else:
        chosen = keyspace.random.sample(fields, min(count, len(fields)))
    if not with_values or found is None:
        return chosen
    return [part for field in chosen for part in (field, found[field])]


@reads("hscan", -3)
def hscan(keyspace: Keyspace, args: Arguments) -> Reply:
    """HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]"""
    novalues = args[-1].upper() == b"NOVALUES"
    cursor, options = parse_scan(args[2], args[3:-1] if novalues else args[3:])
    found = keyspace.hash(args[1]) or Hash()
    cursor, fields = scan_page(found, cursor, options)
    if novalues:
        return [b"%d" % cursor, fields]
    return [b"%d" % cursor, [part for field in fields for part in (field, found[field])]]
