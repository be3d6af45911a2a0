"""Lists: pushing, reading, cutting. What takes elements out for good stands in `popping`."""

from itertools import islice

from plait.doors.resp.commands.numbers import (
    NO_SUCH_KEY,
    OUT_OF_RANGE,
    SYNTAX,
    integer,
    span,
)
from plait.doors.resp.commands.table import Arguments, reads, writes
from plait.doors.resp.keyspace import Keyspace, List
from plait.doors.resp.replies import OK, Complaint, Reply


def _push(keyspace: Keyspace, args: Arguments, left: bool, only_if_there: bool) -> int:
    found = keyspace.list(args[1])
    if found is None:
        if only_if_there:
            return 0
        found = keyspace.new_list(args[1])
    if left:
        found.extendleft(args[2:])
    else:
        found.extend(args[2:])
    keyspace.touch(args[1])
    return len(found)


@writes("lpush", -3)
def lpush(keyspace: Keyspace, args: Arguments) -> Reply:
    """LPUSH key element [element ...]"""
    return _push(keyspace, args, True, False)


@writes("rpush", -3)
def rpush(keyspace: Keyspace, args: Arguments) -> Reply:
    """RPUSH key element [element ...]"""
    return _push(keyspace, args, False, False)


@writes("lpushx", -3)
def lpushx(keyspace: Keyspace, args: Arguments) -> Reply:
    """LPUSHX key element [element ...]"""
    return _push(keyspace, args, True, True)


@writes("rpushx", -3)
def rpushx(keyspace: Keyspace, args: Arguments) -> Reply:
    """RPUSHX key element [element ...]"""
    return _push(keyspace, args, False, True)


@reads("llen", 2)
def llen(keyspace: Keyspace, args: Arguments) -> Reply:
    """LLEN key"""
    return len(keyspace.list(args[1]) or ())


@reads("lrange", 4)
def lrange(keyspace: Keyspace, args: Arguments) -> Reply:
    """LRANGE key start stop"""
    start, stop = integer(args[2]), integer(args[3])
    found = keyspace.list(args[1]) or List()
    return _slice(found, *span(start, stop, len(found)))


def _slice(found: List, start: int, stop: int) -> list[bytes]:
    if start >= stop:
        return []
    if start > len(found) // 2:  # the end is nearer
        tail = list(islice(reversed(found), len(found) - stop, len(found) - start))
        return tail[::-1]
    return list(islice(found, start, stop))


@reads("lindex", 3)
def lindex(keyspace: Keyspace, args: Arguments) -> Reply:
    """LINDEX key index"""
    found = keyspace.list(args[1])
    if found is None:
        return None
    at = integer(args[2])
    return found[at] if -len(found) <= at < len(found) else None


@writes("lset", 4)
def lset(keyspace: Keyspace, args: Arguments) -> Reply:
    """LSET key index element"""
    found = keyspace.list(args[1])
    if found is None:
        raise Complaint(NO_SUCH_KEY)
    at = integer(args[2])
    if not -len(found) <= at < len(found):
        raise Complaint(OUT_OF_RANGE)
    found[at] = args[3]
    keyspace.touch(args[1])
    return OK


@writes("linsert", 5)
def linsert(keyspace: Keyspace, args: Arguments) -> Reply:
    """LINSERT key BEFORE|AFTER pivot element"""
    where = args[2].upper()
    if where not in (b"BEFORE", b"AFTER"):
        raise Complaint(SYNTAX)
    found = keyspace.list(args[1])
    if found is None:
        return 0
    try:
        at = found.index(args[3])
    except ValueError:
        return -1
    found.insert(at + (where == b"AFTER"), args[4])
    keyspace.touch(args[1])
    return len(found)


@writes("lrem", 4)
def lrem(keyspace: Keyspace, args: Arguments) -> Reply:
    """LREM key count element"""
    limit, element = integer(args[2]), args[3]
    found = keyspace.list(args[1])
    if found is None:
        return 0
    elements = list(found)
    places = [at for at, one in enumerate(elements) if one == element]
    if limit:
        places = places[:limit] if limit > 0 else places[limit:]
    if not places:
        return 0
    gone = frozenset(places)
    found.clear()
    found.extend(one for at, one in enumerate(elements) if at not in gone)
    keyspace.settle(args[1], found)
    return len(places)


@writes("ltrim", 4)
def ltrim(keyspace: Keyspace, args: Arguments) -> Reply:
    """LTRIM key start stop"""
    start, stop = integer(args[2]), integer(args[3])
    found = keyspace.list(args[1])
    if found is None:
        return OK
    start, stop = span(start, stop, len(found))
    kept = _slice(found, start, stop)
    if len(kept) != len(found):
        found.clear()
        found.extend(kept)
        keyspace.settle(args[1], found)
    return OK


@reads("lpos", -3)
def lpos(keyspace: Keyspace, args: Arguments) -> Reply:
    """LPOS key element [RANK rank] [COUNT count] [MAXLEN length]"""
    options = {b"RANK": 1, b"COUNT": -1, b"MAXLEN": 0}
    for at in range(3, len(args), 2):
        word = args[at].upper()
        if word not in options or at + 1 == len(args):
            raise Complaint(SYNTAX)
        options[word] = integer(args[at + 1])
        if word != b"RANK" and options[word] < 0:
            raise Complaint(f"ERR {word.decode()} can't be negative")
        if word == b"RANK" and not options[word]:
            raise Complaint(
                "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second "
                "... or use negative to start from the end of the list"
            )
    rank, count, length = options[b"RANK"], options[b"COUNT"], options[b"MAXLEN"]
    found = keyspace.list(args[1])
    if found is None:
        return None if count < 0 else []
    size = len(found)
    backwards = rank < 0
    looked = islice(reversed(found) if backwards else found, length or None)
    places = [at for at, one in enumerate(looked) if one == args[2]][abs(rank) - 1 :]
    if backwards:
        places = [size - 1 - at for at in places]
    if count < 0:
        return places[0] if places else None
    return places[:count] if count else places
