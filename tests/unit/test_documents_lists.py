"""Lists in documents: as Python lists, and on real replicas."""

import asyncio
from random import Random
from typing import Any

import pytest

import plait
from plait import blocking
from plait.api.documents import Counter, Documents, List, Nested
from plait.base.errors import BadCall, BadDocument, BadValue, ReadOnly
from plait.types import catalogue
from tests.unit.graph_fake import FakeReplica, meet, pair
from tests.unit.list_boards import Board, Task, two
from tests.unit.shelf_world import Replica
from tests.unit.test_documents_fold import storm


@pytest.fixture
def board() -> Any:
    return Documents(FakeReplica(1, "ann"), Board)["b"]


# ----------------------------------------------------------------------------- as a list


def test_a_list_does_what_a_python_list_does(board: Any):
    plain: list[str] = []

    def both(act: Any) -> None:
        assert act(board.tags) == act(plain)
        assert board.tags == plain
        assert list(board.tags) == plain

    both(lambda tags: tags.append("a"))
    both(lambda tags: tags.extend(["b", "c", "b"]))
    both(lambda tags: tags.insert(0, "z"))
    both(lambda tags: tags.insert(-1, "y"))
    both(lambda tags: (len(tags), "b" in tags, "x" in tags, tags.index("b"), tags.count("b")))
    both(lambda tags: (tags[0], tags[-1], tags[1:3], tags[::-1], tags[9:], tags[-2:]))
    both(lambda tags: tags.__setitem__(1, "A"))
    both(lambda tags: tags.__setitem__(slice(1, 3), ["1", "2", "3"]))
    both(lambda tags: tags.__setitem__(slice(0, 4, 2), ["0", "0"]))
    both(lambda tags: (tags.pop(), tags.pop(0), tags.pop(-2)))
    both(lambda tags: tags.remove("1"))
    both(lambda tags: tags.extend("pqrst"))
    both(lambda tags: tags.__delitem__(slice(1, 3)))
    both(lambda tags: tags.__delitem__(slice(None, None, 2)))
    both(lambda tags: tags.__delitem__(-1))
    both(lambda tags: tags.reverse())
    both(lambda tags: list(reversed(tags)))
    board.tags += ["end"]
    assert board.tags[-1] == "end"
    both(lambda tags: tags.clear() or plain.clear())
    assert not board.tags


def test_reading_out_of_bounds_is_an_index_error_and_writing_a_bad_call(board: Any):
    board.tags = ["a"]
    for read in (1, -2):
        with pytest.raises(IndexError, match=r"tags has no element"):
            board.tags[read]
    writes = [
        lambda: board.tags.insert(2, "x"), lambda: board.tags.insert(-2, "x"),
        lambda: board.tags.pop(1), lambda: board.tags.move(0, 1), lambda: board.tags.move(-2, 0),
        lambda: board.tags.__setitem__(1, "x"), lambda: board.tags.__delitem__(1),
    ]  # fmt: skip
    for write in writes:
        with pytest.raises(BadCall, match=r"tags has no"):
            write()
    with pytest.raises(ValueError, match="values for a slice"):
        board.tags[::2] = ["x", "y"]
    for missing in (board.tags.remove, board.tags.index):
        with pytest.raises(ValueError, match="x"):
            missing("x")
    assert board.tags == ["a"]


@pytest.mark.parametrize("wrong", [1.0, True, "0", None])
def test_a_place_that_is_no_number_is_a_bad_value_and_changes_nothing(board: Any, wrong: Any):
    board.tags = ["a", "b"]
    for write in (
        lambda: board.tags.move(wrong, 0),
        lambda: board.tags.move(0, wrong),
        lambda: board.tags.insert(wrong, "x"),
        lambda: board.tags.pop(wrong),
        lambda: board.tags.__setitem__(wrong, "x"),
        lambda: board.tags.__delitem__(wrong),
    ):
        with pytest.raises(BadValue, match=r"tags: an index is a number"):
            write()
    assert board.tags == ["a", "b"]


@pytest.mark.parametrize("value", [{1, 2}, frozenset("a"), [{1}], {"a": ({1},)}])
def test_a_set_is_no_value_of_a_list_for_it_has_no_order(board: Any, value: Any):
    with pytest.raises(BadValue, match=r"anything: a set has no order"):
        board.anything.append(value)
    assert board.anything == []


