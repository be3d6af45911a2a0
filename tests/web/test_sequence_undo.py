"""What undo says in a browser is what it says in Python: of texts, their marks, and lists.

SEQUENCE_SEEDS=a:b tries other histories than the usual ones.
"""

import os
from random import Random

import pytest

from plait.base.causality import VersionVector
from plait.base.codec import decode, encode
from plait.graph.event import Event
from plait.types.graph_type import Here
from plait.types.lists.type import LIST
from plait.types.text.type import TEXT
from tests.web.twins import Browser, pairs

FIRST, LAST = (int(n) for n in os.environ.get("SEQUENCE_SEEDS", "0:40").split(":"))
ME, OTHER = 1 << 40, 7


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


class Editor:
    """Somebody who writes and takes back, in both languages; and somebody else who writes too."""

    def __init__(self, browser, kind, chance):
        self.browser, self.kind, self.chance = browser, kind, chance
        self.state, self.vector = kind.zero(), VersionVector()
        self.there = self._ask("zero")
        self.done = []  # (mutation, the same in the browser, dot, what was noted, and there)

    def _ask(self, method, *given):
        return self.browser.ask(self.kind.tag, method, *given)

    def _happen(self, replica, body):
        event = Event(replica, self.vector.get(replica, 0) + 1, 1, self.vector.copy())
        self.kind.apply(self.state, decode(encode(body)), event)
        place = [*event[:3], pairs(event.context)]
        self._ask("apply", self.there, body, place)
        self.vector.saw(*event.dot)

    def write(self, replica):
        """An edit of somebody."""
        mutation = self.kind.gen_op(self.chance, self.state)
        if replica == ME:
            self._carry_out(mutation, self._ask("hold", mutation))
            return
        body = self.kind.prepare(self.state, mutation, Here(OTHER, self.vector))
        if body is not None:
            self._happen(OTHER, body)

    def take_back(self):
        """The last edit that is not taken back."""
        if self.done:
            mutation, held, dot, note, noted = self.done.pop()
            inverse = self.kind.taking_back(note, mutation, dot)
            count = len(self.done)
            self._carry_out(inverse, self._ask("takingBack", noted, held, dot))
            if self.chance.random() < 0.6:
                del self.done[count:]  # what comes next is not to do it again

    def _carry_out(self, mutation, held):
        here = Here(ME, self.vector)
        dot = (ME, self.vector.get(ME, 0) + 1)
        body = self.kind.prepare(self.state, mutation, here)
        found = self._ask("prepareHeld", self.there, held, [ME, pairs(self.vector)])
        assert encode(body) == encode(found), (mutation, body, found)
        if body is None:
            return
        note = self.kind.before(self.state, mutation, dot)
        noted = self._ask("before", self.there, held, dot)
        assert (note is None) == (noted is None), mutation
        self._happen(ME, body)
        if note is not None:
            self.done.append((mutation, held, dot, note, noted))


@pytest.mark.parametrize("kind", [TEXT, LIST], ids=["text", "list"])
def test_what_takes_an_edit_back_is_the_same_body(browser, kind):
    for seed in range(FIRST, LAST):
        chance = Random(seed)
        editor = Editor(browser, kind, chance)
        for _ in range(40):
            step = chance.random()
            if step < 0.4:
                editor.write(ME)
            elif step < 0.6:
                editor.write(OTHER)
            else:
                editor.take_back()
        found = browser.ask(kind.tag, "canonical", editor.there, [])
        assert found == kind.canonical(editor.state, {}), seed
        browser.garbage.append(editor.there)
