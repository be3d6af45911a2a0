"""`Shelf.write`, the hot path, does what `prepare` and `apply` do; `taking_back` what `inverse`."""

from contextlib import suppress
from random import Random

import pytest

from plait.base.causality import VersionVector
from plait.base.errors import PlaitError
from plait.graph.event import Event
from plait.types.catalogue import type_of
from plait.types.graph_type import Here
from plait.types.paths import tag_of
from plait.types.shelf import UNUSUAL, Shelf

ME = 7
TAGS = ("gc", "c", "b", "r", "m", "ew", "dw", "gs", "tp", "aw", "rw", "t")
PATHS = [(f"{tag}:x",) for tag in TAGS]


class Rows:
    def get(self, key):
        return None

    def scan(self, start, stop, limit):
        return []


class Site:
    def __init__(self):
        self.shelf = Shelf(Rows())
        self.vector = VersionVector()
        self.noted = []

    @property
    def event(self):
        seq = self.vector.get(ME, 0) + 1
        return Event(ME, seq, seq << 16, self.vector)

    def slowly(self, path, mutation):
        here = Here(ME, self.vector)
        for op in self.shelf.prepare("k", path, mutation, here, self.noted.append):
            self.shelf.apply(op, self.event)
            self.vector.saw(ME, self.event.seq)

    def quickly(self, path, mutation):
        here, event = Here(ME, self.vector), self.event
        op = self.shelf.write("k", path, mutation, here, event, self.noted.append)
        if op is UNUSUAL:
            self.slowly(path, mutation)
        elif op is not None:
            self.vector.saw(ME, event.seq)
        return op is not UNUSUAL


@pytest.mark.parametrize("path", PATHS)
def test_both_ways_lead_to_the_same_state_and_note_the_same(path):
    random, quick, slow = Random(path[0]), Site(), Site()
    type_ = type_of(tag_of(path[0]))
    quickly = 0
    for _ in range(60):
        state = slow.shelf.object("k", path)
        mutation = type_.gen_op(random, type_.zero() if state is None else state)
        try:
            slow.slowly(path, mutation)
        except PlaitError as refused:  # a bounded counter has no rights to spend
            with pytest.raises(type(refused)):
                quick.quickly(path, mutation)
            continue
        quickly += quick.quickly(path, mutation)
    assert quickly > 40
    assert quick.shelf.canonical({}) == slow.shelf.canonical({})
    assert [(one[0], one[1], one[3], one[5]) for one in quick.noted] == [
        (one[0], one[1], one[3], one[5]) for one in slow.noted
    ]


@pytest.mark.parametrize("path", PATHS)
def test_what_takes_back_is_the_inverse_however_late_it_is_asked_for(path):
    random, site = Random(path[0]), Site()
    type_ = type_of(tag_of(path[0]))
    expected = []
    for _ in range(60):
        state = site.shelf.object("k", path)
        state = type_.zero() if state is None else state
        mutation = type_.gen_op(random, state)
        inverse = type_.inverse(state, mutation, (ME, site.event.seq))
        before = len(site.noted)
        with suppress(PlaitError):  # a bounded counter has no rights to spend
            site.quickly(path, mutation)
        if len(site.noted) > before:
            expected.append(inverse)
    late = [t.taking_back(before, mutation, dot) for _, _, t, mutation, before, dot in site.noted]
    assert late == expected


def test_an_object_that_was_not_written_lately_is_unusual():
    site = Site()
    assert not site.quickly(("c:x",), ("add", 1))
    assert site.quickly(("c:x",), ("add", 1))
    site.shelf.count()  # counts, and so looks at what was written
    assert not site.quickly(("c:x",), ("add", 1))


def test_nothing_is_written_quickly_while_somebody_listens():
    site, told = Site(), []
    site.slowly(("c:x",), ("add", 1))
    site.shelf.observer = lambda *change: told.append(change)
    assert not site.quickly(("c:x",), ("add", 1))
    assert len(told) == 1