def test_a_list_is_added_copied_and_sorted_as_a_python_list(board: Any):
    board.tags = same = ["pear", "Fig", "apple", "fig", "kiwi"]
    other = ["x"]
    assert board.tags + other == [*same, "x"]
    assert other + board.tags == ["x", *same]
    assert board.tags + board.tags == same * 2
    with pytest.raises(TypeError):
        board.tags + "text"
    copy = board.tags.copy()
    assert copy == same
    for how in ({}, {"key": str.lower}, {"key": len, "reverse": True}, {"reverse": True}):
        board.tags.sort(**how)
        same.sort(**how)
        assert board.tags == same
    assert copy == ["pear", "Fig", "apple", "fig", "kiwi"]


def test_putting_in_order_is_one_edit_that_moves_as_few_elements_as_can_be():
    ann = FakeReplica(1)
    docs = Documents(ann, Board)
    tags = docs["b"].tags
    tags.extend(f"{n:03}" for n in range(300))
    tags.move(250, 3)
    tags.move(20, 290)
    before, tasks = len(ann.log), list(tags)
    tags.sort()
    assert tags == sorted(tasks)
    (batch,) = ann.log[before:]
    ((op, _),) = batch.events
    assert len(op.body) < 20
    assert docs.undo()
    assert tags == tasks
    assert docs.redo()
    assert tags == sorted(tasks)
    tags.sort()  # changes nothing
    assert len(ann.log) == before + 3


def test_what_others_do_while_a_list_is_put_in_order_stays():
    replicas = pair()
    anns = Documents(replicas[0], Board)
    ann, bob = anns["b"].tags, Documents(replicas[1], Board)["b"].tags
    ann.extend("abcdef")
    meet(*replicas)
    ann.reverse()
    bob[2] = "C"
    bob.insert(3, "new")
    meet(*replicas)
    assert ann == bob
    assert [tag for tag in ann if tag != "new"] == list("fedCba")
    assert "new" in ann
    assert anns.undo()
    meet(*replicas)
    assert ann == bob
    assert [tag for tag in ann if tag != "new"] == list("abCdef")
    assert "new" in ann


def test_undoing_an_order_leaves_what_somebody_else_has_moved_since():
    replicas = pair()
    anns = Documents(replicas[0], Board)
    ann, bob = anns["b"].tags, Documents(replicas[1], Board)["b"].tags
    ann.extend("abcdef")
    meet(*replicas)
    ann.reverse()
    meet(*replicas)
    bob.move(bob.index("c"), 0)
    meet(*replicas)
    assert ann == list("cfedba")
    assert anns.undo()
    meet(*replicas)
    assert bob == ann
    assert ann[0] == "c"
    assert [tag for tag in ann if tag != "c"] == list("abdef")


def test_values_are_checked_when_they_are_written_and_converted_when_they_are_read(board: Any):
    board.pairs.append((1, "one"))
    assert board.pairs[0] == (1, "one")
    assert board.pairs == [(1, "one")]
    for wrong in (["x"], ("x", 1), 5):
        with pytest.raises(BadValue, match=r"pairs takes tuple"):
            board.pairs.append(wrong)
    with pytest.raises(BadValue, match=r"tags takes str"):
        board.tags.extend(["fine", 1])
    assert board.tags == []
    with pytest.raises(BadValue, match="is a list"):
        board.tags = "text"


def test_who_changes_what_was_read_changes_nothing(board: Any):
    board.anything = [{"a": [1]}]
    board.anything[0]["a"].append(2)
    board.anything[:].append(3)
    assert board.anything == [{"a": [1]}]


def test_a_list_cannot_be_hashed_and_equals_lists_only(board: Any):
    board.tags = ["a"]
    with pytest.raises(TypeError, match="unhashable"):
        hash(board.tags)
    assert board.tags == ["a"]
    assert board.tags != ("a",)
    assert repr(board.tags) == "['a']"


def test_assigning_a_list_keeps_what_is_the_same_at_both_ends():
    here, there, sync = two()
    here.tags = ["a", "b", "c"]
    sync()
    there.tags.move(0, 2)
    here.tags = ["a", "x", "y", "c"]
    sync()
    assert here.tags == there.tags == ["x", "y", "c", "a"]


