"""A whole state arrives: places and undo go by which characters those are, or not at all."""

import random
from typing import Any

from plait.base.causality import VersionVector
from plait.graph.event import Event
from plait.types.graph_type import Here
from plait.types.text.state import TextState
from plait.types.text.storage import load, save
from plait.types.text.type import TEXT
from plait.types.walker.trail import moved

ANN, BOB = 1, 2


class Person:
    """A text at somebody, what they have seen, and what takes back what they did."""

    def __init__(self, name: int) -> None:
        self.name = name
        self.state: TextState = TEXT.zero()
        self.seen = VersionVector()
        self.steps: list[Any] = []

    def do(self, *mutation: Any) -> Any:
        """Write; what others are to be told, or None if it does nothing."""
        body = TEXT.prepare(self.state, mutation, Here(self.name, self.seen))
        if body is None:
            return None
        dot = (self.name, self.seen.get(self.name, 0) + 1)
        self.steps.append((TEXT.before(self.state, mutation, dot), mutation, dot))
        event = Event(*dot, 1_000 + dot[1], self.seen.copy())
        self.hear(body, event)
        return body, event

    def hear(self, body: Any, event: Event) -> None:
        TEXT.apply(self.state, body, event)
        self.seen[event.replica] = event.seq

    def get_all_of(self, other: "Person") -> None:
        """Its whole state, as it travels."""
        TEXT.join(self.state, save(other.state), self.seen, other.seen, True)
        self.seen.merge(other.seen)

    def undo(self) -> Any:
        before, mutation, dot = self.steps.pop()
        return self.do(*TEXT.taking_back(before, mutation, dot))

    def author_of(self, pos: int) -> Any:
        for size, name, _ in self.state.origins():
            if pos < size:
                return name
            pos -= size
        raise IndexError(pos)


def test_characters_that_look_alike_are_told_apart_when_a_whole_state_arrives():
    chance = random.Random(3)
    for _ in range(12):
        ann, bob = Person(ANN), Person(BOB)
        for person in (ann, bob) * 6:
            for _ in range(chance.randrange(4)):
                size = len(person.state)
                at = chance.randint(0, size)
                if size > 9 and chance.random() < 0.4:
                    person.do("delete", min(at, size - 3), 3)
                else:
                    person.do("insert", at, "a")
            other = bob if person is ann else ann
            trail = person.state.follow()
            since = trail.end
            named = _named(person.state)
            person.get_all_of(other)
            now = _named(person.state)
            for pos, name in enumerate(named):
                place, deleted = pos, False
                for step in trail.since(since):
                    deleted = deleted or step[0] <= place < step[0] + step[1]
                    place = moved(place, step, False)
                assert deleted == (name not in now)
                assert deleted or now[place] == name
        assert trail.guesses == []


def _named(state: TextState) -> list[Any]:
    """The characters by the operations that inserted them, each one."""
    return [(author, seq) for _, author, seq in state.origins()]


def test_who_comes_with_concurrent_edits_keeps_their_undo():
    ann, bob = Person(ANN), Person(BOB)
    ann.do("insert", 0, "[]")
    bob.get_all_of(ann)
    ann.do("insert", 1, "ha ")
    bob.do("insert", 1, "ha ha ")
    ann.get_all_of(bob)
    assert ann.undo() is not None
    assert ann.state.text() == "[ha ha ]"
    assert ann.author_of(1) == BOB


def test_undo_takes_back_nothing_of_others_where_nobody_knows_who_wrote_what():
    ann = Person(ANN)
    ann.do("insert", 0, "ha ha")
    unknown = TextState(BOB, "ha ha ha")
    unknown.base = {BOB: 7}
    ann.state.become(load(save(unknown)))
    assert ann.state.text() == "ha ha ha"
    assert ann.undo() is None
    assert ann.state.text() == "ha ha ha"
    ann.do("insert", 0, "oh ")  # what comes later is known again
    assert ann.undo() is not None
    assert ann.state.text() == "ha ha ha"


def test_a_draft_that_is_discarded_takes_back_what_was_guessed_in_it():
    ann = Person(ANN)
    ann.do("insert", 0, "ha ha")
    mark = TEXT.mark(ann.state)
    unknown = TextState(BOB, "ha ha ha")
    unknown.base = {BOB: 7}
    ann.state.become(unknown)
    TEXT.rollback(ann.state, mark)
    assert ann.undo() is not None
    assert ann.state.text() == ""


def test_history_is_left_cold_for_who_holds_no_place():
    ann, bob = Person(ANN), Person(BOB)
    for _ in range(3):
        ann.do("insert", 0, "ha ")
        bob.get_all_of(ann)
        assert bob.state.cold is not None
        assert bob.state.text() == ann.state.text()
    bob.state.follow()
    ann.do("insert", 3, "ho ")
    bob.get_all_of(ann)
    assert bob.state.trail.since(0) == [(3, 0, 3)]
