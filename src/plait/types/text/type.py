"""Text that several people edit at once, as a graph type.

Bodies are flat lists of edits, ``[position, text or how many to delete, ...]``, one after another,
at positions as of what their author had seen; a mark (`plait.types.text.marks`) stands for a list.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from plait.base.causality import Dot
from plait.base.errors import BadCall, BadValue
from plait.base.ports import Random
from plait.types.graph_type import Here, Mutation, Slot
from plait.types.text.mark_undoing import taking_back as marks_back
from plait.types.text.marked import covered_by
from plait.types.text.marks import EXPANDS, MarkChange, checked_body
from plait.types.text.rope import Rope
from plait.types.text.state import TextState
from plait.types.text.storage import from_pages, load, pages, save
from plait.types.text.undoing import Inverse, inverses, taking_back
from plait.types.text.units import check_text
from plait.types.walker.oplog import MARK
from plait.types.walker.sequence_type import SequenceType
from plait.types.walker.trail import Trail

TYPED_MAX = 1 << 16  # characters

_MARKING: Final = ("mark", "take_marks")


class Text(SequenceType[TextState]):
    """Mutations ("insert", position, text), ("delete", position, count), ("edit", edits), and
    ("mark", from, to, name, value, expand), where the value None takes marks away."""

    tag = "x"

    def zero(self) -> TextState:
        """No text. What happens to it is noted from the beginning: undo counts from there."""
        state = TextState()
        state.trail = Trail()
        return state

    def dump(self, state: TextState) -> bytes:
        """See `plait.types.text.storage`."""
        return save(state)

    def load(self, data: bytes) -> TextState:
        """See `plait.types.text.storage`."""
        return load(data)

    def pages(self, state: TextState) -> list[tuple[int, bytes | None]] | None:
        """See `plait.types.text.storage`."""
        return pages(state)

    def from_pages(self, stored: Sequence[tuple[int, bytes]]) -> TextState:
        """See `plait.types.text.storage`."""
        return from_pages(stored)

    # ------------------------------------------------------------------ writing

    def prepare(self, state: TextState, mutation: Mutation, here: Here) -> Any:
        """`BadCall` for positions that are not in the text, `BadValue` for what is no text."""
        match mutation:
            case ("insert", pos, text):
                if (
                    type(text) is str
                    and type(pos) is int
                    and 0 <= pos <= len(state)
                    and 0 < len(text) <= TYPED_MAX
                    and text.isascii()
                ):
                    return [pos, text]  # typing: one look tells that it is fine
                edits = [pos, check_text(text)]
            case ("delete", pos, size):
                edits = [pos, size]
            case ("edit", edits):
                edits = list(edits)
            case ("carry", since, pieces):
                edits = _carried(state, since, pieces)[0]
            case ("mark", start, stop, name, value, expand):
                return _marked(start, stop, name, value, expand, len(state))
            case ("take_marks", dot):
                return marks_back(state, dot)[0] or None
            case _:
                raise BadCall(f"a text has no {mutation!r}")
        return self._checked(edits, len(state)) or None

    def _checked(self, edits: Sequence[Any], length: int) -> list[Any]:
        """Edits that do something; raises as `prepare` does."""
        checked: list[Any] = []
        if len(edits) % 2:
            raise BadCall("edits come in pairs: a position, and what is done there")
        for index in range(0, len(edits), 2):
            pos, what = edits[index], edits[index + 1]
            if type(pos) is not int:
                raise BadValue(f"a position is a number, not {pos!r}")
            if not 0 <= pos <= length:
                raise BadCall(f"position {pos} of a text of {length} characters")
            if type(what) is int:
                if not 0 <= what <= length - pos:
                    raise BadCall(
                        f"characters {pos} to {pos + what} of a text of {length} characters"
                    )
                length -= what
            else:
                length += len(check_text(what))
            if what:
                checked += [pos, what]
        return checked

    # ------------------------------------------------------------------ reading

    def value(self, state: TextState) -> str:
        """The text."""
        return state.text()

    # ------------------------------------------------------------------ undo

    def before(self, state: TextState, mutation: Mutation, dot: Dot) -> Any:
        """What takes the edits back, as of right after them, and when that is."""
        trail = state.follow()
        if mutation[0] == "insert" and mutation[2]:
            _, pos, text = mutation
            return trail.end + 1, (Inverse(pos, pos + len(text), None),)
        edits = self.prepare(state, mutation, Here(0, {}))
        if edits is None:
            return None
        if mutation[0] in _MARKING:
            if state.marks is not None:
                back = marks_back(state, mutation[1])[1] if mutation[0] == "take_marks" else ()
                state.marks.restored.note(dot, back)
            return dot
        if mutation[0] == "carry":
            _, since, pieces = mutation
            trail.restored.update(_carried(state, since, pieces)[1])
        return trail.end + len(edits) // 2, inverses(edits, _deleted(state, edits))

    def taking_back(self, before: Any, mutation: Mutation, dot: Dot) -> Mutation | None:
        """Carry it to the present."""
        return ("take_marks", dot) if mutation[0] in _MARKING else ("carry", *before)

    def inverse(self, state: TextState, mutation: Mutation, dot: Dot) -> Mutation | None:
        """What takes the edits back."""
        before = self.before(state, mutation, dot)
        return None if before is None else self.taking_back(before, mutation, dot)

    # ------------------------------------------------------------------ watching, laws

    def partial(self, state: TextState, slots: Iterable[Slot] | None) -> Any:
        """All of it."""
        return self.value(state)

    def image(self, state: TextState) -> Any:
        """The text, and its marks if there are any."""
        spans = state.spans()
        return [self.value(state), spans] if spans else self.value(state)

    def watching(self, state: TextState, act: Callable[[], None]) -> list[Any]:
        """The patches, and then what was marked, as `MarkChange`."""
        start = state.end
        told: list[Any] = super().watching(state, act)
        graph, log = state.graph, state.log
        runs = log.runs(max(start, graph.first), graph.end)
        marks = {run.lv: run.content for run in runs if run.kind == MARK}
        for lv, (_, name, value, _) in marks.items():
            for low, high in covered_by(state.marked(), lv):
                told.append(MarkChange(low, high, name, value))
        return told

    def gen_op(self, random: Random, state: TextState) -> Mutation:
        """Short insertions, deletions and replacements, often at the same places."""
        length = len(state)
        chance = random.getrandbits(3)
        pos = random.getrandbits(16) % (length + 1)
        if length > 40 or (chance < 3 and pos < length):
            return ("delete", min(pos, length - 1), 1 + random.getrandbits(4) % (length - pos or 1))
        letters = "abcdefgh"[random.getrandbits(3) :][: 1 + random.getrandbits(2)]
        if chance == 3 and pos < length:
            return ("edit", [pos, 1, pos, letters])
        if chance == 4 and pos < length:
            stop = min(pos + 1 + random.getrandbits(4), length)
            value = (True, "x", None)[random.getrandbits(4) % 3]
            return ("mark", pos, stop, "bold", value, EXPANDS[random.getrandbits(2)])
        return ("insert", pos, letters)


TEXT = Text()


def _marked(start: Any, stop: Any, name: Any, value: Any, expand: Any, length: int) -> Any:
    size = stop - start if type(start) is int and type(stop) is int else None
    body = checked_body(start, size, name, value, expand, length)
    return [start, body] if size else None


def _deleted(state: TextState, edits: Sequence[Any]) -> list[str | None]:
    """What each of some edits deletes, given the text before all of them."""
    if len(edits) == 2:
        pos, what = edits
        return [state.slice(pos, pos + what) if type(what) is int else None]
    scratch = Rope(state.text())
    found: list[str | None] = []
    for pos, what in zip(edits[::2], edits[1::2], strict=True):
        if type(what) is int:
            found.append(scratch.slice(pos, pos + what))
            scratch.delete(pos, what)
        else:
            found.append(None)
            scratch.insert(pos, what)
    return found


def _carried(
    state: TextState, since: int, pieces: Sequence[Inverse]
) -> tuple[list[Any], dict[int, int]]:
    """Edits that take something back now, and what of that puts back what; none if it is too long
    ago."""
    return ([], {}) if state.trail is None else taking_back(pieces, state.trail, since)
