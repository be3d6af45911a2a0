"""The state of a machine's instance as bytes, and back; and whether it comes back as it was.

A replica that restores a checkpoint and one that never stopped must not differ. So what would
come back as something else is refused when it is saved, and when the class is first used: a
defaultdict would be a dict, a set without an annotation a list.

Absent: two attributes that share an object come back with one each; that cannot be seen here.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, get_type_hints

import msgspec

from plait.base.errors import MachineState, MachineStopped

STATE_BYTES_MAX = 256 << 20

_encode = msgspec.msgpack.Encoder().encode
_encode_ordered = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.decode

_PLAIN = frozenset({type(None), bool, int, float, str, bytes})
_BUILTIN = (dict, list, tuple, set, frozenset, bytearray, int, float, str, bytes)


def encode_state(machine: Any) -> bytes:
    """What the machine's `snapshot` gives, encoded; `MachineState` says what is wrong with it."""
    return _encoded(machine, _encode)


def canonical_state(machine: Any) -> bytes:
    """The same with sets and maps in one order, so that equal states are equal bytes.

    A `snapshot` that makes lists of sets, without sorting them, defeats that.
    """
    return _encoded(machine, _encode_ordered)


def _encoded(machine: Any, encode: Callable[[Any], bytes]) -> bytes:
    name = type(machine).__name__
    try:
        data = encode(machine.snapshot())
    except MachineStopped:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise MachineState(f"{name}.snapshot() gave what cannot be saved: {error}") from None
    except Exception as error:
        raise MachineState(f"{name}.snapshot() failed: {type(error).__name__}: {error}") from error
    if len(data) > STATE_BYTES_MAX:
        raise MachineState(
            f"the state of {name} has {len(data)} bytes; at most {STATE_BYTES_MAX} are possible"
        )
    return data


def new_instance(kind: type[Any], data: bytes | None) -> Any:
    """An instance with the state in `data`, or as `__init__` leaves it."""
    try:
        machine = kind()
        if data is not None:
            machine.restore(_decode(data))
    except MachineStopped:
        raise
    except Exception as error:
        raise MachineState(
            f"{kind.__name__} cannot be restored: {type(error).__name__}: {error}"
        ) from error
    return machine


# ------------------------------------------------------------------ the default snapshot, restore


def attributes(machine: Any) -> dict[str, Any]:
    """Every attribute by name, once it is sure that each comes back as it is."""
    hints = state_hints(type(machine))
    try:
        found: dict[str, Any] = vars(machine)
    except TypeError:
        raise MachineState(
            f"{type(machine).__name__} has __slots__, so it needs snapshot() and restore()"
        ) from None
    for name, value in found.items():
        where = f"{type(machine).__name__}.{name}"
        if name in hints:
            _check_annotated(where, value, hints[name])
        else:
            _check_plain(where, value)
    return dict(found)


def set_attributes(machine: Any, state: Any) -> None:
    """Give the machine the attributes that `attributes` gave."""
    if not isinstance(state, dict):
        raise MachineState(
            f"the state of {type(machine).__name__} was not saved by the default snapshot()"
        )
    hints = state_hints(type(machine))
    for name, value in state.items():
        if name in hints:
            value = _decode(_encode(value), type=hints[name])
        setattr(machine, name, value)


def state_hints(kind: type[Any]) -> dict[str, Any]:
    """What the class-level annotations say, by attribute."""
    try:
        return get_type_hints(kind)
    except Exception as error:
        raise MachineState(f"the annotations of {kind.__name__} cannot be read: {error}") from None


def _check_plain(where: str, value: Any) -> None:
    """Refuse whatever MessagePack alone does not bring back as it was."""
    kind = type(value)
    if kind is dict:
        if not _PLAIN.issuperset(map(type, value)):
            odd = next(key for key in value if type(key) not in _PLAIN)
            raise _refusal(f"a key of {where}", odd)
        values: Any = value.values()
    elif kind is list:
        values = value
    elif kind in _PLAIN:
        return
    else:
        raise _refusal(where, value)
    if not _PLAIN.issuperset(map(type, values)):  # no loop over what holds plain values only
        for each in values:
            if type(each) not in _PLAIN:
                _check_plain(f"an item of {where}", each)


def _check_annotated(where: str, value: Any, hint: Any) -> None:
    """Refuse what does not come back equal, or would come back as another kind of container."""
    _check_no_subclass(where, value)
    try:
        back = _decode(_encode(value), type=hint)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise MachineState(f"{where} cannot be saved as {hint}: {error}") from None
    if type(back) is not type(value) or back != value:
        raise MachineState(
            f"{where}, a {type(value).__name__}, is not what comes back from a checkpoint: "
            f"a {type(back).__name__}"
        )


def _check_no_subclass(where: str, value: Any) -> None:
    """Refuse a defaultdict and its like, at any depth: they compare equal and act otherwise."""
    kind = type(value)
    if kind in _PLAIN or isinstance(value, Enum):
        return
    if kind not in _BUILTIN and isinstance(value, _BUILTIN):
        raise _refusal(where, value)
    if kind is dict:
        parts: Any = [*value, *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = value
    elif isinstance(value, msgspec.Struct):
        parts = [getattr(value, field) for field in value.__struct_fields__]
    elif is_dataclass(value):
        parts = [getattr(value, each.name) for each in fields(value)]
    else:
        return
    if not _PLAIN.issuperset(map(type, parts)):
        for each in parts:
            _check_no_subclass(f"an item of {where}", each)


def _refusal(where: str, value: Any) -> MachineState:
    return MachineState(
        f"{where} is a {type(value).__name__}, which a checkpoint would not bring back as it is: "
        "use plain values, or say what it is by an annotation in the class body "
        "(seen: set[str])"
    )
