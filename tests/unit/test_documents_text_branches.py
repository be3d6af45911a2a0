"""Texts in documents: branches that are edited apart, and merged."""

import random
from typing import Any

import pytest

from plait.api.documents import Documents
from plait.base.errors import BadCall, BadValue
from plait.types.text.state import TextState
from tests.unit.graph_fake import FakeReplica
from tests.unit.text_notes import Note


@pytest.fixture
def docs() -> Any:
    return Documents(FakeReplica(1, "ann"), Note)


@pytest.fixture
def note(docs: Any) -> Any:
    docs["n"].body.append("Hello world")
    return docs["n"]


# --------------------------------------------------------------------------- branches


def test_a_branch_is_edited_apart_and_merged(note: Any):
    branch = note.body.fork()
    branch.insert(5, ",")
    branch.replace("world", "everybody")
    branch += "!"
    assert note.body == "Hello world"
    note.body.insert(0, "> ")
    assert branch == "Hello, everybody!"
    assert "body" in branch
    note.body.merge(branch)
    assert note.body == "> Hello, everybody!"
    note.body.merge(branch)
    assert note.body == "> Hello, everybody!"
    branch.insert(5, " there")
    note.body.insert(len(note.body), "?")
    note.body.merge(branch)
    assert note.body == "> Hello there, everybody!?"


def test_merging_a_branch_is_one_edit_that_can_be_undone(docs: Any, note: Any):
    branch = note.body.fork()
    for letter in "abc":
        branch.insert(0, letter)
    branch.delete(3, 5)
    versions = len(note.body.history())
    note.body.merge(branch)
    assert note.body == "cba world"
    assert len(note.body.history()) == versions + 1
    assert docs.undo()
    assert note.body == "Hello world"


def test_a_branch_is_merged_as_if_both_sides_had_written_at_the_same_time(docs: Any):
    chance = random.Random(47)
    for nth in range(300):
        body, base = docs[f"{nth}"].body, "abcdefghij"
        body.append(base)
        branches = [body.fork() for _ in range(2)]
        there: list[Any] = []
        for _ in range(chance.randrange(7)):
            at = chance.randint(0, len(body))
            if at < len(body) and chance.random() < 0.5:
                there += [at, min(chance.randint(1, 4), len(body) - at)]
                body.delete(*there[-2:])
            else:
                there += [at, "H" * chance.randint(1, 2)]
                body.insert(*there[-2:])
        for name, branch in zip("bc", branches, strict=True):
            expected = TextState(0, base)
            if there:
                expected.add("a", 1, there)
            edits: list[Any] = []
            for at in sorted(chance.sample(range(0, 10, 3), 3), reverse=True):
                edits += [at, name * chance.randint(1, 2)] if chance.random() < 0.5 else [at, 1]
            expected.add(name, 1, edits, ())
            for at, what in zip(edits[::2], edits[1::2], strict=True):
                branch.delete(at, what) if isinstance(what, int) else branch.insert(at, what)
            there += branch.carried(body._state())[0]
            body.merge(branch)
            assert body == expected.text()


def test_branches_that_were_forked_at_once_share_what_was_found_out(note: Any):
    branches = [note.body.fork() for _ in range(4)]
    for nth, branch in enumerate(branches):
        branch.insert(5, f" {nth}")
    note.body.merge(branches[0])
    forked = note.body._state().trail.forked
    for branch in branches[1:]:
        note.body.insert(0, "x")
        note.body.merge(branch)
        assert note.body._state().trail.forked.items is forked.items
    assert note.body == "xxxHello 0 1 2 3 world"


def test_a_side_that_a_place_does_not_have_is_a_bad_call(note: Any):
    for side in (["left"], "up", None, 1):
        for ask in (note.body.cursor, note.body.anchor):
            with pytest.raises(BadCall, match=r"^notes\['n'\]\.body: .*'left' or 'right'"):
                ask(1, side)


def test_a_branch_of_the_past_is_merged_into_the_present(note: Any):
    old = note.body.history()[0].version
    note.body.apply_diff("Hello wide world")
    branch = note.body.at(old).fork()
    branch.apply_diff("Hello world, how are you?")
    note.body.merge(branch)
    assert note.body == "Hello wide world, how are you?"


def test_only_a_branch_of_the_text_itself_is_merged(note: Any):
    for other in (note.parts["x"].fork(), "text", note.body, None):
        with pytest.raises(BadCall, match=r"fork\(\)"):
            note.body.merge(other)


def test_a_branch_checks_what_it_is_given(note: Any):
    branch = note.body.fork()
    for write in (
        lambda: branch.insert(12, "x"),
        lambda: branch.insert("1", "x"),
        lambda: branch.delete(3, 99),
    ):
        with pytest.raises(BadCall):
            write()
    for wrong in (5, "\ud800"):
        with pytest.raises(BadValue):
            branch.insert(0, wrong)
        with pytest.raises(BadValue):
            branch[0:2] = wrong
    assert branch == "Hello world"


def test_of_two_sides_nothing_is_lost_and_nothing_comes_twice():
    chance = random.Random(23)
    for _ in range(60):
        docs = Documents(FakeReplica(1), Note)
        text = docs["n"].body
        letters = iter(range(0x4E00, 0x9000))  # each character once, so that it can be followed
        text += "".join(chr(next(letters)) for _ in range(20))
        branch = text.fork()
        gone: set[str] = set()
        for _ in range(3):
            base_there, base_here = set(text), set(branch)
            for _ in range(chance.randrange(8)):
                side = chance.choice((text, branch))
                at = chance.randint(0, len(side))
                if chance.random() < 0.5:
                    side.delete(at, min(len(side) - at, chance.randrange(5)))
                else:
                    side.insert(at, "".join(chr(next(letters)) for _ in range(3)))
            there, here = str(text), str(branch)
            gone |= (base_there - set(there)) | (base_here - set(here))
            text.merge(branch)
            merged = str(text)
            assert sorted(merged) == sorted((set(there) | set(here)) - gone)
            assert [c for c in merged if c in there] == [c for c in there if c in merged]
            assert [c for c in merged if c in here] == [c for c in here if c in merged]
