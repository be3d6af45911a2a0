"""What sequences hold, as bytes: the one thing in which storing texts and lists differs.

Absent: what an item means.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from plait.base.errors import BadFrame
from plait.types.text.rope import Rope
from plait.types.walker.items import Items


class Contents(Protocol):
    """A kind of content: slices of `str`, or of lists."""

    def pack(self, content: Any) -> bytes:
        """As bytes, not compressed."""
        ...

    def unpack(self, data: bytes) -> Any:
        """What `pack` was given. `BadFrame`."""
        ...

    def joined(self, parts: Iterable[Any]) -> Any:
        """Parts in one."""
        ...

    def blank(self, size: int) -> Any:
        """So many items that nobody knows."""
        ...

    def items(self, content: Any) -> Items:
        """Content to be edited."""
        ...

    def pieces(self, items: Items) -> Sequence[Any]:
        """The items in pieces that no edit changes: hashable, equal only where the items are."""
        ...


class TextContents:
    """Characters, in UTF-8; a surrogate that stands alone is kept as it is."""

    def pack(self, content: str) -> bytes:
        """UTF-8."""
        return content.encode("utf-8", "surrogatepass")

    def unpack(self, data: bytes) -> str:
        """The characters."""
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise BadFrame(f"no text: {error}") from None

    def joined(self, parts: Iterable[str]) -> str:
        """One string."""
        return "".join(parts)

    def blank(self, size: int) -> str:
        """NULs."""
        return "\0" * size

    def items(self, content: str) -> Rope:
        """A rope."""
        return Rope(content)

    def pieces(self, items: Any) -> Sequence[str]:
        """Those of the rope."""
        return tuple(items._pieces)


TEXT_CONTENTS = TextContents()
