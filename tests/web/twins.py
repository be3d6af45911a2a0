"""A graph type twice, in Python and in a browser's JavaScript; they must do the same in everything.

`Twin` is a graph type whose states are a Python state and the number of one that a Node process
holds. Every method is called on both; bodies, slots, deltas, values, canonical bytes and refusals
must be equal. What it hands out (states, deltas) is now Python's and now JavaScript's, so whoever
tries laws on it tries both as authors, senders and receivers of each other.
"""

import copy
import struct
import subprocess
from pathlib import Path
from random import Random
from shutil import which

from playwright._impl._driver import compute_driver_executable

from plait.base.codec import decode, encode
from plait.base.errors import BadFrame, PlaitError
from plait.types.graph_type import GraphType

HARNESS = Path(__file__).parent / "twins_stdin.mjs"
DROPPED_AT_ONCE = 64


class Refusal(Exception):
    """What JavaScript raised: the error's code, and its message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Browser:
    """A Node process with states of graph types."""

    def __init__(self):
        node = which("node") or compute_driver_executable()[0]
        self._process = subprocess.Popen(
            [node, str(HARNESS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.garbage = []  # numbers that nobody has any more

    def ask(self, tag, method, *given):
        """What a method of a type gives."""
        if len(self.garbage) > DROPPED_AT_ONCE:
            gone, self.garbage[:] = self.garbage[:], []
            self.ask(tag, "drop", gone)
        data = encode([method, tag, given])
        self._process.stdin.write(struct.pack(">I", len(data)) + data)
        self._process.stdin.flush()
        (size,) = struct.unpack(">I", self._process.stdout.read(4))
        answer = decode(self._process.stdout.read(size))
        if not answer[0]:
            raise Refusal(*answer[1:])
        return answer[1]

    def close(self):
        """End it."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


class TwinState:
    """One state, there and here."""

    def __init__(self, browser, tag, here, there, speaks):
        self.browser = browser
        self.tag = tag
        self.here = here
        self.there = there  # a number
        self.speaks = speaks  # whether JavaScript's bytes are handed out
        self.drafts = 0

    def __deepcopy__(self, memo):
        there = self.browser.ask(self.tag, "copy", self.there)
        return TwinState(self.browser, self.tag, copy.deepcopy(self.here), there, self.speaks)

    def __del__(self):
        self.browser.garbage.append(self.there)


def pairs(vector):
    """A vector for the wire."""
    return sorted(vector.items())


def place(event):
    """An event for the wire."""
    return [event.replica, event.seq, event.hlc, pairs(event.context)]


def raised(act):
    """The kind of error that it raises, or what it gives."""
    try:
        return None, act()
    except PlaitError as error:
        return type(error).__name__, None
    except Refusal as error:
        if not error.code:
            raise AssertionError(str(error)) from None
        return error.code, None


class Twin(GraphType):
    """A type of Python's, and JavaScript's beside it. `words`: for `gen_op`, to write with."""

    def __init__(self, browser, kind, enrich=lambda random, mutation: mutation):
        self.browser = browser
        self.kind = kind
        self.tag = kind.tag
        self.of_events = kind.of_events
        self._enrich = enrich
        self._speaks = False

    def _ask(self, method, *given):
        return self.browser.ask(self.tag, method, *given)

    def _state(self, here, there):
        self._speaks = not self._speaks
        return TwinState(self.browser, self.tag, here, there, self._speaks)

    def _both(self, here, there):
        """Both do it, and raise the same or give the same."""
        ours, theirs = raised(here), raised(there)
        assert ours[0] == theirs[0], (ours, theirs)
        assert encode(ours[1]) == encode(theirs[1]), (ours, theirs)
        return ours

    # ------------------------------------------------------------------ what a type has

    def zero(self):
        return self._state(self.kind.zero(), self._ask("zero"))

    def prepare(self, state, mutation, here):
        at = [here.replica, pairs(here.context)]
        _, body = self._both(
            lambda: self.kind.prepare(state.here, mutation, here),
            lambda: self._ask("prepare", state.there, mutation, at),
        )
        return body

    def apply(self, state, body, event):
        if state.drafts:  # telling of marks decodes history, and then it is saved in other bytes
            self.kind.apply(state.here, body, event)
            self._ask("apply", state.there, body, place(event))
            return
        patches = []
        _, _ = self._both(
            lambda: patches.extend(self._watched(state, body, event)),
            lambda: patches.append(self._ask("patches", state.there, body, place(event))) and None,
        )
        assert self._told(patches[:-1]) == encode(patches[-1])

    def _watched(self, state, body, event):
        return self.kind.watching(state.here, lambda: self.kind.apply(state.here, body, event))

    def _told(self, patches):
        return encode([
            patch if len(patch) == 3 else patch._asdict() for patch in patches
        ])  # fmt: skip

    def clear(self, state, event):
        self._both(
            lambda: self.kind.clear(state.here, event),
            lambda: self._ask("clear", state.there, place(event)),
        )

    def join(self, state, data, mine, theirs, whole):
        ours = raised(lambda: self.kind.join(state.here, data, mine, theirs, whole))
        other = raised(
            lambda: self._ask("join", state.there, data, pairs(mine), pairs(theirs), whole)
        )
        assert ours[0] == other[0], (ours, other, data)
        if ours[0] == "BadFrame":
            raise BadFrame("both refuse it")

    def delta(self, state, slots):
        slots = None if slots is None else list(slots)
        here = self.kind.delta(state.here, slots)
        there = self._ask("delta", state.there, slots)
        if slots is not None:
            assert encode(here) == encode(there), (here, there)
        return there if state.speaks else here

    def value(self, state):
        found = self.kind.value(state.here)
        assert encode(found) == encode(self._ask("value", state.there))
        return found

    def gen_op(self, random, state):
        return self._enrich(Random(random.getrandbits(30)), self.kind.gen_op(random, state.here))

    def fold(self, state, cut):
        self.kind.fold(state.here, cut)
        self._ask("fold", state.there, pairs(cut))

    def event_slots(self, body, dot):
        here = self.kind.event_slots(body, dot)
        found = None if here is None else list(here)
        assert encode(found) == encode(self._ask("slots", body, dot))
        return found

    def specification(self, history):
        return self.kind.specification(history)

    def encode(self, state):
        found = self._ask("encode", state.there)
        assert self.kind.canonical(self.kind.decode(found), {}) == self.kind.canonical(
            state.here, {}
        )
        return found if state.speaks else self.kind.encode(state.here)

    def decode(self, data):
        return self._state(self.kind.decode(data), self._ask("decode", data))

    def canonical(self, state, cut):
        found = self.kind.canonical(state.here, cut)
        there = self._ask("canonical", state.there, pairs(cut))
        assert found == there, (decode(found), decode(there))
        return found

    def mark(self, state):
        state.drafts += 1
        return self.kind.mark(state.here), self._ask("mark", state.there)

    def rollback(self, state, mark):
        here = self.kind.rollback(state.here, mark[0])
        there = self._ask("rollback", state.there, mark[1])
        return TwinState(self.browser, self.tag, here, there, state.speaks)

    def keep(self, state, mark):
        state.drafts -= 1
        self.kind.keep(state.here, mark[0])
        self._ask("keep", state.there, mark[1])
