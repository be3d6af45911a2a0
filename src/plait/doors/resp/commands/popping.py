"""Taking elements out, each once: lists and sorted sets. Needs one order of all commands.

The blocking forms (BLPOP and so on) are these, tried again by the connection.
"""

from typing import Any

from plait.doors.resp.commands.numbers import SYNTAX, integer
from plait.doors.resp.commands.table import NO_KEYS, Arguments, writes
from plait.doors.resp.keyspace import Keyspace, List
from plait.doors.resp.replies import NO_ARRAY, Complaint, Reply, Scored


def _out_of_range(text: bytes) -> int:
    count = integer(text, "ERR value is out of range, must be positive")
    if count < 0:
        raise Complaint("ERR value is out of range, must be positive")
    return count


def _take(found: List, count: int, left: bool) -> list[bytes]:
    pop = found.popleft if left else found.pop
    return [pop() for _ in range(min(count, len(found)))]


def _pop(keyspace: Keyspace, args: Arguments, left: bool) -> Reply:
    if len(args) > 3:
        raise Complaint(f"ERR wrong number of arguments for '{'lpop' if left else 'rpop'}' command")
    count = _out_of_range(args[2]) if len(args) == 3 else None
    found = keyspace.list(args[1])
    if found is None:
        return None if count is None else NO_ARRAY
    taken = _take(found, 1 if count is None else count, left)
    if taken:
        keyspace.settle(args[1], found)
    return taken[0] if count is None else taken


@writes("lpop", -2)
def lpop(keyspace: Keyspace, args: Arguments) -> Reply:
    """LPOP key [count]"""
    return _pop(keyspace, args, True)


@writes("rpop", -2)
def rpop(keyspace: Keyspace, args: Arguments) -> Reply:
    """RPOP key [count]"""
    return _pop(keyspace, args, False)


def _side(word: bytes) -> bool:
    side = word.upper()
    if side not in (b"LEFT", b"RIGHT"):
        raise Complaint(SYNTAX)
    return side == b"LEFT"


def _move(keyspace: Keyspace, source: bytes, target: bytes, left: bool, to_left: bool) -> Reply:
    found = keyspace.list(source)
    if found is None:
        return None
    keyspace.list(target)
    (element,) = _take(found, 1, left)
    other = keyspace.list(target)  # the same one, perhaps
    if other is None:
        other = keyspace.new_list(target)
    if to_left:
        other.appendleft(element)
    else:
        other.append(element)
    keyspace.settle(source, found)
    keyspace.touch(target)
    return element


@writes("lmove", 5, (1, 2, 1))
def lmove(keyspace: Keyspace, args: Arguments) -> Reply:
    """LMOVE source destination LEFT|RIGHT LEFT|RIGHT"""
    return _move(keyspace, args[1], args[2], _side(args[3]), _side(args[4]))


@writes("rpoplpush", 3, (1, 2, 1))
def rpoplpush(keyspace: Keyspace, args: Arguments) -> Reply:
    """RPOPLPUSH source destination"""
    return _move(keyspace, args[1], args[2], False, True)


def _parse_mpop(args: Arguments, sides: tuple[bytes, bytes]) -> tuple[list[bytes], bool, int]:
    """Keys, whether from the first of the two sides, and how many."""
    numkeys = integer(args[1], "ERR numkeys should be greater than 0")
    if numkeys <= 0:
        raise Complaint("ERR numkeys should be greater than 0")
    rest = args[2 + numkeys :]
    if not rest or rest[0].upper() not in sides:
        raise Complaint(SYNTAX)
    count = 1
    if len(rest) > 1:
        if len(rest) != 3 or rest[1].upper() != b"COUNT":
            raise Complaint(SYNTAX)
        count = integer(rest[2], "ERR count should be greater than 0")
        if count <= 0:
            raise Complaint("ERR count should be greater than 0")
    return args[2 : 2 + numkeys], rest[0].upper() == sides[0], count


@writes("lmpop", -4, NO_KEYS, counted_at=1)
def lmpop(keyspace: Keyspace, args: Arguments) -> Reply:
    """LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]"""
    keys, left, count = _parse_mpop(args, (b"LEFT", b"RIGHT"))
    for key in keys:
        found = keyspace.list(key)
        if found:
            taken = _take(found, count, left)
            keyspace.settle(key, found)
            return [key, taken]
    return NO_ARRAY


@writes("zmpop", -4, NO_KEYS, counted_at=1)
def zmpop(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]"""
    keys, smallest, count = _parse_mpop(args, (b"MIN", b"MAX"))
    for key in keys:
        taken = _take_scored(keyspace, key, count, smallest)
        if taken:
            return [key, [[member, score] for member, score in taken]]
    return NO_ARRAY


def _take_scored(
    keyspace: Keyspace, key: bytes, count: int, smallest: bool
) -> list[tuple[bytes, float]]:
    found = keyspace.sorted_set(key)
    if not found or not count:
        return []
    order = found.order
    ends = order[:count] if smallest else order[: -count - 1 : -1]
    for _, member in ends[::-1] if smallest else ends:
        found.drop(member)
    keyspace.settle(key, found)
    return [(member, score) for score, member in ends]


def _zpop(keyspace: Keyspace, args: Arguments, smallest: bool) -> Reply:
    if len(args) > 3:
        raise Complaint(SYNTAX)
    count = _out_of_range(args[2]) if len(args) == 3 else 1
    taken = _take_scored(keyspace, args[1], count, smallest)
    if len(args) == 3:
        return Scored(taken)
    flat: list[Any] = [part for pair in taken for part in pair]
    return flat


@writes("zpopmin", -2)
def zpopmin(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZPOPMIN key [count]"""
    return _zpop(keyspace, args, True)


@writes("zpopmax", -2)
def zpopmax(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZPOPMAX key [count]"""
    return _zpop(keyspace, args, False)
