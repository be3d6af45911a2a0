"""Retained batches, contexts, and the heads of a history."""

import pytest
from graph_pair import FOUNDER, SECOND, share, trio

from plait.graph.streams import frontier


def test_batches_since_a_vector_come_in_a_causally_legal_order() -> None:
    a, b, c = trio()
    for site in (a, b, c, b, a):
        site.add(b"x")
        share(a, b, c)
    order = [(batch.replica, batch.first) for batch in a.scope.history.since({})]
    assert order == [(1, 1), (1, 3), (2, 1), (3, 1), (2, 2), (1, 4)]
    seen = {FOUNDER: 3, SECOND: 1}
    assert [batch.first for batch in a.scope.history.since(seen)] == [1, 2, 4]
    assert a.scope.history.count_since(seen) == 3


def test_dropping_a_prefix_raises_the_floor_and_keeps_hashes() -> None:
    a, *_ = trio()
    for _ in range(3):
        a.add(b"x")
    history = a.scope.history
    digest = history.digest_at((FOUNDER, 4))
    history.drop({FOUNDER: 4})
    assert history.floor == {FOUNDER: 4}
    assert history.events == 1
    assert history.digest_at((FOUNDER, 4)) == digest
    assert history.digest_at((FOUNDER, 3)) is None
    assert history.reaches({FOUNDER: 4})
    assert not history.reaches({FOUNDER: 3})


def test_the_ancestors_of_an_event_are_what_its_author_had_seen() -> None:
    a, b, _ = trio()
    a.receive(b.add(b"x"))
    batch = a.add(b"y")
    assert a.scope.history.ancestors((FOUNDER, batch.first)) == {FOUNDER: 2, SECOND: 1}
    with pytest.raises(LookupError):
        a.scope.history.ancestors((FOUNDER, 99))


def test_the_frontier_is_what_nobody_has_seen_yet() -> None:
    a, b, c = trio()
    x, y = a.add(b"x"), b.add(b"y")
    c.receive(x, y)
    assert frontier(c.scope.streams) == ((FOUNDER, x.last), (SECOND, y.last))
    z = c.add(b"z")
    assert frontier(c.scope.streams) == ((3, z.last),), "a critical version"
