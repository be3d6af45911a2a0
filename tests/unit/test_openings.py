"""Openings tell up to where two streams of one author are the same, or say nothing."""

import msgspec
import pytest
from graph_pair import FOUNDER, Site, trio

from plait.base.codec import decode, encode
from plait.base.errors import BadFrame
from plait.graph.notices import Behind, Forked
from plait.graph.openings import NONE, OPENINGS_MAX, Openings, parted, unknown
from plait.graph.portable import Head, Names, head_of, stream_of
from plait.graph.streams import Stream


def openings(*firsts: int, of: bytes = b"x") -> Openings:
    known = NONE
    for first in firsts:
        known = known.more(first, of * 16)
    return known


def test_what_differs_within_both_streams_parts_them_before_it() -> None:
    mine, theirs = openings(3, 9), openings(3, 9).more(14, b"y" * 16)
    assert parted(mine, 12, theirs, 20) is None  # theirs goes on where mine ends
    assert parted(mine, 14, theirs, 20) == parted(theirs, 20, mine, 14) == 13
    assert parted(openings(3, 9, 12), 13, theirs, 20) == 11
    assert parted(openings(3), 9, openings(3, 9, of=b"y"), 9) == 2


def test_what_one_side_does_not_know_parts_nothing() -> None:
    assert parted(unknown(20), 20, openings(3, 9), 30) is None
    assert parted(unknown(20).more(21, b"x" * 16), 25, openings(3, 9, 21), 30) is None
    assert parted(unknown(20).more(21, b"x" * 16), 25, openings(3, 9, 22), 30) == 20
    many = openings(*range(1, OPENINGS_MAX + 3))
    assert (many.since, len(many.marks)) == (3, OPENINGS_MAX)
    assert parted(many, 99, openings(*range(1, OPENINGS_MAX + 1)), 64) is None


def test_openings_that_cannot_be_are_refused() -> None:
    stream = Stream(FOUNDER, 9, bytes(16), openings=openings(3, 9))
    names = Names()
    head = decode(encode(head_of(stream, names)), type=Head)
    assert stream_of(head, names.listed()).openings == openings(3, 9)
    earlier = msgspec.structs.replace(head, openings=None)
    assert stream_of(earlier, names.listed()).openings == unknown(9)
    for wrong in (openings(10), openings(3, 3), openings(0), Openings(4, openings(3).marks)):
        with pytest.raises(BadFrame):
            stream_of(msgspec.structs.replace(head, openings=wrong), names.listed())


def test_the_first_batch_of_a_process_says_so_once_and_others_need_not_answer() -> None:
    a, b, _ = trio()
    b.add(b"before")
    a.scope.opening = 77
    first = a.add(b"x")
    a.add(b"y")
    assert [op.path[0] for op in first.ops] == ["aw:set", "opened"]
    b.receive(*a.scope.history.since(b.scope.vector))
    for site in (a, b):
        known = site.scope.streams[FOUNDER].openings
        assert [mark[0] for mark in known.marks] == [first.first]
    b.write()
    a.scope.opening = 78
    b.receive(a.write())  # nothing but the opening
    assert not b.scope.unsaid


def test_own_dots_that_go_on_from_something_else_are_no_mere_lack_of_memory() -> None:
    a, b, _ = trio()
    b.receive(a.add(b"x"))
    back = Site(FOUNDER)
    back.scope.replay(list(b.scope.history.since({})))
    more = a.add(b"y")
    right = b.scope.streams[FOUNDER].digest[:4]
    back.scope.receive([more], 0, {(FOUNDER, more.first): right})
    assert back.scope.notices() == [Behind(more.last)]
    back.scope.receive([more], 0, {(FOUNDER, more.first): b"else"})
    assert back.scope.notices() == [Forked(FOUNDER, more.first)]


def test_nothing_is_folded_while_others_know_own_dots_as_something_else() -> None:
    a, b, c = trio()
    a.add(b"x")
    for site in (b, c):
        site.receive(*a.scope.history.since(site.scope.vector))
        a.receive(site.write())
    a.scope.disputed = True
    assert a.scope.collect() is None
    a.scope.disputed = False
    assert a.scope.collect()
