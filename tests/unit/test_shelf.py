"""Documents in rows: lazily read, in pieces, evicted; drafts; keys; what others may write."""

from random import Random

import pytest

from plait.base.errors import BadCall, BadFrame, BadKey, Corrupt
from plait.graph.event import APPLY, CLEAR, DELETE, Event, Op
from plait.graph.fold import Fragment
from plait.types.row_keys import document_part, key_in
from plait.types.shelf import Shelf
from tests.unit.shelf_types import type_of
from tests.unit.shelf_world import DictRows, Replica

TAGS, TITLE, OTHER = ("aw:tags",), ("r:title",), ("z:other",)


def listed(one, *bounds):
    return list(one.shelf.keys(*bounds))


def filled(count, **settings):
    one = Replica(1, **settings)
    for number in range(count):
        one.change(f"k{number:03}", TITLE, "set", number)
    return one


# ----------------------------------------------------------------------------- rows


def test_documents_come_back_from_their_rows():
    one = filled(3)
    one.change("k001", TAGS, "add", 1)
    one.change("k001", OTHER, "set", 1)
    before = one.shelf.canonical({})
    one.restart()
    assert one.shelf.canonical({}) == before
    assert one.value("k001", *TAGS) == [1]
    assert one.shelf.count() == 3


def test_opening_reads_no_documents():
    one = filled(50)
    one.save()
    asked = []

    class Watched(DictRows):
        def get(self, key):
            asked.append(key)
            return super().get(key)

        def scan(self, start, stop, limit):
            raise AssertionError("nothing is scanned to open")

    rows = Watched()
    rows.rows = one.rows.rows
    shelf = Shelf(rows, type_of=type_of)
    assert shelf.count() == 50
    assert len(asked) == 2


def test_only_what_changed_is_written():
    one = filled(3)
    one.save()
    assert one.shelf.changes() == []
    one.change("k001", TITLE, "set", 7)
    rows = [row for row, _ in one.shelf.changes()]
    assert [row for row in rows if b"k0" in row] == [b"\x01" + document_part("k001")]


def test_one_element_into_a_large_set_writes_little():
    one = Replica(1)
    for number in range(600):
        one.change("doc", TAGS, "add", number)
    one.save()
    one.change("doc", TAGS, "add", 10_000)
    one.change("doc", TAGS, "remove", 5)
    changes = one.shelf.changes()
    assert sum(len(value or b"") for _, value in changes) < 200
    one.rows.write(changes)
    before = one.shelf.canonical({})
    one.restart()
    assert one.shelf.canonical({}) == before
    assert len(one.value("doc", *TAGS)) == 600


def test_one_member_of_a_large_document_writes_little():
    one = Replica(1)
    for number in range(200):
        one.change("doc", ("o:meta", f"r:{number}"), "set", number)
    one.save()
    one.change("doc", ("o:meta", "r:5"), "set", "x")
    one.clear("doc", ("o:meta", "r:6"))
    changes = one.shelf.changes()
    assert sum(len(value or b"") for _, value in changes) < 250
    one.rows.write(changes)
    one.restart()
    assert one.value("doc", "o:meta", "r:5") == "x"
    assert len(one.shelf.children("doc", ("o:meta",))) == 199


@pytest.mark.parametrize("count", [10, 600])
def test_a_removed_document_leaves_no_rows_however_large_it_was(count):
    one = Replica(1)
    for number in range(count):
        one.change("doc", TAGS, "add", number)
        one.change("doc", (f"r:{number % 100}",), "set", number)
    one.restart()
    one.clear("doc")
    one.save()
    assert [row for row in one.rows.rows if b"doc" in row] == []
    assert one.shelf.count() == 0


def test_clean_documents_are_evicted_and_dirty_ones_are_not():
    one = filled(10, documents_max=3)
    one.shelf.evict()
    assert one.value("k000", *TITLE) == 0  # nothing was saved, and nothing is lost
    one.save()
    assert len(one.shelf._held.documents) == 3
    assert [one.value(key, *TITLE) for key in listed(one)] == list(range(10))


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_row_is_reported_and_never_read_as_something_else(seed):
    random = Random(seed)
    one = Replica(1)
    one.change("doc", TAGS, "add", 1)
    one.change("doc", OTHER, "set", 2)
    one.delete("doc")
    one.change("doc", TITLE, "set", "x")
    one.save()
    row = random.choice(sorted(one.rows.rows))
    value = bytearray(one.rows.rows[row])
    if random.random() < 0.3:
        del value[random.randrange(len(value)) :]
    else:
        value[random.randrange(len(value))] ^= 1 << random.randrange(8)
    one.rows.rows[row] = bytes(value)
    with pytest.raises(Corrupt, match="restore"):
        Shelf(one.rows, type_of=type_of).object("doc", TITLE)


