"""Registers, counters, flags and sets of the browser replica keep every law together with Python's.

CELL_SEEDS=a:b runs other schedules than the usual ones (campaigns).
"""

import os

import pytest

from plait.base.codec import encode
from plait.base.errors import BadFrame
from plait.check.laws import check_type
from plait.types.catalogue import type_of
from tests.web.shelf_recording import plain_value
from tests.web.twins import Browser, Twin, place, raised

FIRST, LAST = (int(n) for n in os.environ.get("CELL_SEEDS", "0:6").split(":"))
TAGS = ["gc", "c", "b", "r", "q", "m", "ew", "dw", "gs", "tp", "aw", "rw"]


def hashable(element):
    return tuple(map(hashable, element)) if isinstance(element, list) else element


class CellTwin(Twin):
    """A type whose values are read differently: sets as lists, 1.0 as 1."""

    def __init__(self, browser, kind):
        super().__init__(browser, kind)
        self.clearing = kind.clearing

    def apply(self, state, body, event):
        self.kind.apply(state.here, body, event)
        self._ask("apply", state.there, body, place(event))

    def clear(self, state, event):
        ours = raised(lambda: self.kind.clear(state.here, event))
        assert ours[0] is None
        self._ask("clear", state.there, place(event))

    def value(self, state):
        found = self.kind.value(state.here)
        there = self._ask("value", state.there)
        if not isinstance(found, frozenset):
            assert encode(plain_value(found)) == encode(plain_value(there))
        else:  # Python takes 1, 1.0 and True for one
            assert found == frozenset(map(hashable, there))
        return found

    def join(self, state, data, mine, theirs, whole):
        if data == {}:  # Python takes an empty map for an empty list
            raise BadFrame("no cells")
        super().join(state, data, mine, theirs, whole)

    def alive(self, state):
        return self.kind.alive(state.here)


class LastingTwin(CellTwin):
    """A type that cannot be cleared."""

    def clear(self, state, event):
        raise NotImplementedError


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.mark.parametrize("hostile", [False, True])
@pytest.mark.parametrize("tag", TAGS)
def test_a_type_in_a_browser_and_one_in_python_are_one(browser, tag, hostile):
    kind = type_of(tag)
    twin = (CellTwin if tag != "b" else LastingTwin)(browser, kind)
    report = check_type(twin, range(FIRST, LAST), steps=None, hostile=hostile)
    assert not report.broken, "\n" + report.broken.explain(f"CELL_SEEDS={report.broken.seed}:")
    assert report.schedules == LAST - FIRST
