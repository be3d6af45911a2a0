"""Positions in code points told as positions in UTF-8 bytes, for a library that counts those.

The text is kept as chunks with their lengths in bytes, so that an edit looks at one or two chunks.
"""

from collections.abc import Iterable

from plait.bench.text_traces import Edit

_CHUNK_MAX = 1024  # code points


class ByteOffsets:
    """A text that is edited by code points and answers in bytes."""

    def __init__(self, text: str = "") -> None:
        self._chunks = _chunked(text)
        self._sizes = [len(chunk.encode()) for chunk in self._chunks]

    def edit(self, position: int, deleted: int, inserted: str) -> Edit:
        """Do this edit of code points; the same edit in bytes."""
        first, start, before = self._find(position)
        cut = position - start
        text, last = "", first
        while last < len(self._chunks) and len(text) < cut + deleted:
            text += self._chunks[last]
            last += 1
        if len(text) < cut + deleted:
            raise IndexError(f"{deleted} deleted at {position}: past the end of the text")
        pieces = _chunked(text[:cut] + inserted + text[cut + deleted :])
        self._chunks[first:last] = pieces
        self._sizes[first:last] = [len(piece.encode()) for piece in pieces]
        gone = len(text[cut : cut + deleted].encode())
        return before + len(text[:cut].encode()), gone, inserted

    def text(self) -> str:
        """The text as it is now."""
        return "".join(self._chunks)

    def _find(self, position: int) -> tuple[int, int, int]:
        """The chunk of a position, and the code points and bytes before that chunk."""
        start = before = 0
        for index, chunk in enumerate(self._chunks):
            if position <= start + len(chunk):
                return index, start, before
            start += len(chunk)
            before += self._sizes[index]
        return len(self._chunks), start, before


def _chunked(text: str) -> list[str]:
    if len(text) <= _CHUNK_MAX:
        return [text] if text else []
    half = _CHUNK_MAX // 2  # room to grow, or every insertion would split again
    return [text[at : at + half] for at in range(0, len(text), half)]


def in_bytes(edits: Iterable[Edit], text: str = "") -> list[Edit]:
    """Edits of a text, one after another, their positions and lengths told in bytes."""
    offsets = ByteOffsets(text)
    return [offsets.edit(*edit) for edit in edits]