def test_document_keys_sort_as_strings_do_and_none_begins_another():
    keys = ["a", "a\x00", "a\x00b", "a\x01", "ab", "b", "ü", "z", "\x00", "\x00\x01", "\U0001f600"]
    parts = [document_part(key) for key in sorted(keys)]
    assert parts == sorted(parts)
    assert [key_in(b"\x01" + part) for part in parts] == sorted(keys)
    for one in parts:
        assert [other for other in parts if other.startswith(one)] == [one]


# ----------------------------------------------------------------------------- keys


def test_keys_merge_memory_and_rows_in_order():
    one = filled(6, documents_max=2)
    one.save()
    one.delete("k002")
    one.change("k0025", TITLE, "set", 1)
    one.change("zz", TITLE, "set", 1)
    assert listed(one) == ["k000", "k001", "k0025", "k003", "k004", "k005", "zz"]
    assert listed(one, "k001", "k004") == ["k001", "k0025", "k003"]
    assert one.shelf.count() == 7


def test_keys_may_be_written_while_they_are_read():
    one = filled(20)
    one.save()
    seen = []
    keys = one.shelf.keys()
    for key in keys:
        seen.append(key)
        one.delete(key)
        one.save()
    assert seen == [f"k{number:03}" for number in range(20)]
    assert one.shelf.count() == 0


def test_a_document_with_nothing_alive_is_not_there():
    one = Replica(1)
    one.change("doc", TAGS, "add", 1)
    one.change("doc", TAGS, "remove", 1)
    assert not one.shelf.exists("doc")
    assert one.shelf.count() == 0
    assert one.shelf.canonical({}) == Replica(2).shelf.canonical({})


# ----------------------------------------------------------------------------- drafts


def test_a_draft_that_is_rolled_back_leaves_no_trace():
    one = filled(3)
    one.save()
    before = one.shelf.canonical({})
    one.shelf.mark()
    one.change("k000", TITLE, "set", 9)
    one.change("k000", OTHER, "set", 9)
    one.change("new", TITLE, "set", 9)
    one.delete("k001")
    one.clear("k002")
    assert one.shelf.count() == 2
    one.shelf.rollback()
    assert one.shelf.canonical({}) == before
    assert one.shelf.changes() == []
    assert one.shelf.count() == 3
    assert listed(one) == ["k000", "k001", "k002"]


def test_what_was_dirty_before_a_draft_is_dirty_after_it():
    one = filled(2)
    one.shelf.mark()
    one.change("k000", TITLE, "set", 9)
    changes = one.shelf.changes()
    assert not any(b"k000" in row for row, _ in changes)
    one.rows.write(changes)
    one.shelf.rollback()
    one.restart()
    assert one.value("k000", *TITLE) == 0


def test_a_draft_that_is_kept_stays():
    one = filled(1)
    one.shelf.mark()
    one.change("k000", TITLE, "set", 9)
    one.shelf.keep()
    one.restart()
    assert one.value("k000", *TITLE) == 9


# ----------------------------------------------------------------------------- others


GARBAGE_PATHS = [
    (), ("",), ("r",), ("o:x",), ("r:x", "r:y"), ("o:x",) * 70, ("r:" + "x" * 5000,), (":x",),
]  # fmt: skip


@pytest.mark.parametrize("kind", [APPLY, CLEAR, DELETE])
@pytest.mark.parametrize("path", GARBAGE_PATHS, ids=range(len(GARBAGE_PATHS)))
def test_operations_on_paths_that_make_no_sense_have_no_effect(path, kind):
    if path == () and kind != APPLY:
        path = ("o:nothing",)  # else it would be a legal operation
    one = filled(1)
    before = one.shelf.canonical({})
    for key in ("k000", "", "x" * 5000):
        one.shelf.apply(Op(key, path, None, kind), Event(9, 1, 1, one.vector.copy()))
    assert one.shelf.canonical({}) == before
    assert list(one.shelf.delta([(Op("k000", path, None, kind), (9, 1))])) is not None


