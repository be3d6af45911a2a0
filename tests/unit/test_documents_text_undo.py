"""Texts in documents: what was done is taken back; the past, and who wrote it."""

import contextlib
import itertools
import random
from typing import Any

import pytest

from plait.api.documents import Documents
from plait.base.errors import ReadOnly
from tests.unit.graph_fake import FakeReplica, meet, pair
from tests.unit.text_notes import Note, edit_anywhere


@pytest.fixture
def docs() -> Any:
    return Documents(FakeReplica(1, "ann"), Note)


@pytest.fixture
def note(docs: Any) -> Any:
    docs["n"].body.append("Hello world")
    return docs["n"]


# --------------------------------------------------------------------------- undo


def test_undo_takes_back_ones_own_edits_and_leaves_others():
    replicas = pair()
    anns, bobs = (Documents(replica, Note) for replica in replicas)
    ann, bob = anns["n"].body, bobs["n"].body
    ann += "Hello world"
    meet(*replicas)
    ann.replace(6, 5, "there")
    bob.insert(5, ", hello")
    meet(*replicas)
    ann.insert(0, "> ")
    bob.insert(len(bob), "!")
    meet(*replicas)
    assert ann == "> Hello, hello there!"
    assert anns.undo()
    assert anns.undo()
    assert ann == "Hello, hello world!"
    assert anns.redo()
    assert anns.redo()
    assert ann == "> Hello, hello there!"
    assert bobs.undo()
    meet(*replicas)
    assert ann == bob == "> Hello, hello there"
    assert anns.undo()
    assert anns.undo()
    assert anns.undo()
    assert ann == ", hello"
    assert not anns.undo()


def test_undoing_all_goes_back_through_every_text_and_redoing_comes_again():
    chance = random.Random(31)
    for _ in range(20):
        docs = Documents(FakeReplica(1), Note)
        text = docs["n"].body
        texts = [""]
        for _ in range(15):
            edit_anywhere(chance, text)
            texts.append(str(text))
        for step, expected in ((docs.undo, texts[::-1]), (docs.redo, texts)) * 2:
            seen = [str(text)]
            while step():
                seen.append(str(text))
            assert _distinct(seen) == _distinct(expected)


def _distinct(texts: list[str]) -> list[str]:
    """Without repetitions: some edits change nothing."""
    return [text for text, _ in itertools.groupby(texts)]


def test_undoing_all_of_ones_own_leaves_just_what_others_wrote():
    chance = random.Random(37)
    for _ in range(20):
        replicas = pair()
        ann, bob = (Documents(replica, Note)["n"].body for replica in replicas)
        docs = Documents(replicas[0], Note)
        ann = docs["n"].body
        for _ in range(15):
            at = chance.randint(0, len(ann))
            if chance.random() < 0.6:
                ann.insert(at, chance.choice(("ann", "a")))
            else:
                ann.delete(at, min(len(ann) - at, 4))
            bob.insert(chance.randint(0, len(bob)), chance.choice("XYZ"))
            if chance.random() < 0.5:
                meet(*replicas)
            if chance.random() < 0.2:
                docs.undo()
            if chance.random() < 0.1:
                docs.redo()
        meet(*replicas)
        while docs.undo():
            assert len(ann) < 500
        meet(*replicas)
        assert ann == bob
        assert set(str(ann)) <= set("XYZ")
        assert len(ann) == 15


def test_a_change_of_very_many_edits_is_undone_and_redone(docs: Any, note: Any):
    chance = random.Random(41)
    with docs.change():
        for _ in range(3000):
            edit_anywhere(chance, note.body)
    edited = str(note.body)
    assert docs.undo()
    assert note.body == "Hello world"
    assert docs.redo()
    assert note.body == edited


def test_what_is_found_out_for_one_undo_serves_the_next(docs: Any, note: Any):
    for at in range(200):
        note.body.insert(at, "ab")
    trail = note.body._state().trail
    made = 0
    carrier = trail.carrier
    for left in range(199, -1, -1):
        assert docs.undo()
        made += trail.carrier is not carrier
        carrier = trail.carrier
        assert len(note.body) == 11 + 2 * left
    assert made < 10  # each reaches twice as far back


def test_a_change_of_several_texts_is_undone_together(docs: Any, note: Any):
    with docs.change("both"):
        note.body.apply_diff("Hi, world")
        note.body += "!"
        note.parts["a"] += "one"
    assert docs.undo()
    assert note.to_dict() == {"body": "Hello world", "parts": {}}
    assert docs.redo()
    assert note.to_dict() == {"body": "Hi, world!", "parts": {"a": "one"}}


def test_a_change_that_fails_leaves_the_text_as_it_was(docs: Any, note: Any):
    cursor = note.body.cursor(6)
    with contextlib.suppress(KeyError), docs.change():
        note.body.insert(0, "thrown away ")
        raise KeyError
    assert note.body == "Hello world"
    assert cursor.index == 6
    assert docs.undo()
    assert note.body == ""


def test_a_deleted_document_comes_back_with_its_text(docs: Any, note: Any):
    del docs["n"]
    assert note.body == ""
    assert docs.undo()
    assert note.body == "Hello world"


# --------------------------------------------------------------------------- the past


def test_a_text_has_a_history_and_a_past(docs: Any, note: Any):
    with docs.change("greet"):
        note.body.apply_diff("Bye world")
    note.parts["a"] += "not of the body"
    versions = note.body.history()
    assert [(version.who, version.message) for version in versions] == [
        ("ann", None),
        ("ann", "greet"),
    ]
    assert note.body.at(versions[0].version) == "Hello world"
    past = note.at(versions[1].version).body
    assert past == "Bye world"
    with pytest.raises(ReadOnly, match="past"):
        past += "!"


def test_blame_says_who_wrote_what():
    replicas = pair()
    ann, bob = (Documents(replica, Note)["n"].body for replica in replicas)
    ann += "Hello world"
    meet(*replicas)
    replicas[1].now_ms += 3_600_000
    bob.insert(5, ", big")
    bob.delete(0)
    meet(*replicas)
    said = [(ann[one.start : one.end], one.who) for one in ann.blame()]
    assert said == [("ello", "replica-1"), (", big", "replica-2"), (" world", "replica-1")]
    whens = [one.when for one in ann.blame()]
    assert whens[0] == whens[2]
    assert (whens[1] - whens[0]).total_seconds() == 3600
    assert bob.blame()[-1].end == len(bob)


def test_blame_joins_what_was_written_without_a_pause(docs: Any):
    text = docs["n"].body
    replica = docs._access.replica
    for letter in "abc":
        text += letter
        replica.now_ms += 40_000
    replica.now_ms += 600_000
    text += "d"
    assert [(one.start, one.end) for one in text.blame()] == [(0, 3), (3, 4)]
    assert len(text.blame(pause_s=0)) == 4
    assert docs["empty"].body.blame() == []
