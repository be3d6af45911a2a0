"""A list read as plainly as possible: what the real one is compared with.

Slots are characters of a `ReferenceText`, which orders them; an element shows in the greatest of
its slots that are left, and has the value that was written last.
"""

from plait.types.lists.type import ListType
from tests.laws.reference_text import Event, ReferenceText, fitting

FIRST = 0x10000  # characters that stand for slots begin here

DELETE, INSERT, MOVE, REVIVE = range(4)


class PlainList(ListType):
    """A list that says what its value is."""

    def specification(self, history):
        """See the module."""
        text, slots, writes, index_of = ReferenceText(), [], {}, {}
        for event in history:
            heads = [index_of[dot] for dot in event.past if dot in index_of]
            version = text.version(heads)
            length = len(text.text(version))
            if event.cleared:
                edits = (0, length) if length else ()
            elif event.body[0] == 1:
                _, element, value = event.body
                write(writes, tuple(element), (event.hlc, *event.dot, 0), value)
                continue
            else:
                edits = read(event, slots, writes)
                fitting(edits, length)
            if edits:
                new = Event(event.dot[0], event.dot[1], edits, text.heads(version))
                index_of[event.dot] = text.add(new)
        left = [slots[ord(char) - FIRST] for char in text.text()]
        best = {}
        for order, element in left:
            best[element] = max(order, best.get(element, order))
        return [writes[element][1] for order, element in left if best[element] == order]


def read(event, slots, writes):
    """The edits of a body, with a character for every slot that is inserted."""
    edits, offset = [], 0
    for at in range(1, len(event.body), 3):
        position, kind, argument = event.body[at : at + 3]
        if kind == DELETE:
            edits += [position, argument]
            continue
        text = ""
        for one in argument if kind == INSERT else [argument]:
            order = (event.hlc, *event.dot, offset)
            element = order[1:]
            if kind == MOVE:
                element = tuple(one)
            elif kind == REVIVE:
                element = tuple(one[0])
            if kind != MOVE:
                write(writes, element, order, one[1] if kind == REVIVE else one)
            text += chr(FIRST + len(slots))
            slots.append((order, element))
            offset += 1
        edits += [position, text]
    return tuple(edits)


def write(writes, element, order, value):
    """The last writer wins."""
    if element not in writes or writes[element][0] < order:
        writes[element] = (order, value)
