"""What a machine's state may be, and that it comes back as it was."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.base.errors import MachineState
from plait.types import machine_state
from plait.types.machine_state import encode_state, new_instance
from plait.types.state_machine import StateMachine


class Colour(Enum):
    RED = "red"


class Point(msgspec.Struct):
    x: int
    y: int


@dataclass
class Account:
    owner: str
    history: list[int] = field(default_factory=list)


class Plain(StateMachine):
    def __init__(self) -> None:
        self.value: Any = None


class Typed(StateMachine):
    seen: set[str]
    accounts: dict[str, Account]
    points: list[Point]
    colour: Colour
    since: datetime
    pair: tuple[int, str]

    def __init__(self) -> None:
        self.seen, self.accounts, self.points = set(), {}, []
        self.colour, self.since, self.pair = Colour.RED, datetime(2026, 1, 1, tzinfo=UTC), (0, "")


def there_and_back(machine: StateMachine) -> StateMachine:
    back: StateMachine = new_instance(type(machine), encode_state(machine))
    return back


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
    | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(0, 9), inner),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(plain_values)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    machine = Plain()
    machine.value = value
    back = there_and_back(machine)
    assert repr(vars(back)) == repr(vars(machine))


def test_annotated_attributes_come_back_as_what_they_are() -> None:
    machine = Typed()
    machine.seen.add("a")
    machine.accounts["a"] = Account("ann", [1])
    machine.points.append(Point(1, 2))
    back = there_and_back(machine)
    assert vars(back) == vars(machine)


class Text(str):
    pass


@pytest.mark.parametrize(
    "value",
    [
        {1, 2}, (1, 2), defaultdict(int), Counter(), Text("a"), Point(1, 2), Account("a"),
        Colour.RED, datetime(2026, 1, 1), object(), bytearray(b""), {"a": [{"b": (1,)}]},
        {(1, 2): 3}, [[], {1}],
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_would_come_back_as_something_else_is_refused_by_name(value: Any) -> None:
    machine = Plain()
    machine.value = value
    with pytest.raises(MachineState, match=r"Plain\.value .*annotation in the class body"):
        encode_state(machine)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seen", ["a"]),
        ("seen", {1}),
        ("accounts", defaultdict(Account)),
        ("accounts", {"a": Account("ann", Counter())}),  # type: ignore[arg-type]
        ("points", [Point(1, "2")]),  # type: ignore[arg-type]
        ("pair", [1, ""]),
        ("since", object()),
    ],
)
def test_what_its_annotation_does_not_bring_back_is_refused(name: str, value: Any) -> None:
    machine = Typed()
    setattr(machine, name, value)
    with pytest.raises(MachineState, match=f"Typed.{name}"):
        encode_state(machine)


def test_an_integer_beyond_64_bits_is_refused() -> None:
    machine = Plain()
    machine.value = 1 << 64
    with pytest.raises(MachineState, match="cannot be saved"):
        encode_state(machine)


def test_a_state_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_state, "STATE_BYTES_MAX", 100)
    machine = Plain()
    machine.value = "x" * 100
    with pytest.raises(MachineState, match="at most 100"):
        encode_state(machine)


def test_attributes_of_a_newer_version_keep_what_init_gave_them() -> None:
    class Newer(Plain):
        def __init__(self) -> None:
            super().__init__()
            self.fresh = 7

    old = Plain()
    old.value = [1]
    assert vars(new_instance(Newer, encode_state(old))) == {"value": [1], "fresh": 7}


def test_a_class_may_save_and_restore_in_its_own_way() -> None:
    class Own(StateMachine):
        def __init__(self) -> None:
            self.numbers = {1, 2}

        def snapshot(self) -> Any:
            return sorted(self.numbers)

        def restore(self, state: Any) -> None:
            self.numbers = set(state)

    machine = Own()
    machine.numbers.add(3)
    assert vars(there_and_back(machine)) == {"numbers": {1, 2, 3}}


def test_what_goes_wrong_in_init_snapshot_or_restore_says_whose_fault_it_is() -> None:
    class Broken(StateMachine):
        def snapshot(self) -> Any:
            raise KeyError("lost")

        def restore(self, state: Any) -> None:
            raise ValueError("no")

    class Demanding(StateMachine):
        def __init__(self, needed: int) -> None:
            self.needed = needed

    with pytest.raises(MachineState, match=r"Broken.snapshot\(\) failed: KeyError"):
        encode_state(Broken())
    with pytest.raises(MachineState, match="Broken cannot be restored: ValueError: no"):
        new_instance(Broken, b"\x80")
    with pytest.raises(MachineState, match="Demanding cannot be restored: TypeError"):
        new_instance(Demanding, None)
