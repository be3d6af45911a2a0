"""Texts in pages: an edit writes little, and the rows always hold what the text is."""

from random import Random

import pytest

from plait.base.causality import VersionVector, meet_all
from plait.base.errors import Corrupt
from plait.graph.event import Event, Op
from plait.types.opaque import Opaque
from plait.types.row_keys import OBJECTS
from plait.types.text import storage
from plait.types.text.cold import StoredHistory
from plait.types.text.state import TextState
from plait.types.text.storage import from_pages, load, pages, save
from plait.types.text.type import TEXT
from tests.unit.shelf_types import type_of
from tests.unit.shelf_world import Replica
from tests.unit.test_documents_fold import storm

PATH = ("x:body",)


class Pages:
    """Where the pages of one text are."""

    def __init__(self, state):
        self.state = state
        self.rows = {}
        self.written = 0

    def save(self):
        """The numbers of the pages that were written."""
        changes = pages(self.state) or []
        for number, data in changes:
            if data is None:
                del self.rows[number]
            else:
                self.rows[number] = data
                self.written += len(data)
        assert list(self.rows) == list(range(len(self.rows)))
        return [number for number, data in changes if data is not None]

    def reopened(self):
        """The text as the pages have it."""
        return from_pages(sorted(self.rows.items()))


@pytest.fixture(autouse=True)
def in_pages(monkeypatch):
    """Texts of any size are saved in pages."""
    monkeypatch.setattr(storage, "ONE_ROW_MAX", -1)


def same(one, other):
    """Whether two texts are alike, for all that can be seen of them by others."""
    for state in (one, other):
        state.thaw()
    return (
        one.text() == other.text()
        and list(one.ops()) == list(other.ops())
        and (one.end, one.graph.first, one.base) == (other.end, other.graph.first, other.base)
        and (one.graph.heads, one.clears) == (other.graph.heads, other.clears)
    )


def filled(size, agent="ann"):
    """A text of random words, in pages."""
    random = Random(size)
    state = TextState(agent)
    state.insert(0, "".join(random.choice("abcdefgh ") for _ in range(size)))
    stored = Pages(state)
    assert stored.save() == [0]
    return stored


def happen(state, replica, seq, context, *edits):
    """An operation of somebody who has seen all that Ann did."""
    context = VersionVector({**context, "ann": 1 << 40})
    state.happen(Event(replica, seq, 0, context), list(edits))


def word(random, size):
    """Something that cannot be made smaller."""
    return "".join(chr(random.randrange(32, 0x2000)) for _ in range(size))


# ----------------------------------------------------------------------------- the pages


def test_an_edit_of_a_large_text_writes_a_few_dozen_bytes():
    stored = filled(100_000)
    stored.written = 0
    stored.state.insert(500, "x")
    assert stored.save() == [1]
    assert stored.written < 90
    assert stored.reopened().text() == stored.state.text()
    assert stored.save() == []


def test_typing_costs_in_proportion_to_what_is_typed():
    stored = filled(50_000)
    at_first = stored.written
    random = Random(1)
    edits = 3000
    pos = 0
    for number in range(edits):
        if number % 20 == 0:
            pos = random.randrange(len(stored.state) - 1)
        stored.state.insert(pos, random.choice("abcdefgh"))
        pos += 1
        stored.save()
    assert stored.written - at_first < 400 * edits + at_first * 3
    assert len(stored.rows) < storage.PAGES_MAX
    assert same(stored.reopened(), stored.state)


def test_opening_pages_decodes_no_history_and_a_first_edit_neither(monkeypatch):
    stored = filled(5000)
    random = Random(5)
    for number in range(50):
        happen(stored.state, 7, number + 1, {7: number, 8: number - 1}, 3, word(random, 9))
        happen(stored.state, 8, number + 1, {7: number, 8: number}, 4, 9)
        stored.save()
    assert len(stored.rows) > 5

    def thaw(self):
        raise AssertionError("history was decoded")

    monkeypatch.setattr(StoredHistory, "thaw", thaw)
    opened = Pages(stored.reopened())
    opened.rows = dict(stored.rows)
    assert opened.state.text() == stored.state.text()
    for state in (opened.state, stored.state):
        happen(state, 7, 51, {7: 50, 8: 50}, 0, "first edit")
    assert len(opened.save()) == 1
    monkeypatch.undo()
    assert same(opened.reopened(), stored.state)


