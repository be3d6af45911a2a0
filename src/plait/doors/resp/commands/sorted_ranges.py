"""Ranges of sorted sets: by rank, by score, by member."""

from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from plait.doors.resp.commands.numbers import SYNTAX, integer, span
from plait.doors.resp.commands.sorted_sets import put_scores
from plait.doors.resp.commands.table import Arguments, reads, writes
from plait.doors.resp.keyspace import Keyspace, SortedSet
from plait.doors.resp.replies import Complaint, Reply, Scored

Pairs = list[tuple[bytes, float]]

_BAD_SCORES: Final = "ERR min or max is not a float"
_BAD_LEX: Final = "ERR min or max not valid string range item"


class _Wanted(NamedTuple):
    """What a range command asks for."""

    by: str  # "rank", "score", "lex"
    low: bytes
    high: bytes
    reverse: bool = False
    offset: int = 0
    most: int = -1
    scores: bool = False


def _score_bound(text: bytes, is_low: bool) -> tuple[float, bool]:
    """A bound, and whether it is left out."""
    outside = text[:1] == b"("
    try:
        value = float(text[1:] if outside else text)
    except ValueError:
        raise Complaint(_BAD_SCORES) from None
    if value != value or b"_" in text:
        raise Complaint(_BAD_SCORES)
    return value, outside


def _by_score(found: SortedSet, low: bytes, high: bytes) -> tuple[int, int]:
    smallest, without_smallest = _score_bound(low, True)
    greatest, without_greatest = _score_bound(high, False)
    order = found.order

    def score(pair: tuple[float, bytes]) -> float:
        return pair[0]

    start = (bisect_right if without_smallest else bisect_left)(order, smallest, key=score)
    stop = (bisect_left if without_greatest else bisect_right)(order, greatest, key=score)
    return start, max(start, stop)


def _lex_place(order: list[tuple[float, bytes]], text: bytes, is_low: bool) -> int:
    def member(pair: tuple[float, bytes]) -> bytes:
        return pair[1]

    if text == b"-":
        return 0
    if text == b"+":
        return len(order)
    left = text[:1] == (b"[" if is_low else b"(")
    return (bisect_left if left else bisect_right)(order, text[1:], key=member)


def _by_lex(found: SortedSet, low: bytes, high: bytes) -> tuple[int, int]:
    for text in (low, high):
        if text not in (b"-", b"+") and text[:1] not in (b"[", b"("):
            raise Complaint(_BAD_LEX)
    order = found.order
    start = _lex_place(order, low, True)
    return start, max(start, _lex_place(order, high, False))


def _places(found: SortedSet, wanted: _Wanted) -> tuple[int, int]:
    """From where to where, in ascending order."""
    if wanted.by == "score":
        return _by_score(found, wanted.low, wanted.high)
    if wanted.by == "lex":
        return _by_lex(found, wanted.low, wanted.high)
    size = len(found)
    start, stop = span(integer(wanted.low), integer(wanted.high), size)
    if wanted.reverse:
        start, stop = size - stop, size - start
    return max(start, 0), max(start, stop, 0)


def _range(keyspace: Keyspace, key: bytes, wanted: _Wanted) -> Pairs:
    empty = SortedSet()
    _places(empty, wanted)  # so that bad bounds are told first
    found = keyspace.sorted_set(key)
    if found is None or (wanted.offset < 0 and wanted.by != "rank"):
        return []
    start, stop = _places(found, wanted)
    pairs = found.order[start:stop]
    if wanted.reverse:
        pairs.reverse()
    if wanted.by != "rank":
        pairs = pairs[wanted.offset :]
        if wanted.most >= 0:
            pairs = pairs[: wanted.most]
    return [(member, score) for score, member in pairs]


def _parse(args: Arguments, first: int, may_show: bool) -> _Wanted:
    """The arguments of ZRANGE, from `start` on."""
    low, high = args[first], args[first + 1]
    by, reverse, scores = "rank", False, False
    offset, count, limited = 0, -1, False
    at = first + 2
    while at < len(args):
        word = args[at].upper()
        if word == b"BYSCORE":
            by = "score"
        elif word == b"BYLEX":
            by = "lex"
        elif word == b"REV":
            reverse = True
        elif word == b"WITHSCORES" and may_show:
            scores = True
        elif word == b"LIMIT" and at + 2 < len(args):
            offset, count, limited = integer(args[at + 1]), integer(args[at + 2]), True
            at += 2
        else:
            raise Complaint(SYNTAX)
        at += 1
    if limited and by == "rank":
        raise Complaint(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
        )
    if scores and by == "lex":
        raise Complaint("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
    if reverse and by != "rank":
        low, high = high, low
    return _Wanted(by, low, high, reverse, offset, count, scores)


def _shown(pairs: Pairs, scores: bool) -> Reply:
    return Scored(pairs) if scores else [member for member, _ in pairs]


@reads("zrange", -4)
def zrange(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]"""
    wanted = _parse(args, 2, True)
    return _shown(_range(keyspace, args[1], wanted), wanted.scores)


@writes("zrangestore", -5, (1, 2, 1))
def zrangestore(keyspace: Keyspace, args: Arguments) -> Reply:
    """ZRANGESTORE destination source start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count]"""
    pairs = _range(keyspace, args[2], _parse(args, 3, False))
    return put_scores(keyspace, args[1], dict(pairs))


def _older(name: str, by: str, reverse: bool) -> None:
    """ZREVRANGE, ZRANGEBYSCORE and so on, which ZRANGE took the place of."""

    @reads(name, 4 if by == "lex_count" else -4)
    def answer(keyspace: Keyspace, args: Arguments) -> Reply:
        words = [word.upper() for word in args[4:]]
        scores, offset, count = False, 0, -1
        while words:
            if words[0] == b"WITHSCORES" and by != "lex":
                scores, words = True, words[1:]
            elif words[0] == b"LIMIT" and len(words) > 2 and by != "rank":
                offset, count, words = integer(words[1]), integer(words[2]), words[3:]
            else:
                raise Complaint(SYNTAX)
        low, high = args[2], args[3]
        if reverse and by != "rank":
            low, high = high, low
        wanted = _Wanted(by, low, high, reverse, offset, count, scores)
        return _shown(_range(keyspace, args[1], wanted), scores)


_older("zrevrange", "rank", True)
_older("zrangebyscore", "score", False)
_older("zrevrangebyscore", "score", True)
_older("zrangebylex", "lex", False)
_older("zrevrangebylex", "lex", True)


def _counting(name: str, by: str) -> None:
    @reads(name, 4)
    def answer(keyspace: Keyspace, args: Arguments) -> Reply:
        return len(_range(keyspace, args[1], _Wanted(by, args[2], args[3])))


_counting("zcount", "score")
_counting("zlexcount", "lex")


def _removing(name: str, by: str) -> None:
    @writes(name, 4)
    def remove(keyspace: Keyspace, args: Arguments) -> Reply:
        pairs = _range(keyspace, args[1], _Wanted(by, args[2], args[3]))
        found = keyspace.sorted_set(args[1])
        for member, _ in pairs:
            found.drop(member)  # type: ignore[union-attr]
        if pairs:
            keyspace.settle(args[1], found)
        return len(pairs)


_removing("zremrangebyrank", "rank")
_removing("zremrangebyscore", "score")
_removing("zremrangebylex", "lex")
