"""Sets: SADD and its like."""

from collections.abc import Callable
from itertools import islice

from plait.doors.resp.commands.numbers import NOT_AN_INT, SYNTAX, integer
from plait.doors.resp.commands.scanning import parse_scan, scan_page
from plait.doors.resp.commands.table import ALL_KEYS, NO_KEYS, Arguments, reads, writes
from plait.doors.resp.keyspace import Keyspace, Set
from plait.doors.resp.replies import Complaint, Members, Reply

Combine = Callable[[list[Set]], list[bytes]]


@writes("sadd", -3)
def sadd(keyspace: Keyspace, args: Arguments) -> Reply:
    """SADD key member [member ...]"""
    key = args[1]
    found = keyspace.set(key)
    if found is None:
        found = keyspace.new_set(key)
    count = 0
    for member in args[2:]:
        if member not in found:
            found[member] = None
            count += 1
        else:
            keyspace.added_again(key, found, member)
    if count:
        keyspace.touch(key)
    return count


@writes("srem", -3)
def srem(keyspace: Keyspace, args: Arguments) -> Reply:
    """SREM key member [member ...]"""
    found = keyspace.set(args[1])
    if found is None:
        return 0
    count = 0
    for member in args[2:]:
        if member in found:
            del found[member]
            count += 1
    if count:
        keyspace.settle(args[1], found)
    return count


@reads("sismember", 3)
def sismember(keyspace: Keyspace, args: Arguments) -> Reply:
    """SISMEMBER key member"""
    return int(args[2] in (keyspace.set(args[1]) or ()))


@reads("smismember", -3)
def smismember(keyspace: Keyspace, args: Arguments) -> Reply:
    """SMISMEMBER key member [member ...]"""
    found = keyspace.set(args[1]) or Set()
    return [int(member in found) for member in args[2:]]


@reads("smembers", 2)
def smembers(keyspace: Keyspace, args: Arguments) -> Reply:
    """SMEMBERS key"""
    return Members(list(keyspace.set(args[1]) or ()))


@reads("scard", 2)
def scard(keyspace: Keyspace, args: Arguments) -> Reply:
    """SCARD key"""
    return len(keyspace.set(args[1]) or ())


@writes("smove", 4, (1, 2, 1))
def smove(keyspace: Keyspace, args: Arguments) -> Reply:
    """SMOVE source destination member"""
    source, target, member = args[1:]
    found = keyspace.set(source)
    if found is None:
        return 0
    other = keyspace.set(target)
    if member not in found:
        return 0
    if source == target:
        return 1
    del found[member]
    keyspace.settle(source, found)
    if other is None:
        other = keyspace.new_set(target)
    other[member] = None
    keyspace.touch(target)
    return 1


@writes("spop", -2)
def spop(keyspace: Keyspace, args: Arguments) -> Reply:
    """SPOP key [count]"""
    if len(args) > 3:
        raise Complaint(SYNTAX)
    count = _count(args[2]) if len(args) == 3 else 1
    found = keyspace.set(args[1])
    chosen = _some(keyspace, found, count) if found else []
    for member in chosen:
        del found[member]  # type: ignore[union-attr]
    if chosen:
        keyspace.settle(args[1], found)
    if len(args) == 3:
        return Members(list(chosen))
    return chosen[0] if chosen else None


def _count(text: bytes) -> int:
    count = integer(text, "ERR value is out of range, must be positive")
    if count < 0:
        raise Complaint("ERR value is out of range, must be positive")
    return count


def _some(keyspace: Keyspace, found: Set, count: int) -> list[bytes]:
    if count >= len(found):
        return list(found)
    if count == 1:
        at = keyspace.random.randrange(len(found))
        return [next(islice(found, at, None))]
    return keyspace.random.sample(list(found), count)


@reads("srandmember", -2)
def srandmember(keyspace: Keyspace, args: Arguments) -> Reply:
    """SRANDMEMBER key [count]"""
    if len(args) > 3:
        raise Complaint(SYNTAX)
    found = keyspace.set(args[1]) or Set()
    if len(args) == 2:
        return _some(keyspace, found, 1)[0] if found else None
    count = integer(args[2], NOT_AN_INT)
    if count >= 0:
        return _some(keyspace, found, count)
    members = list(found)
    return [keyspace.random.choice(members) for _ in range(-count)] if members else []


@reads("sscan", -3)
def sscan(keyspace: Keyspace, args: Arguments) -> Reply:
    """SSCAN key cursor [MATCH pattern] [COUNT count]"""
    cursor, options = parse_scan(args[2], args[3:])
    behind, page = scan_page(keyspace.set(args[1]) or Set(), cursor, options)
    return [b"%d" % behind, page]


# ---------------------------------------------------------------------------- several sets


def _union(sets: list[Set]) -> list[bytes]:
    return list(dict.fromkeys(member for one in sets for member in one))


def _intersection(sets: list[Set]) -> list[bytes]:
    smallest = min(sets, key=len)
    return [member for member in smallest if all(member in one for one in sets)]


def _difference(sets: list[Set]) -> list[bytes]:
    first, *others = sets
    return [member for member in first if not any(member in one for one in others)]


def _sets(keyspace: Keyspace, keys: list[bytes]) -> list[Set]:
    return [keyspace.set(key) or Set() for key in keys]


def _both(name: str, combine: Combine) -> None:
    """The command that answers with what sets come to, and the one that stores it."""

    @reads(name, -2, ALL_KEYS)
    def answer(keyspace: Keyspace, args: Arguments) -> Reply:
        return Members(combine(_sets(keyspace, args[1:])))

    @writes(f"{name}store", -3, ALL_KEYS)
    def store(keyspace: Keyspace, args: Arguments) -> Reply:
        members = combine(_sets(keyspace, args[2:]))
        keyspace.remove(args[1])
        if members:
            keyspace.new_set(args[1]).update(dict.fromkeys(members))
            keyspace.touch(args[1])
        return len(members)


_both("sunion", _union)
_both("sinter", _intersection)
_both("sdiff", _difference)


@reads("sintercard", -3, NO_KEYS, counted_at=1)
def sintercard(keyspace: Keyspace, args: Arguments) -> Reply:
    """SINTERCARD numkeys key [key ...] [LIMIT limit]"""
    count = integer(args[1], "ERR numkeys should be greater than 0")
    if count <= 0:
        raise Complaint("ERR numkeys should be greater than 0")
    if count > len(args) - 2:
        raise Complaint("ERR Number of keys can't be greater than number of args")
    rest = args[2 + count :]
    limit = 0
    if rest:
        if len(rest) != 2 or rest[0].upper() != b"LIMIT":
            raise Complaint(SYNTAX)
        limit = integer(rest[1], "ERR LIMIT can't be negative")
        if limit < 0:
            raise Complaint("ERR LIMIT can't be negative")
    found = len(_intersection(_sets(keyspace, args[2 : 2 + count])))
    return min(found, limit) if limit else found
