"""Elements of sets: str, bytes, int, float, bool, None, and tuples of those.

An element is what its MessagePack bytes say, and those are its slot: 1, 1.0 and True are three
elements. Tuples travel as arrays and are read back as tuples. Lists, dicts and sets are refused,
because the set that people read could not hold them.

Python's own sets take 1, 1.0 and True for one, so a frozenset of elements shows one of them, the
same one everywhere; `partial` and the slots tell them apart.
"""

from collections.abc import Iterable
from typing import Any

from plait.base.codec import decode, encode, encode_value
from plait.base.errors import BadFrame, BadValue
from plait.types.graph_type import Slot

ELEMENT_BYTES_MAX = 65_536
ELEMENT_DEPTH_MAX = 16
_SURELY_SMALL = ELEMENT_BYTES_MAX // 8  # characters of a text

_PLAIN = frozenset([str, bytes, int, float, bool, type(None)])


def element_slot(element: Any) -> bytes:
    """The slot of an element that somebody gave; `BadValue` for what cannot be one."""
    if type(element) is str and len(element) <= _SURELY_SMALL and element.isascii():
        return encode(element)
    if type(element) not in _PLAIN and not _is_tuple(element, tuple, ELEMENT_DEPTH_MAX):
        raise BadValue(
            f"an element is a str, bytes, int, float, bool, None or a tuple of those, "
            f"not {type(element).__name__}: {element!r:.100}"
        )
    slot = encode_value(element)
    if len(slot) > ELEMENT_BYTES_MAX:
        raise BadValue(f"an element has up to {ELEMENT_BYTES_MAX} bytes, this one has {len(slot)}")
    return slot


def sent_slot(element: Any) -> bytes | None:
    """The slot of an element in a body; None for what can be none."""
    kind = type(element)
    if kind is str and len(element) <= _SURELY_SMALL:
        return encode(element)
    if kind not in _PLAIN:
        is_tuple = _is_tuple(element, tuple, ELEMENT_DEPTH_MAX)  # not sent yet
        if not is_tuple and not _is_tuple(element, list, ELEMENT_DEPTH_MAX):
            return None
    slot = encode(element)
    return slot if len(slot) <= ELEMENT_BYTES_MAX else None


def element_of(slot: Slot) -> Any:
    """The element of a slot."""
    assert isinstance(slot, bytes)
    element = decode(slot)
    return _tuple(element) if type(element) is list else element


def frozen(slots: Iterable[Slot]) -> frozenset[Any]:
    """Elements as people read them."""
    found = list(slots)
    elements = frozenset(map(element_of, found))
    if len(elements) < len(found):  # which of the equal ones is shown must not depend on a history
        elements = frozenset(map(element_of, sorted(found)))
    return elements


def check_element(slot: Slot) -> None:
    """A slot that came from outside; raises `BadFrame` or `msgspec.DecodeError`."""
    if type(slot) is not bytes or sent_slot(decode(slot)) != slot:
        raise BadFrame(f"{slot!r:.100} is no element")


def _is_tuple(element: Any, kind: type[tuple[Any, ...]] | type[list[Any]], depth: int) -> bool:
    if type(element) is not kind or not depth:
        return False
    return all(type(part) in _PLAIN or _is_tuple(part, kind, depth - 1) for part in element)


def _tuple(element: list[Any]) -> tuple[Any, ...]:
    return tuple([_tuple(part) if type(part) is list else part for part in element])