@pytest.mark.parametrize(
    "fragment",
    [
        Fragment("doc", (), True, None),
        Fragment("doc", (), True, [[], 5]),
        Fragment("doc", (), True, [[[["r:x"], 5, 1, None]], []]),
        Fragment("doc", (), True, [[[["o:x"], [], 1, None]], []]),
        Fragment("doc", ("o:a",), True, [[[["r:x"], [], 1, None]], []]),
        Fragment("doc", ("r:x",), False, [[[b"", [1, 0, 5]]], 0, None, []]),
        Fragment("doc", ("r:x",), False, [[], 7, None, []]),
        Fragment("doc", ("z:x",), False, [[], 1, [[0, 1]], []]),
        Fragment("doc", ("r:x",), False, [[], 0, None, [[1, 1, [[0, 0]]]]]),
        Fragment("x" * 5000, (), True, [[], []]),
    ],
)
def test_fragments_that_nobody_can_have_sent_change_nothing(fragment):
    one = filled(1)
    one.save()
    good = list(filled(3).shelf.state())[1:]
    before = one.shelf.canonical({})
    with pytest.raises(BadFrame):
        one.shelf.join([*good, fragment], one.vector, {2: 9}, False)
    assert one.shelf.canonical({}) == before
    assert one.shelf.changes() == []


def test_a_delta_carries_the_touched_slots_only():
    one = Replica(1)
    for number in range(500):
        one.change("doc", TAGS, "add", number)
    (fragment,) = one.shelf.delta([(Op("doc", TAGS, ["add", 3]), (1, 4))])
    assert not fragment.whole
    assert len(fragment.data[0]) == 1


def test_a_refolded_document_has_the_given_events_only():
    one = filled(2)
    one.change("k000", TAGS, "add", 1)
    one.save()
    kept = [(ops[0], event) for ops, event in one.log if ops[0].path == TAGS]
    one.shelf.refold("k000", kept)
    assert one.value("k000", *TITLE) is None
    assert one.value("k000", *TAGS) == [1]
    one.shelf.refold("k001", ())
    one.restart()
    assert listed(one) == ["k000"]
    assert one.shelf.count() == 1


def test_limits_are_typed_errors_at_the_author():
    one = Replica(1)
    for path in [*GARBAGE_PATHS, ("r:\ud800",)]:
        with pytest.raises(BadCall):
            one.change("doc", path, "set", 1)
    for key in ("", "x" * 5000, "\ud800"):
        with pytest.raises(BadKey):
            one.change(key, TITLE, "set", 1)
    one.change("doc", ("gc:n",), "add")
    with pytest.raises(BadCall, match="cannot be cleared"):
        one.clear("doc")
    assert listed(one) == ["doc"]


# ----------------------------------------------------------------------------- observers


def test_an_observer_is_told_values_before_and_after():
    one, told = Replica(1), []
    one.shelf.observer = lambda key, path, op, event, before, after: told.append(
        (key, path, event.seq, before, after)
    )
    one.change("doc", TAGS, "add", 1)
    one.change("doc", TAGS, "add", 2)
    one.change("doc", TITLE, "set", "x")
    one.delete("doc")
    assert told == [
        ("doc", TAGS, 1, [], [1]),
        ("doc", TAGS, 2, [], [2]),
        ("doc", TITLE, 3, None, "x"),
        ("doc", (), 4, True, False),
    ]


def test_an_observer_is_told_of_a_revival_and_of_a_clear():
    one, other, told = Replica(1), Replica(2), []
    one.change("doc", TITLE, "set", "x")
    other.receive_ops(one)
    other.change("doc", TAGS, "add", 1)
    one.delete("doc")
    one.shelf.observer = lambda key, path, op, event, before, after: told.append(
        (path, before, after)
    )
    one.receive_ops(other)
    assert told == [((), False, True), (TAGS, [], [1])]
    told.clear()
    one.clear("doc", TITLE)
    assert told == [(TITLE, "x", None)]


def test_a_join_observer_is_told_what_a_join_changed():
    one, other, told = filled(1), Replica(2), []
    other.shelf.join_observer = lambda *what: told.append(what)
    other.receive_state(one)
    other.receive_state(one)
    assert told == [("k000", TITLE, None, 0)]
