"""Registers whose values are written once each: an exact verdict in O(n log n).

After Gibbons & Korach, "Testing shared memories" (1997), section 4.2, with compare-and-set added.
If every state has one maker, each operation says which maker it saw. The operations around one
value stay together in any order, and a cas glues the value that it expects to the one that it
makes; so the history falls into *blocks*, each with its order inside given::

    [write a] [reads of a …] [cas a→b] [reads of b …]

A block must precede another if one of its operations returned before one of the other's was
invoked. With `first_return` = f and `last_invocation` = s, A must precede B if f(A) < s(B). Sort
the blocks by min(f, s). If A comes before B and yet B must precede A, then
f(A) <= min(f(B), s(B)) < s(A), so A must precede B as well, and there is no order.

The initial state is a value that was made before everything. Not applicable (None) where two
operations make the same state, or where a state is not known from the effect alone.
"""

from collections.abc import Hashable
from typing import NamedTuple

from plait.check.history import Operations
from plait.check.models import ILLEGAL, Model

BEFORE_ALL = -1
NEVER = 1 << 62


class Finding(NamedTuple):
    """What a special algorithm found."""

    linearizable: bool
    core: tuple[int, ...] = ()  # places of operations that cannot be explained, else nothing


class _Item(NamedTuple):
    """An operation that happened."""

    place: int  # -1: the initial state
    invoked: int
    returned: int
    needs: Hashable  # ILLEGAL: nothing
    makes: Hashable  # ILLEGAL: nothing


class _Block(NamedTuple):
    first_return: int
    last_invocation: int
    core: tuple[int, ...]  # its makers and the two operations that give it its bounds


def decide(model: Model, operations: Operations) -> Finding | None:
    """The verdict on one part, or None if it does not have the form."""
    items = _items(model, operations)
    if items is None:
        return None
    makers = {item.makes: item for item in items if item.makes is not ILLEGAL}
    happened = _happened(items, makers)
    if isinstance(happened, Finding):
        return happened
    readers: dict[Hashable, list[_Item]] = {}
    following: dict[Hashable, _Item] = {}  # the cas that ends a state
    for item in happened:
        if item.makes is ILLEGAL:
            readers.setdefault(item.needs, []).append(item)
        elif item.needs is not ILLEGAL:
            other = following.setdefault(item.needs, item)
            if other is not item:
                return Finding(False, _places(makers, item, other))
    blocks: list[_Block] = []
    for item in happened:
        if item.makes is ILLEGAL or item.needs is not ILLEGAL:
            continue  # a block begins with a write
        layers = _layers(item, readers, following)
        broken = _broken(layers)
        if broken is not None:
            return Finding(False, _places(makers, *broken))
        blocks.append(_block(layers))
    return _order(blocks)


def _items(model: Model, operations: Operations) -> list[_Item] | None:
    items = [_Item(-1, BEFORE_ALL - 1, BEFORE_ALL, ILLEGAL, model.initial)]
    made: set[Hashable] = {model.initial}
    for place, operation in enumerate(operations):
        effect = model.effect(operation)
        if effect is None:
            continue
        needs = model.needs(effect)
        makes: Hashable = ILLEGAL
        if model.only_reads(effect):
            if needs is ILLEGAL:
                return None
        else:
            makes = model.makes(effect)
            if makes is ILLEGAL or makes in made or (needs is ILLEGAL and not model.blind(effect)):
                return None
            made.add(makes)
        returned = NEVER if operation.returned is None else operation.returned
        items.append(_Item(place, operation.invoked, returned, needs, makes))
    return items


def _happened(items: list[_Item], makers: dict[Hashable, _Item]) -> "list[_Item] | Finding":
    """The definite operations, and the indefinite ones that somebody saw the effect of."""
    waiting = [item for item in items if item.returned != NEVER]
    happened = {item.place: item for item in waiting}
    while waiting:
        item = waiting.pop()
        if item.needs is ILLEGAL:
            continue
        maker = makers.get(item.needs)
        if maker is None:  # nobody ever made what it saw
            return Finding(False, (item.place,))
        if maker.place not in happened:
            happened[maker.place] = maker
            waiting.append(maker)
    found = sorted(happened.values())
    return _without_roots(found, makers) or found


def _without_roots(items: list[_Item], makers: dict[Hashable, _Item]) -> Finding | None:
    """Compare-and-sets that expect each other's values, in a circle."""
    rooted: set[int] = set()
    for item in items:
        chain: dict[int, _Item] = {}
        while item.needs is not ILLEGAL and item.place not in rooted:
            if item.place in chain:
                return Finding(False, tuple(sorted(chain)))
            chain[item.place] = item
            item = makers[item.needs]
        rooted |= chain.keys()
    return None


def _layers(
    root: _Item, readers: dict[Hashable, list[_Item]], following: dict[Hashable, _Item]
) -> list[list[_Item]]:
    layers: list[list[_Item]] = []
    maker: _Item | None = root
    while maker is not None:
        layers += [maker], readers.get(maker.makes, [])
        maker = following.get(maker.makes)
    return layers


def _broken(layers: list[list[_Item]]) -> tuple[_Item, _Item] | None:
    """Two operations of a block that stand in the wrong order in time."""
    latest = layers[0][0]
    for layer in layers:
        for item in layer:
            if item.returned < latest.invoked:
                return latest, item
        latest = max([latest, *layer], key=lambda item: item.invoked)
    return None


def _block(layers: list[list[_Item]]) -> _Block:
    items = [item for layer in layers for item in layer]
    first = min(items, key=lambda item: item.returned)
    last = max(items, key=lambda item: item.invoked)
    makers = {item.place for item in items if item.makes is not ILLEGAL}
    core = sorted(makers | {first.place, last.place})
    return _Block(first.returned, last.invoked, tuple(core))


def _order(blocks: list[_Block]) -> Finding:
    blocks.sort(key=lambda block: min(block.first_return, block.last_invocation))
    latest: _Block | None = None
    for block in blocks:
        if latest is not None and block.first_return < latest.last_invocation:
            return Finding(False, _real(latest.core + block.core))
        if latest is None or block.last_invocation > latest.last_invocation:
            latest = block
    return Finding(True)


def _places(makers: dict[Hashable, _Item], *items: _Item) -> tuple[int, ...]:
    """The places of items, and of all makers that they go back to."""
    found: set[int] = set()
    for item in items:
        while item.place not in found:
            found.add(item.place)
            if item.needs is not ILLEGAL:
                item = makers[item.needs]
    return _real(tuple(sorted(found)))


def _real(places: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({place for place in places if place >= 0}))