class Author:
    """Somebody who writes, with what they have seen."""

    def __init__(self, replica):
        self.replica = replica
        self.state = TextState()
        self.vector = VersionVector()
        self.events = []

    def take(self, event, edits):
        """An event, unless it was taken."""
        if event.seq > self.vector.get(event.replica, 0):
            self.state.happen(event, edits)
            self.vector[event.replica] = event.seq
            self.events.append((event, edits))

    def write(self, random):
        """One operation, here."""
        edits, length = [], len(self.state)
        for _ in range(random.choice((1, 1, 1, 3))):
            pos = random.randrange(length + 1) if random.getrandbits(1) else length // 2
            size = random.choice((1, 2, 30))
            if pos < length and random.getrandbits(1):
                size = min(size, length - pos)
                edits += [pos, size]
                length -= size
            else:
                edits += [pos, "".join(random.choice("aé😀 ") for _ in range(size))]
                length += size
        seq = self.vector.get(self.replica, 0) + 1
        self.take(Event(self.replica, seq, 0, self.vector.copy()), edits)


def fold_all(authors, *states):
    """What the first author knows all have seen is folded."""
    seen = {event.replica: event.context for event, _ in authors[0].events}
    seen[1] = authors[0].vector
    cut = meet_all(seen.get(author.replica, {}) for author in authors)
    for state in states:
        state.fold(cut)


@pytest.mark.parametrize("seed", range(150))
def test_whatever_happens_the_pages_hold_it(seed, monkeypatch):
    random = Random(seed)
    monkeypatch.setattr(storage, "OPEN_BYTES_MIN", random.choice([1, 100, 256]))
    monkeypatch.setattr(storage, "OPEN_BYTES_MAX", random.choice([1, 300, 4096]))
    monkeypatch.setattr(storage, "WASTE_MIN", random.choice([1, 300, 4096]))
    authors = [Author(replica) for replica in (1, 2, 3)]
    plain = authors[0].state
    stored = Pages(TextState())
    told = 0
    for _ in range(random.choice((10, 60, 150))):
        random.choice(authors).write(random)
        while random.random() < random.choice((0.2, 0.6)):
            one, other = random.sample(authors, 2)
            for event, edits in list(other.events):
                one.take(event, edits)
        for event, edits in authors[0].events[told:]:
            stored.state.happen(event, edits)
        told = len(authors[0].events)
        if random.random() < 0.2:
            mark = stored.state.begin_draft()
            happen(stored.state, 9, 1, authors[0].vector, 0, "never was", 0, 3)
            stored.state.discard_draft(mark)
        if random.random() < 0.1:
            fold_all(authors, plain, stored.state)
        if random.random() < 0.5:
            stored.save()
        if random.random() < 0.1:
            stored.save()
            assert stored.save() == []
            stored.state = stored.reopened()
            assert stored.state.text() == plain.text()
    stored.save()
    opened = stored.reopened()
    assert same(stored.state, plain)
    assert same(opened, plain)
    assert same(load(save(opened)), plain)


def test_folded_history_leaves_the_pages_at_last():
    stored = filled(200)
    for number in range(2000):
        happen(stored.state, 7, number + 1, {7: number}, number % 200, 1, number % 200, "x")
        stored.save()
        if number % 100 == 99:
            stored.state.fold({7: number + 1, "ann": 200})
            stored.save()
    assert stored.state.graph.first == stored.state.end
    assert sum(map(len, stored.rows.values())) < 3 * storage.WASTE_MIN
    assert same(stored.reopened(), stored.state)


def test_a_state_that_became_another_is_written_anew():
    stored = filled(300)
    stored.state.insert(0, "more")
    stored.save()
    other = TextState("ann")
    other.insert(0, "something else, with as many events: " + "x" * 267)
    stored.state.become(other)
    assert stored.save() == [0]
    assert same(stored.reopened(), stored.state)


def test_a_missing_page_is_found_out():
    stored = filled(300)
    for _ in range(4):
        stored.state.insert(7, word(Random(1), 200))
        stored.save()
    assert len(stored.rows) > 3
    for number in stored.rows:
        if number + 1 < len(stored.rows):
            without = [(n, page) for n, page in stored.rows.items() if n != number]
            with pytest.raises(Corrupt):
                from_pages(without)
            with pytest.raises(Corrupt):
                from_pages([(n, page) for n, (_, page) in enumerate(without)])


# ----------------------------------------------------------------------------- the shelf


def text_type_of(tag):
    """The type of texts, and those of the shelf's world."""
    return TEXT if tag == "x" else type_of(tag)


