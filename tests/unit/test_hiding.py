"""Deleting whole documents: hidden, revived, cleared, and folded away."""

import pytest

from tests.unit.shelf_world import Replica

TAGS, TITLE, OTHER = ("aw:tags",), ("r:title",), ("z:other",)


def two(*writes):
    """Two replicas that have the same document."""
    one, other = Replica(1), Replica(2)
    for path, mutation in writes or [(TITLE, ("set", "x"))]:
        one.change("doc", path, *mutation)
    other.receive_ops(one)
    return one, other


def same(one, other):
    assert one.vector == other.vector
    assert one.shelf.canonical({}) == other.shelf.canonical({})


def settle(*replicas):
    """Everybody has everything, knows that, and folds."""
    for _ in range(3):
        for one in replicas:
            one.beat()
            for other in replicas:
                other.receive_ops(one)
    for one in replicas:
        one.collect([r.replica for r in replicas])


def test_a_deleted_document_is_not_listed_and_shows_nothing():
    one, _ = two()
    one.delete("doc")
    assert not one.shelf.exists("doc")
    assert (list(one.shelf.keys()), one.shelf.count()) == ([], 0)
    assert one.value("doc", *TITLE) is None
    assert one.shelf.children("doc", ()) == []


@pytest.mark.parametrize("path", [TAGS, TITLE, OTHER])
def test_a_concurrent_edit_revives_the_document_whole(path):
    one, other = two((TITLE, ("set", "x")), (TAGS, ("add", 1)), (OTHER, ("set", 1)))
    one.delete("doc")
    other.change("doc", path, "add" if path == TAGS else "set", 2)
    one.receive_ops(other)
    assert one.shelf.exists("doc")
    assert one.value("doc", *TITLE) == (2 if path == TITLE else "x")
    assert one.value("doc", *TAGS) == ([1, 2] if path == TAGS else [1])
    other.receive_delta(one)
    same(one, other)


def test_an_edit_that_knows_of_the_deletion_begins_a_new_document():
    one, other = two((TITLE, ("set", "x")), (TAGS, ("add", 1)))
    one.delete("doc")
    other.receive_ops(one)
    other.change("doc", TAGS, "add", 2)
    assert other.value("doc", *TAGS) == [2]
    assert other.value("doc", *TITLE) is None
    one.receive_delta(other)
    same(one, other)


def test_an_edit_of_a_revived_document_keeps_its_content():
    one, other = two((TITLE, ("set", "x")))
    one.delete("doc")
    other.change("doc", TAGS, "add", 1)
    other.receive_ops(one)
    other.change("doc", TAGS, "remove", 1)  # all that the deletion did not cover
    one.receive_ops(other)
    assert one.shelf.exists("doc")
    assert other.shelf.exists("doc")
    same(one, other)


def test_two_concurrent_deletions_together_cover_what_neither_covers_alone():
    one, other = two((TITLE, ("set", "x")))
    one.change("doc", TAGS, "add", 1)
    other.change("doc", TAGS, "add", 2)
    one.delete("doc")
    assert not one.shelf.exists("doc")
    other.delete("doc")
    one.receive_ops(other)
    assert not one.shelf.exists("doc")


def test_a_stable_deletion_leaves_no_rows():
    one, other = two((TITLE, ("set", "x")), (TAGS, ("add", 1)), (OTHER, ("set", 1)))
    one.delete("doc")
    one.save()
    assert any(b"doc" in row for row in one.rows.rows)
    other.receive_ops(one)
    settle(one, other)
    one.save()
    assert not any(b"doc" in row for row in one.rows.rows)
    same(one, other)


def test_what_cannot_be_cleared_stays_hidden_and_is_not_folded():
    one, other = two((("gc:n",), ("add",)))
    one.delete("doc")
    other.receive_ops(one)
    settle(one, other)
    assert not one.shelf.exists("doc")
    one.save()
    assert any(b"doc" in row for row in one.rows.rows)


def test_a_document_made_anew_where_the_deletion_was_folded_is_the_same_where_it_was_not():
    one, other = two((TITLE, ("set", "x")))
    one.delete("doc")
    other.receive_ops(one)
    for _ in range(3):
        for writer, reader in ((one, other), (other, one)):
            writer.beat()
            reader.receive_ops(writer)
    one.collect([1, 2])
    assert one.shelf.image("doc", {}) == []
    assert other.shelf.image("doc", {}) != []
    one.change("doc", TAGS, "add", 1)
    other.receive_ops(one)
    assert other.value("doc", *TITLE) is None
    assert one.shelf.canonical(one.stable) == other.shelf.canonical(one.stable)


def test_whoever_got_the_folded_state_clears_before_making_the_document_anew():
    one, other = two((TITLE, ("set", "x")))
    one.delete("doc")
    other.receive_ops(one)
    settle(one, other)
    third = Replica(3)
    third.receive_state(one)
    third.restart()
    ops = third.shelf.prepare("doc", TAGS, ("add", 1), third.here())
    assert [op.kind for op in ops] == [1, 0]


def test_nothing_is_cleared_first_where_nothing_was_ever_deleted():
    one = Replica(1)
    assert len(one.shelf.prepare("new", TAGS, ("add", 1), one.here())) == 1


def test_a_clear_of_a_part_leaves_the_rest_and_what_it_has_not_seen():
    one, other = two((TITLE, ("set", "x")), (("o:meta", "aw:tags"), ("add", 1)))
    one.clear("doc", ("o:meta",))
    other.change("doc", ("o:meta", "aw:tags"), "add", 2)
    assert one.shelf.children("doc", ()) == ["r:title"]
    one.receive_delta(other)
    assert one.value("doc", "o:meta", "aw:tags") == [2]
    other.receive_state(one)
    same(one, other)


def test_a_body_of_a_clear_that_makes_no_sense_is_ignored():
    one, other = two()
    for body in (3, "ab", [1], [[1, 2]], [[["r:title"], 5]], {"a": 1}, [[[["x"]], 1]]):
        (op,) = one.shelf.prepare_clear("doc", ())
        one.write([type(op)(op.key, op.path, body, op.kind)])
        assert not one.shelf.exists("doc")
        one.change("doc", TITLE, "set", "y")
    other.receive_ops(one)
    same(one, other)
