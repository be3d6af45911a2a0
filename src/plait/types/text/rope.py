"""A long text in pieces, so that an edit copies little.

Edits happen near each other: the piece of the last one is where the next search begins. Pieces
grow with the text, so that there are never more than some hundreds.

Invariants: no piece is empty; `len` is the sum of theirs; `_before` is that of the pieces before
the one at `_at`.
"""

PIECE_MIN = 4096  # characters; a piece is cut at twice its size
PIECES = 256


class Rope:
    """A text that is edited in place."""

    __slots__ = ("_at", "_before", "_length", "_pieces")

    def __init__(self, text: str = "") -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._at = 0
        self._before = 0
        if text:
            self._fill(text)

    def __len__(self) -> int:
        return self._length

    def _fill(self, text: str) -> None:
        size = max(PIECE_MIN, len(text) // PIECES)
        self._pieces = [text[start : start + size] for start in range(0, len(text), size)]
        self._length = len(text)
        self._at = self._before = 0

    def _seek(self, pos: int) -> int:
        """Go to the piece that holds `pos`, or ends there; where in the piece."""
        pieces, at, before = self._pieces, self._at, self._before
        while pos < before:
            at -= 1
            before -= len(pieces[at])
        size = len(pieces[at])
        while pos > before + size:
            before += size
            at += 1
            size = len(pieces[at])
        self._at, self._before = at, before
        return pos - before

    def insert(self, pos: int, content: str) -> None:
        """Put text before the character at `pos`."""
        if not self._length or len(content) > PIECE_MIN:
            self._insert_much(pos, content)
            return
        past = self._seek(pos)
        piece = self._pieces[self._at]
        piece = piece[:past] + content + piece[past:]
        self._pieces[self._at] = piece
        self._length += len(content)
        if len(piece) > 2 * PIECE_MIN and len(piece) > 2 * (self._length // PIECES):
            half = len(piece) // 2
            self._pieces[self._at : self._at + 1] = (piece[:half], piece[half:])

    def _insert_much(self, pos: int, content: str) -> None:
        if not self._length:
            self._fill(content)
            return
        past = self._seek(pos)
        piece = self._pieces[self._at]
        middle = Rope(content)._pieces
        parts = (piece[:past], *middle, piece[past:])
        self._pieces[self._at : self._at + 1] = [part for part in parts if part]
        self._length += len(content)
        if len(self._pieces) > 4 * PIECES:
            self._fill("".join(self._pieces))

    def delete(self, pos: int, size: int) -> None:
        """Take text away."""
        self._length -= size
        past = self._seek(pos)
        pieces = self._pieces
        piece = pieces[self._at]
        if past + size <= len(piece):
            piece = piece[:past] + piece[past + size :]
            if piece:
                pieces[self._at] = piece
                return
            self._drop(self._at, self._at + 1)
            return
        left = size - (len(piece) - past)
        pieces[self._at] = piece[:past]
        index = self._at + 1
        while left >= len(pieces[index]):
            left -= len(pieces[index])
            index += 1
            if not left:
                break
        if left:
            pieces[index] = pieces[index][left:]
        self._drop(self._at if not past else self._at + 1, index)

    def _drop(self, first: int, last: int) -> None:
        del self._pieces[first:last]
        if self._at and self._at >= len(self._pieces):
            self._at -= 1
            self._before -= len(self._pieces[self._at])

    def slice(self, start: int, stop: int) -> str:
        """The text from `start` to `stop`, which are in it."""
        if start >= stop:
            return ""
        past = self._seek(start)
        pieces, at = self._pieces, self._at
        piece = pieces[at]
        end = past + stop - start
        if end <= len(piece):
            return piece[past:end]
        parts = [piece[past:]]
        left = end - len(piece)
        while left > 0:
            at += 1
            piece = pieces[at]
            parts.append(piece[:left] if left < len(piece) else piece)
            left -= len(piece)
        return "".join(parts)

    def text(self) -> str:
        """All of it."""
        if len(self._pieces) == 1:
            return self._pieces[0]
        return "".join(self._pieces)
