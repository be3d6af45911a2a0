"""Hunks: what a text was and what has changed make what it is."""

from random import Random

import pytest

from plait.types.text.content import TEXT_CONTENTS
from plait.types.text.hunks import changes_between
from plait.types.text.state import TextState


@pytest.mark.parametrize("seed", range(40))
def test_hunks_make_of_what_was_what_is(seed):
    random = Random(seed)
    state = TextState()
    state.insert(0, "".join(random.choice("ab\n") for _ in range(random.choice([0, 50, 60_000]))))
    was, text = TEXT_CONTENTS.pieces(state.items), state.text()
    for _ in range(random.randrange(8)):
        pos = random.randrange(len(state) + 1)
        if random.getrandbits(1):
            state.insert(pos, random.choice("ab") * random.choice([1, 5, 9000]))
        else:
            state.delete(pos, min(random.choice([1, 7, 20_000]), len(state) - pos))
    hunks = changes_between(was, TEXT_CONTENTS.pieces(state.items), TEXT_CONTENTS)
    for pos, gone, come in hunks:
        text = text[:pos] + come + text[pos + gone :]
    assert text == state.text()


def test_hunks_of_two_far_edits_are_two():
    state = TextState()
    state.insert(0, "".join(f"{number:9}\n" for number in range(10_000)))
    was = TEXT_CONTENTS.pieces(state.items)
    state.insert(10, "left")
    state.insert(90_000, "right")
    hunks = changes_between(was, TEXT_CONTENTS.pieces(state.items), TEXT_CONTENTS)
    assert hunks == [(10, 0, "left"), (90_000, 0, "right")]
