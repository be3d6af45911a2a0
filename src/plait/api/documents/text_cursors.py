"""Positions that stay where they are in the text while everybody edits it.

A *cursor* is live: it lives in this process, follows every edit of the present and costs nothing
between two looks at it. An *anchor* is a token, text that can be stored or sent: it means the same
place at every replica, as long as what was written since is kept.

Each holds on to one side. What is inserted right there goes behind a place that holds on to the
character left of it, and before one that holds on to the character right of it; when that
character is deleted, the place is where it was.
"""

import base64
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

import msgspec

from plait.api.documents.text_editing import EditableText, plain_text
from plait.base.errors import BadCall, BadValue, HistoryTrimmed
from plait.types.text.state import TextState
from plait.types.walker.trail import Trail, moved

Side: TypeAlias = Literal["left", "right"]

TOKEN_CHARACTERS_MAX: Final = 1 << 16

_SIDES: Final = {"left": True, "right": False}


class Cursor:
    """A place in a text that follows everybody's edits; made by `TextView.cursor`.

    Invariant: `_at` is where it was before step `_step` of `_trail`, which is that of `_state`.
    """

    __slots__ = (
        "_at",
        "_find",
        "_insert",
        "_left",
        "_place",
        "_state",
        "_step",
        "_trail",
        "_where",
    )

    def __init__(
        self,
        find: Callable[[], TextState | None],
        insert: Callable[[int, str], None],
        where: Callable[[], str],
        index: int,
        side: Side,
    ) -> None:
        self._find = find  # the text's state as it is now; None if nothing was ever written
        self._insert = insert
        self._where = where
        self._left = holds_left(side, where)
        self._state: TextState | None = None
        self._trail: Trail | None = None
        self._step = 0
        self._at = 0
        self._place = b""  # an anchor, for when so much happened that nobody remembers it
        self.move(index)

    @property
    def index(self) -> int:
        """Where it is now. `HistoryTrimmed` if the text was edited so much, since somebody last
        asked, that it cannot be told."""
        state = self._find()
        if state is None:
            return 0
        if state is not self._state:
            self._go_over(state)
        trail = state.trail
        if trail is None or not trail.knows(self._step) or self._is_discarded(trail):
            self._settle(state, self._looked_up(state, self._place))
            return self._at
        steps = trail.since(self._step)
        if steps:
            at, left = self._at, self._left
            for step in steps:
                at = moved(at, step, left)
            self._at = min(at, len(state))
            self._step = trail.end
        return self._at

    @property
    def side(self) -> Side:
        """Which of its neighbours it holds on to."""
        return "left" if self._left else "right"

    def insert(self, text: str | EditableText) -> None:
        """Write here, and go behind it: what others write here meanwhile does not come between."""
        plain: str = plain_text(text)  # of a view, as it is before it is written to
        index = self.index
        self._insert(index, plain)
        self.move(index + len(plain))

    def move(self, index: int) -> None:
        """Put it somewhere else."""
        state = self._find()
        length = 0 if state is None else len(state)
        check_index(index, length, self._where)
        if state is None:
            self._state = None
        else:
            self._settle(state, index)

    def _settle(self, state: TextState, at: int) -> None:
        self._trail = state.follow()
        self._state, self._at, self._step = state, at, self._trail.end
        self._place = state.anchor(at, self._left)

    def _is_discarded(self, trail: Trail) -> bool:
        """Whether the step that it was at never happened."""
        if trail is self._trail:
            return False
        self._trail = trail
        return self._step > trail.shared

    def _looked_up(self, state: TextState, place: bytes) -> int:
        """Where the place of an anchor is, or of an older one if what it is of was discarded."""
        try:
            return state.locate(place)
        except HistoryTrimmed:
            if place == self._place:
                raise
            return state.locate(self._place)

    def _go_over(self, state: TextState) -> None:
        """The text was empty, or left the memory meanwhile and was read again."""
        old = self._state
        if old is None:
            self._settle(state, 0 if self._left else len(state))
            return
        place = self._place
        if old.trail is not None and old.trail.knows(self._step):
            at = self._at
            for step in old.trail.since(self._step):
                at = moved(at, step, self._left)
            place = old.anchor(min(at, len(old)), self._left)
        self._settle(state, self._looked_up(state, place))

    def __index__(self) -> int:
        return self.index

    def __repr__(self) -> str:
        return f"<Cursor at {self.index}, {self.side}, of {self._where()}>"


def token_of(place: bytes) -> str:
    """An anchor as text that is safe in URLs."""
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def index_of(state: TextState, token: str, where: Callable[[], str]) -> int:
    """Where the place of a token is in a text. `BadValue` for what is no token, `HistoryTrimmed`
    for one that is too old, or of what is not here yet."""
    if not isinstance(token, str) or len(token) > TOKEN_CHARACTERS_MAX:
        raise BadValue(f"{where()}: an anchor is a text that anchor() gave, not {token!r:.60}")
    try:
        place = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return state.locate(place)
    except (BadValue, ValueError, TypeError, msgspec.MsgspecError):
        raise BadValue(f"{where()}: {token!r:.60} is no anchor of this text") from None
    except HistoryTrimmed as error:
        raise HistoryTrimmed(f"{where()}: {error.message}") from None


def holds_left(side: Any, where: Callable[[], str]) -> bool:
    """Whether it is the left neighbour that a place holds on to."""
    if type(side) is not str or side not in _SIDES:
        raise BadCall(f"{where()}: a place holds on to its 'left' or 'right', not {side!r}")
    return _SIDES[side]


def check_index(index: Any, length: int, where: Callable[[], str]) -> None:
    """`BadCall` for no place in a text."""
    if type(index) is not int or not 0 <= index <= length:
        raise BadCall(f"{where()}: {index!r} is no position in a text of {length} characters")