def test_two_people_who_extend_a_list_are_not_shuffled():
    here, there, sync = two()
    here.tags.extend(["a1", "a2", "a3"])
    there.tags.extend(["b1", "b2"])
    sync()
    assert here.tags == there.tags
    assert here.tags in (["a1", "a2", "a3", "b1", "b2"], ["b1", "b2", "a1", "a2", "a3"])


def test_a_field_of_lists_takes_types_and_document_classes():
    with pytest.raises(BadDocument, match="List"):
        List(Counter())
    with pytest.raises(BadDocument, match="List"):
        List(Nested(Task))


# ----------------------------------------------------------------------------- on real replicas


async def test_lists_are_kept_watched_and_read_from_the_past(tmp_path: Any):
    async with plait.open(tmp_path / "data") as store:
        boards: Any = await store.documents("boards", Board, author="Ann")
        board = boards["b"]
        board.tags.extend(["a", "b", "c"])
        board.tasks.append({"title": "x"})
        version = boards.version
        copy = list(board.tags)
        async with boards.watch("b", "tags") as changes:
            board.tags.move(0, 2)
            board.tags[0] = "B"
            del board.tags[1]
            with boards.change("more"):
                board.tags.extend(["d", "e"])
                board.tags.insert(0, "start")
            for _ in range(5):
                change = await asyncio.wait_for(anext(changes), 5)
                assert (change.before, change.after) == (None, None)
                for at, gone, values in change.patches:
                    copy[at : at + gone] = values
        assert copy == ["start", "B", "a", "d", "e"]
        assert board.tags == copy
        assert boards.at(version)["b"].tags == ["a", "b", "c"]
        with pytest.raises(ReadOnly):
            boards.at(version)["b"].tasks.append({"title": "y"})
        await boards.flush()
    async with plait.open(tmp_path / "data") as store:
        board = (await store.documents("boards", Board))["b"]
        assert board.tags == ["start", "B", "a", "d", "e"]
        assert board.tasks == [{"title": "x", "votes": 0, "steps": []}]
        board.tags.move(4, 0)
        assert board.tags == ["e", "start", "B", "a", "d"]


def test_a_list_reads_and_writes_the_same_from_another_thread(tmp_path: Any):
    with blocking.open(tmp_path / "data") as store:
        boards: Any = store.documents("boards", Board)
        board = boards["b"]
        board.tags = ["a", "b"]
        board.tags.append("c")
        board.tags += ["d"]
        board.tags.move(0, 3)
        board.tags[0] = "B"
        del board.tags[1]
        assert board.tags == ["B", "d", "a"]
        assert (len(board.tags), board.tags[-1], list(board.tags)) == (3, "a", ["B", "d", "a"])
        board.tasks.append({"title": "x"})
        board.tasks[0].title = "y"
        assert board.tasks[0].title == "y"


PATHS = [
    ("l:tasks",), ("l:tasks", "o:b.1.0", "r:title"), ("l:tasks", "o:b.2.0", "c:votes"),
    ("o:meta", "l:in"), ("o:meta", "l:in", "o:16.3.0", "l:deep"), ("r:title",),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_replicas_that_travelled_different_roads_have_the_same_lists(seed: int):
    storm(Random(seed), catalogue.type_of, PATHS)


def test_what_is_in_an_element_travels_on_every_road_with_clears_and_deletions():
    one, two, three = (Replica(r, types=catalogue.type_of) for r in (11, 22, 33))
    inner = ("l:tasks", "o:b.1.0", "r:title")
    one.change("k", ("l:tasks",), "insert", 0, [None, None])
    one.change("k", inner, "set", "x")
    two.receive_ops(one)
    three.receive_state(one)
    two.change("k", ("l:tasks",), "move", 0, 1)
    one.clear("k", ("l:tasks", "o:b.1.0"))
    assert three.receive_delta(two)
    assert two.receive_ops(one)
    assert one.receive_delta(two)
    three.receive_state(one)
    assert {site.value("k", *inner) for site in (one, two, three)} == {None}
    for site in (one, two, three):
        assert site.shelf.object("k", ("l:tasks",)).ids() == [(11, 1, 1), (11, 1, 0)]
    three.change("k", inner, "set", "y")
    one.delete("k")
    assert not one.shelf.exists("k")
    one.receive_state(three)
    two.receive_state(one)
    assert two.shelf.exists("k")
    assert two.value("k", *inner) == one.value("k", *inner) == "y"
    assert one.shelf.canonical({}) == two.shelf.canonical({})