def unknown_text(tag):
    """A process that has no texts."""
    return Opaque(tag) if tag == "x" else type_of(tag)


def page_rows(one, key="doc"):
    return [row for row in one.rows.rows if row[:1] == OBJECTS and key.encode() in row]


def written(size=4000, **settings):
    """A replica with a text in pages, in storage."""
    one = Replica(1, types=text_type_of, **settings)
    random = Random(size)
    one.change("doc", PATH, "insert", 0, "".join(random.choice("abcd ") for _ in range(size)))
    one.save()
    return one


@pytest.mark.parametrize("seed", range(60))
def test_replicas_whose_texts_are_in_pages_have_the_same_bytes_by_all_roads(seed, monkeypatch):
    random = Random(seed)
    monkeypatch.setattr(storage, "OPEN_BYTES_MIN", random.choice([1, 100]))
    monkeypatch.setattr(storage, "WASTE_MIN", random.choice([1, 300]))
    storm(random, text_type_of, [("x:body",), ("x:title",), ("o:meta", "x:note"), ("aw:tags",)])


def test_one_edit_of_a_text_on_a_shelf_writes_little():
    one = written(40_000)
    one.change("doc", PATH, "insert", 77, "y")
    changes = one.shelf.changes()
    assert sum(len(value or b"") for _, value in changes) < 250
    one.rows.write(changes)
    before = one.value("doc", *PATH)
    one.restart()
    assert one.value("doc", *PATH) == before
    assert before[77] == "y"


def test_a_small_text_is_in_its_documents_row(monkeypatch):
    monkeypatch.undo()
    one = written(10)
    assert page_rows(one) == []
    for _ in range(60):
        one.change("doc", PATH, "insert", 0, "growing up")
        one.save()
    assert len(page_rows(one)) >= 1
    before = one.shelf.canonical({})
    one.restart()
    assert one.shelf.canonical({}) == before


def test_rows_of_pages_go_with_their_text():
    one, other = written(), written()
    for each in (one, other):
        for number in range(20):
            each.change("doc", PATH, "insert", number, word(Random(number), 50))
            each.save()
    assert len(page_rows(one)) > 3
    one.shelf.refold("doc", [])
    one.save()
    assert page_rows(one) == []
    other.delete("doc")
    other.collect([1])
    other.beat()
    other.collect([1])
    other.save()
    assert page_rows(other) == []
    assert not other.shelf.exists("doc")
    other.restart()
    assert not other.shelf.exists("doc")


def test_a_cleared_text_is_empty_after_a_restart_too():
    one = written()
    one.clear("doc")
    one.restart()
    assert one.value("doc", *PATH) == ""
    one.change("doc", PATH, "insert", 0, "anew")
    one.restart()
    assert one.value("doc", *PATH) == "anew"


def test_a_refolded_text_has_only_its_new_rows():
    one = written()
    for number in range(20):
        one.change("doc", PATH, "insert", number, word(Random(number), 50))
        one.save()
    event = Event(1, 30, 30, VersionVector({1: 29}))
    one.shelf.refold("doc", [(Op("doc", PATH, [0, "all there is"]), event)])
    one.save()
    assert len(page_rows(one)) == 1
    one.restart()
    assert one.value("doc", *PATH) == "all there is"


@pytest.mark.parametrize("harm", ["flip", "remove"])
def test_a_harmed_page_makes_its_document_corrupt_and_no_other(harm):
    one = written()
    one.change("other", PATH, "insert", 0, "sound")
    one.save()
    (row,) = page_rows(one)
    if harm == "flip":
        value = bytearray(one.rows.rows[row])
        value[len(value) // 2] ^= 4
        one.rows.rows[row] = bytes(value)
    else:
        del one.rows.rows[row]
    one.restart()
    with pytest.raises(Corrupt):
        one.value("doc", *PATH)
    assert one.value("other", *PATH) == "sound"


def test_a_text_in_pages_outlives_a_process_that_does_not_know_texts():
    one = written(1000)
    before = one.value("doc", *PATH)
    one.types = unknown_text
    one.restart()
    event = Event(5, 1, 9, one.vector.copy())
    one.shelf.apply(Op("doc", PATH, [0, "unseen "]), event)
    one.save()
    assert page_rows(one) == []
    one.types = text_type_of
    one.restart()
    assert one.value("doc", *PATH) == "unseen " + before
    one.restart()
    assert one.value("doc", *PATH) == "unseen " + before
