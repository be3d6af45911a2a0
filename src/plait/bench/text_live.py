"""Live editing: two people type in one text, and each hears the other half a second later.

Time is counted in edits: each makes ten a second, so an update arrives `LATE` edits after it was
made. Nobody ever pauses, so everything stays concurrent with something from the first edit to the
last. What an edit costs is the work of all: made, told, taken in by the other.
"""

import time
from collections import deque
from random import Random
from statistics import fmean

import msgspec

from plait.bench.text_sequential import Figures
from plait.bench.text_systems import EventSystem, System
from plait.bench.text_timing import check_text, settle
from plait.bench.text_traces import Edit

EDITS_PER_S = 10
LATE = 5  # edits: 500 ms

_SEED = 20250330
_LETTERS = "etaoin shrdlu "
_SLICE = 50  # steps between looks at the clock


class Script(msgspec.Struct, frozen=True):
    """What both do, step by step, and the text in the end."""

    steps: list[tuple[Edit, Edit]]
    end: str


def script(count: int) -> Script:
    """`count` steps; a shorter script is the beginning of a longer one.

    The first writes before a line break that is there from the start, the second after it.
    """
    chance = Random(_SEED)
    first, second = list[str](), list[str]()
    sizes = [0]  # of the first one's paragraph, after so many steps
    steps = []
    for number in range(count):
        heard = max(number + 1 - LATE, 0)  # steps of the first that the second knows
        mine = _typed(chance, first, 0)
        steps.append((mine, _typed(chance, second, sizes[heard] + 1)))
        sizes.append(len(first))
    return Script(steps, "".join(first) + "\n" + "".join(second))


def _typed(chance: Random, paragraph: list[str], before: int) -> Edit:
    if paragraph and chance.random() < 0.1:
        paragraph.pop()
        return before + len(paragraph), 1, ""
    paragraph.append(chance.choice(_LETTERS))
    return before + len(paragraph) - 1, 0, paragraph[-1]


def live(library: System, count: int, limit_s: float) -> Figures:
    """Microseconds an edit over a session of `count` edits by each, first and last tenth.

    limit_s: when a library that is slower is stopped; its figures are of what it did.
    """
    steps = script(count).steps
    make = library.writer if isinstance(library, EventSystem) else library.new
    one, two = make(1), make(2)
    two.hear(one.say([(0, 0, "\n")]))
    from_one, from_two = deque[bytes](), deque[bytes]()
    slices: list[float] = []  # seconds an edit
    done, spent_s = 0, 0.0
    settle()
    while done < count and spent_s < limit_s:
        part = steps[done : done + _SLICE]
        begin = time.perf_counter()
        for mine, yours in part:
            if len(from_one) == LATE:
                two.hear(from_one.popleft())
                one.hear(from_two.popleft())
            from_one.append(one.say((mine,)))
            from_two.append(two.say((yours,)))
        seconds = time.perf_counter() - begin
        spent_s += seconds
        slices.append(seconds / len(part) / 2)
        done += len(part)
    for update in from_one:
        two.hear(update)
    for update in from_two:
        one.hear(update)
    expected = script(done).end
    check_text(one.text(), expected)
    check_text(two.text(), expected)
    tenth = max(len(slices) // 10, 1)
    return {
        "edits": done * 2,
        "session_s": done / EDITS_PER_S,
        "edit_us": spent_s / done / 2 * 1e6,
        "first_us": fmean(slices[:tenth]) * 1e6,
        "last_us": fmean(slices[-tenth:]) * 1e6,
    }
