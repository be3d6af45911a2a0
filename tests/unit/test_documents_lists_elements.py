"""Documents that are elements of lists, and what is taken back of a list."""

from typing import Any

import pytest

from plait.api.documents import Documents
from plait.base.errors import BadValue
from tests.unit.graph_fake import FakeReplica
from tests.unit.list_boards import Board, two


@pytest.fixture
def board() -> Any:
    return Documents(FakeReplica(1, "ann"), Board)["b"]


# ----------------------------------------------------------------------------- of documents


def test_a_mapping_becomes_a_document_in_one_change(board: Any):
    replica = board._access.replica
    board.tasks.append({"title": "write", "steps": [{"text": "think"}]})
    assert len(replica.log) == 1
    assert board.tasks[0].title == "write"
    assert board.tasks[0].steps[0].text == "think"
    board.tasks[0].title = "write it"
    board.tasks[0].votes += 1
    plain = {"title": "write it", "votes": 1, "steps": [{"text": "think"}]}
    assert board.tasks == [plain]
    assert board.to_dict()["tasks"] == [plain]


def test_a_mapping_that_does_not_fit_writes_nothing(board: Any):
    replica = board._access.replica
    for wrong in ({"titel": "x"}, "text", {"title": 5}):
        with pytest.raises(BadValue):
            board.tasks.append(wrong)
    with pytest.raises(BadValue):
        board.tasks.extend([{"title": "fine"}, {"title": 5}])
    assert board.tasks == []
    assert replica.log == []


def test_edits_inside_an_element_merge_and_follow_it_where_it_is_moved():
    here, there, sync = two()
    here.tasks = [{"title": "a"}, {"title": "b"}, {"title": "c"}]
    sync()
    here.tasks.move(0, 2)
    there.tasks[0].title = "A"
    there.tasks[0].votes += 1
    here.tasks[2].votes += 1
    sync()
    assert here.tasks == there.tasks
    assert [task.title for task in here.tasks] == ["b", "c", "A"]
    assert int(here.tasks[2].votes) == 2


def test_a_deleted_element_takes_what_is_in_it_along(board: Any):
    board.tasks = [{"title": "a", "steps": [{"text": "x"}]}, {"title": "b"}]
    name = board._access.children("b", ("l:tasks",))
    assert len(name) == 2
    assert board.tasks.pop(0)["title"] == "a"
    assert len(board._access.children("b", ("l:tasks",))) == 1
    board.tasks.clear()
    assert board._access.children("b", ()) == []


def test_an_edit_in_an_element_does_not_bring_it_back_when_it_was_deleted_meanwhile():
    here, there, sync = two()
    here.tasks = [{"title": "a"}, {"title": "b"}]
    sync()
    del here.tasks[0]
    there.tasks[0].votes += 1
    sync()
    assert [task.title for task in here.tasks] == [task.title for task in there.tasks] == ["b"]


def test_an_element_that_is_moved_while_it_is_deleted_stays_with_what_was_written_meanwhile():
    here, there, sync = two()
    here.tasks = [{"title": "a"}, {"title": "b"}]
    sync()
    del here.tasks[0]
    there.tasks.move(0, 1)
    there.tasks[1].title = "still"
    sync()
    assert here.tasks == there.tasks
    assert [task.title for task in here.tasks] == ["b", "still"]


def test_a_document_is_assigned_field_by_field(board: Any):
    board.tasks = [{"title": "a"}]
    board.tasks[0].votes += 3
    board.tasks[0] = {"title": "b"}
    assert (board.tasks[0].title, int(board.tasks[0].votes)) == ("b", 3)


# ----------------------------------------------------------------------------- taking back


def test_what_was_done_to_a_list_is_undone_and_redone(board: Any):
    board.tags = ["a", "b", "c"]
    states = [["a", "b", "c"]]
    for act in (
        lambda: board.tags.insert(1, "x"),
        lambda: board.tags.move(0, 3),
        lambda: board.tags.__setitem__(1, "B"),
        lambda: board.tags.__setitem__(slice(0, 2), ["1", "2", "3"]),
        lambda: board.tags.__delitem__(slice(1, 3)),
        board.tags.clear,
    ):
        act()
        states.append(list(board.tags))
    for state in reversed(states):
        assert board.tags == state
        assert board.undo()
    assert board.tags == []
    for state in states:
        assert board.redo()
        assert board.tags == state


def test_a_deleted_document_comes_back_with_what_was_in_it(board: Any):
    board.tasks = [{"title": "a", "steps": [{"text": "x"}, {"text": "y"}]}, {"title": "b"}]
    before = board.to_dict()
    del board.tasks[0]
    assert board.undo()
    assert board.to_dict() == before
    assert board.redo()
    assert [task.title for task in board.tasks] == ["b"]
    assert board.undo()
    board.tasks.clear()
    assert board.undo()
    assert board.to_dict() == before


def test_a_deleted_board_comes_back_whole():
    docs: Any = Documents(FakeReplica(1, "ann"), Board)
    docs["b"].tasks = [{"title": "a", "steps": [{"text": "x"}]}]
    docs["b"].tags = ["p", "q"]
    before = docs["b"].to_dict()
    del docs["b"]
    assert "b" not in docs
    assert docs.undo()
    assert docs["b"].to_dict() == before
