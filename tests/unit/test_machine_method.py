"""Commands and queries as described: what fits their signatures, and which classes can run."""

from collections import defaultdict
from random import Random
from typing import Any

import msgspec
import pytest

from plait.base.errors import BadCall, BadMachine, BadValue, MachineMissing, MachineVersion
from plait.types.machines import Machines, describe
from plait.types.method import methods_of
from plait.types.state_machine import StateMachine, command, query
from tests.machines import Bank, NewBank


class Order(msgspec.Struct):
    item: str
    count: int = 1


class Shop(StateMachine):
    @command
    def buy(self, order: Order, *more: Order, gift: bool = False, **notes: int) -> Order:
        raise AssertionError("only described here")

    @command
    def plain(self, a, b=2, /, c=3):  # type: ignore[no-untyped-def]
        raise AssertionError("only described here")

    @query
    def find(self, numbers: set[int]) -> tuple[int, ...]:
        raise AssertionError("only described here")


METHODS = methods_of(Shop)


def travelled(method: str, *args: Any, **kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    described = METHODS[method]
    return described.decode(*described.encode(args, kwargs))


def test_arguments_arrive_as_their_annotations_say() -> None:
    assert travelled("buy", {"item": "pen"}, Order("ink", 2), gift=True, x=1) == (
        [Order("pen"), Order("ink", 2)],
        {"gift": True, "x": 1},
    )
    assert travelled("find", [1, 2]) == ([{1, 2}], {})
    assert travelled("plain", (1,), 5, c={"x": b"y"}) == ([[1], 5, {"x": b"y"}], {})


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3, 4), {}), ((1,), {"d": 1}), ((1,), {"b": 1})]
)
def test_arguments_that_do_not_fit_the_signature_are_refused(args: Any, kwargs: Any) -> None:
    with pytest.raises(BadCall, match=r"Shop.plain\(\)"):
        METHODS["plain"].encode(args, kwargs)
    assert issubclass(BadCall, TypeError)


@pytest.mark.parametrize(
    ("args", "kwargs", "named"),
    [
        (("pen",), {}, "argument order: "),
        ((Order("a"), 1), {}, "argument "),
        ((Order("a"),), {"gift": 1}, "argument gift: "),
        ((Order("a"),), {"note": "x"}, "argument note: "),
        ((object(),), {}, "cannot be sent"),
        ((msgspec.Raw(b"\xc1"),), {}, "argument "),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_name(args: Any, kwargs: Any, named: str) -> None:
    with pytest.raises(BadValue, match=named):
        METHODS["buy"].encode(args, kwargs)


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(BadValue):
        METHODS["plain"].encode((deep,), {})


def test_a_returned_value_is_as_annotated_or_plain() -> None:
    encoded = msgspec.msgpack.encode
    assert METHODS["buy"].decode_returned(encoded(Order("pen"))) == Order("pen")
    assert METHODS["find"].decode_returned(encoded([1, 2])) == (1, 2)
    assert METHODS["find"].decode_returned(encoded("surprise")) == "surprise"


def _awaiting() -> type[StateMachine]:
    class Awaiting(StateMachine):
        @command
        async def go(self) -> None: ...

    return Awaiting


def _static() -> type[StateMachine]:
    class Static(StateMachine):
        @command
        def go() -> None: ...  # type: ignore[misc]

    return Static


def _reserved() -> type[StateMachine]:
    class Reserved(StateMachine):
        @query
        def stale(self) -> None: ...

    return Reserved


def _unreadable() -> type[StateMachine]:
    class Unreadable(StateMachine):
        @command
        def go(self, x: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    return Unreadable


def _unsaved() -> type[StateMachine]:
    class Unsaved(StateMachine):
        def __init__(self) -> None:
            self.counts: dict[str, int] = defaultdict(int)

        @query
        def go(self) -> None: ...

    return Unsaved


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_awaiting, "must be a plain method"),
        (_static, "must be a plain method"),
        (_reserved, "no command or query can be called that"),
        (_unreadable, "the annotations of Unreadable.go cannot be read"),
        (_unsaved, r"Unsaved\.counts is a defaultdict"),
        (lambda: StateMachine, "has no method with"),
        (lambda: int, "no class derived from plait.StateMachine"),
        (lambda: type("Old", (Bank,), {"version": 0}), "version is 0"),
    ],
)
def test_a_class_that_cannot_be_a_machine_is_told_why(make: Any, why: str) -> None:
    with pytest.raises(BadMachine, match=why):
        describe(make())


def test_the_newest_version_of_a_class_is_the_one_that_runs() -> None:
    machines = Machines(Random(0), (Bank,))
    assert machines.find("Bank").kind is Bank
    machines.add(NewBank)
    assert machines.find("Bank").name.version == 2
    with pytest.raises(MachineVersion, match="version 1 is older"):
        machines.add(Bank)
    with pytest.raises(MachineMissing, match="no class Shop"):
        machines.find("Shop")


def test_two_classes_of_one_name_are_told_apart_by_where_they_are() -> None:
    machines = Machines(Random(0), (Bank,))
    with pytest.raises(BadMachine, match="rename one"):
        machines.add(type("Bank", (Bank,), {"__qualname__": "Other.Bank"}))
    machines.add(again := type("Bank", (Bank,), {"__module__": Bank.__module__}))
    assert machines.find("Bank").kind is again
