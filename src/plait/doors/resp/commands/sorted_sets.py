"""Sorted sets: adding, scores and ranks, what several come to. Ranges are in `sorted_ranges`."""

from bisect import bisect_left

from plait.doors.resp.commands.numbers import (
    SYNTAX,
    double,
    integer,
)
from plait.doors.resp.commands.scanning import parse_scan, scan_page
from plait.doors.resp.commands.table import NO_KEYS, ONE_KEY, Arguments, reads, writes
from plait.doors.resp.keyspace import WRONG_TYPE, Keyspace, Set, SortedSet
from plait.doors.resp.replies import NO_ARRAY, Complaint, Reply, Scored, number

_FLAGS = (b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR")
_NAN = "ERR resulting score is not a number (NaN)"


@writes("zadd", -4)
def zadd(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]"""
    at = 2
    flags: set[bytes] = set()
    while at < len(args) and args[at].upper() in _FLAGS:
        flags.add(args[at].upper())
        at += 1
    pairs = args[at:]
    if not pairs or len(pairs) % 2:
        raise Complaint(SYNTAX)
    if {b"NX", b"XX"} <= flags:
        raise Complaint("ERR XX and NX options at the same time are not compatible")
    if len(flags & {b"GT", b"LT", b"NX"}) > 1:
        raise Complaint("ERR GT, LT, and/or NX options at the same time are not compatible")
    if b"INCR" in flags and len(pairs) > 2:
        raise Complaint("ERR INCR option supports a single increment-element pair")
    scores = [double(text) for text in pairs[::2]]
    return _add(keyspace, args[1], flags, list(zip(pairs[1::2], scores, strict=True)))


def _add(
    keyspace: Keyspace, key: bytes, flags: set[bytes], pairs: list[tuple[bytes, float]]
) -> Reply:
    found = keyspace.sorted_set(key)
    if found is None:
        if b"XX" in flags:
            return None if b"INCR" in flags else 0
        found = keyspace.new_sorted_set(key)
    added = changed = 0
    result: float | None = None
    for member, score in pairs:
        before = found.get(member)
        if (before is None and b"XX" in flags) or (before is not None and b"NX" in flags):
            continue
        if b"INCR" in flags and before is not None:
            score += before
            if score != score:
                raise Complaint(_NAN)
        if before is not None and (
            (b"GT" in flags and score <= before) or (b"LT" in flags and score >= before)
        ):
            continue
        result = score
        if before is None:
            added += 1
        elif before != score:
            changed += 1
        else:
            continue
        found.put(member, score)
    if added or changed:
        keyspace.touch(key)
    elif not found:
        keyspace.data.pop(key)
    if b"INCR" in flags:
        return result
    return added + changed if b"CH" in flags else added


@writes("zincrby", 4)
def zincrby(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZINCRBY key increment member"""
    return _add(keyspace, args[1], {b"INCR"}, [(args[3], double(args[2]))])


@writes("zrem", -3)
def zrem(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZREM key member [member ...]"""
    found = keyspace.sorted_set(args[1])
    if found is None:
        return 0
    count = 0
    for member in args[2:]:
        if member in found:
            found.drop(member)
            count += 1
    if count:
        keyspace.settle(args[1], found)
    return count


@reads("zcard", 2)
def zcard(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZCARD key"""
    return len(keyspace.sorted_set(args[1]) or ())


@reads("zscore", 3)
def zscore(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZSCORE key member"""
    return (keyspace.sorted_set(args[1]) or SortedSet()).get(args[2])


@reads("zmscore", -3)
def zmscore(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZMSCORE key member [member ...]"""
    found = keyspace.sorted_set(args[1]) or SortedSet()
    return [found.get(member) for member in args[2:]]


def _rank(keyspace: Keyspace, args: Arguments, reverse: bool) -> Reply:
    with_score = len(args) == 4 and args[3].upper() == b"WITHSCORE"
    if len(args) > 3 and not with_score:
        raise Complaint(SYNTAX)
    found = keyspace.sorted_set(args[1])
    score = None if found is None else found.get(args[2])
    if found is None or score is None:
        return NO_ARRAY if with_score else None
    rank = bisect_left(found.order, (score, args[2]))
    rank = len(found) - 1 - rank if reverse else rank
    return [rank, score] if with_score else rank


@reads("zrank", -3)
def zrank(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZRANK key member [WITHSCORE]"""
    return _rank(keyspace, args, False)


@reads("zrevrank", -3)
def zrevrank(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZREVRANK key member [WITHSCORE]"""
    return _rank(keyspace, args, True)


@reads("zrandmember", -2)
def zrandmember(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZRANDMEMBER key [count [WITHSCORES]]"""
    with_scores = len(args) == 4 and args[3].upper() == b"WITHSCORES"
    if len(args) > 3 and not with_scores:
        raise Complaint(SYNTAX)
    found = keyspace.sorted_set(args[1]) or SortedSet()
    members = list(found)
    if len(args) == 2:
        return keyspace.random.choice(members) if members else None
    count = integer(args[2])
    if count < 0:
        chosen = [keyspace.random.choice(members) for _ in range(-count)] if members else []
    else:
        chosen = keyspace.random.sample(members, min(count, len(members)))
    return Scored([(member, found[member]) for member in chosen]) if with_scores else chosen


@reads("zscan", -3)
def zscan(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZSCAN key cursor [MATCH pattern] [COUNT count]"""
    cursor, options = parse_scan(args[2], args[3:])
    found = keyspace.sorted_set(args[1]) or SortedSet()
    behind, page = scan_page(found, cursor, options)
    flat = [part for member in page for part in (member, number(found[member]))]
    return [b"%d" % behind, flat]


# ---------------------------------------------------------------------------- several of them

_Scores = dict[bytes, float]


def _scores(keyspace: Keyspace, key: bytes) -> _Scores:
    """What stands under a key as members and scores; those of a plain set have 1."""
    value = keyspace.find(key)
    if value is None:
        return {}
    if isinstance(value, SortedSet):
        return value
    if isinstance(value, Set):
        return dict.fromkeys(value, 1.0)
    raise Complaint(WRONG_TYPE)


def _combined(
    keyspace: Keyspace, how: str, args: Arguments, first: int, may_show: bool
) -> tuple[_Scores, bool]:
    """What several sets come to, and whether scores are to be shown. `first`: of numkeys."""
    count = integer(args[first])
    if count < 1:
        raise Complaint(
            f"ERR at least 1 input key is needed for '{args[0].decode().lower()}' command"
        )
    if count > len(args) - first - 1:
        raise Complaint(SYNTAX)
    keys = args[first + 1 : first + 1 + count]
    rest = args[first + 1 + count :]
    weights, aggregate, show = [1.0] * count, b"SUM", False
    while rest:
        word = rest[0].upper()
        if how != "diff" and word == b"WEIGHTS" and len(rest) > count:
            weights = [
                double(text, "ERR weight value is not a float") for text in rest[1 : count + 1]
            ]
            rest = rest[count + 1 :]
        elif how != "diff" and word == b"AGGREGATE" and len(rest) > 1:
            aggregate = rest[1].upper()
            if aggregate not in (b"SUM", b"MIN", b"MAX"):
                raise Complaint(SYNTAX)
            rest = rest[2:]
        elif may_show and word == b"WITHSCORES":
            show, rest = True, rest[1:]
        else:
            raise Complaint(SYNTAX)
    sources = [_scores(keyspace, key) for key in keys]
    if how == "diff":
        others = sources[1:]
        left = {m: s for m, s in sources[0].items() if not any(m in one for one in others)}
        return left, show
    return _weighted(sources, weights, aggregate, how == "inter"), show


def _weighted(
    sources: list[_Scores], weights: list[float], aggregate: bytes, in_all: bool
) -> _Scores:
    result: _Scores = {}
    counts: dict[bytes, int] = {}
    for source, weight in zip(sources, weights, strict=True):
        for member, score in source.items():
            score = score * weight
            score = score if score == score else 0.0  # 0 times infinity
            counts[member] = counts.get(member, 0) + 1
            if member not in result:
                result[member] = score
            elif aggregate == b"SUM":
                total = result[member] + score
                result[member] = total if total == total else 0.0
            else:
                result[member] = (min if aggregate == b"MIN" else max)(result[member], score)
    if in_all:
        return {m: s for m, s in result.items() if counts[m] == len(sources)}
    return result


def ordered(scores: _Scores) -> list[tuple[bytes, float]]:
    """(member, score) in the order of scores."""
    return [(member, score) for score, member in sorted((s, m) for m, s in scores.items())]


def put_scores(keyspace: Keyspace, key: bytes, scores: _Scores) -> int:
    """Let a key hold these members, or nothing; how many they are."""
    keyspace.remove(key)
    if scores:
        made = keyspace.new_sorted_set(key)
        for member, score in scores.items():
            made.put(member, score)
        keyspace.touch(key)
    return len(scores)


def _several(how: str) -> None:
    @reads(f"z{how}", -3, NO_KEYS, counted_at=1)
    def answer(keyspace: Keyspace, args: Arguments) -> Reply:
        scores, show = _combined(keyspace, how, args, 1, True)
        pairs = ordered(scores)
        return Scored(pairs) if show else [member for member, _ in pairs]

    @writes(f"z{how}store", -4, ONE_KEY, counted_at=2)
    def store(keyspace: Keyspace, args: Arguments) -> Reply:
        scores, _ = _combined(keyspace, how, args, 2, False)
        return put_scores(keyspace, args[1], dict(scores))


_several("union")
_several("inter")
_several("diff")
