"""The table machine, against a plain dict."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.base.codec import encode
from plait.types.commands import (
    ClearTable,
    Command,
    CompareAndSet,
    Delete,
    OpenSession,
    Present,
    Put,
    ReadVersion,
    ScannedRange,
    Transact,
    Write,
    decode_group,
    encode_group,
)
from plait.types.fold import Failed, Stamp
from plait.types.keys import row_space, row_value, row_version
from plait.types.table import TableMachine
from tests.fakes import DictView

KEYS = ["a", "b", "c"]


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(encode(value))


def some(value: object) -> Present:
    return (raw(value),)


def sent(commands: Sequence[Command]) -> Sequence[Command]:
    """The commands as they come out of the log."""
    data = encode_group(0, 0, 0, [encode(command) for command in commands])
    return decode_group(data).commands if commands else ()


def run(view: DictView, *commands: Command, at: int = 0) -> list[Failed | None]:
    machine = TableMachine()
    return [
        machine.apply(view, Stamp(0, index, index, 0), command)
        for index, command in enumerate(sent(commands), start=at)
    ]


def row(view: DictView, key: str, table: int = 1) -> tuple[int, object] | None:
    data = view.get(row_space(table), key.encode())
    return None if data is None else (row_version(data), msgspec.msgpack.decode(row_value(data)))


def test_a_row_has_the_record_index_plus_one_as_version() -> None:
    view = DictView()
    assert run(view, Put(1, "a", raw("x")), Put(1, "b", raw("y"))) == [None, None]
    assert (row(view, "a"), row(view, "b")) == ((1, "x"), (2, "y"))


def test_a_put_on_another_version_fails_with_both_versions() -> None:
    view = DictView()
    _, failed = run(view, Put(1, "a", raw(1)), Put(1, "a", raw(2), if_version=0))
    assert failed is not None
    assert failed.code == "Conflict"
    assert failed.details == {"table": 1, "key": "a", "expected": 0, "actual": 1}
    assert row(view, "a") == (1, 1)


def test_compare_and_set_does_not_mind_the_order_of_map_keys() -> None:
    view = DictView()
    command = CompareAndSet(1, "a", some({"y": 2, "x": 1}), some("new"))
    assert run(view, Put(1, "a", raw({"x": 1, "y": 2})), command) == [None, None]
    assert row(view, "a") == (2, "new")


def test_values_without_a_canonical_form_compare_by_their_bytes() -> None:
    view = DictView()
    commands = Put(1, "a", raw({1: 2})), CompareAndSet(1, "a", some({2: 1}), None)
    assert [failed and failed.code for failed in run(view, *commands)] == [None, "Conflict"]
    assert run(view, CompareAndSet(1, "a", some({1: 2}), None), at=2) == [None]


def test_a_transaction_that_read_an_old_version_writes_nothing() -> None:
    view = DictView()
    writes = (Write(1, "b", some(1)), Write(2, "c", some(1)))
    stale = Transact((ReadVersion(1, "a", 7),), (), writes)
    _, failed = run(view, Put(1, "a", raw(0)), stale)
    assert failed is not None
    assert failed.details["actual"] == 1
    assert row(view, "b") is None
    fresh = Transact((ReadVersion(1, "a", 1),), (), writes)
    assert run(view, fresh, at=5) == [None]
    assert (row(view, "b"), row(view, "c", table=2)) == ((6, 1), (6, 1))


@pytest.mark.parametrize(
    "between", [Put(1, "b", raw(9)), Put(1, "a", raw(9)), Delete(1, "a"), ClearTable(1)]
)
def test_a_transaction_fails_when_a_scanned_range_changed(between: Command) -> None:
    view = DictView()
    scanned = Transact((), (ScannedRange(1, "a", "c", 1, 1),), (Write(1, "z", some(1)),))
    assert run(view, Put(1, "a", raw(0)), Put(1, "c", raw(0)), scanned) == [None, None, None]
    run(view, between, at=3)
    (failed,) = run(view, scanned, at=4)
    assert failed is not None
    assert failed.code == "Conflict"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (Put(0, "a", raw(1)), "NoSuchCollection"),
        (Put(-14, "a", raw(1)), "NoSuchCollection"),
        (ClearTable(-15), "NoSuchCollection"),
        (Put(1, "", raw(1)), "BadKey"),
        (Delete(1, "x" * 5000), "BadKey"),
        (Transact((), (), (Write(-15, "a", some(1)),)), "NoSuchCollection"),
        (OpenSession(1), "UsageError"),
    ],
)
def test_commands_that_reach_outside_of_a_table_have_no_effect(command: Command, code: str) -> None:
    view = DictView()
    assert TableMachine().apply_all(view, Stamp(0, 0, 0, 0), [command])[0][1].code == code
    assert not view.state.spaces


def test_clearing_removes_every_row_of_its_table_only() -> None:
    view = DictView()
    run(view, *(Put(1, f"{n}", raw(n)) for n in range(1500)), Put(2, "a", raw(1)), ClearTable(1))
    assert view.state.count(row_space(1)) == 0
    assert row(view, "a", table=2) is not None


versions = st.none() | st.integers(0, 6)
values = st.none() | st.integers(0, 2)
commands = st.one_of(
    st.builds(Put, st.just(1), st.sampled_from(KEYS), values.map(raw), versions),
    st.builds(Delete, st.just(1), st.sampled_from(KEYS), versions),
    st.builds(
        CompareAndSet,
        st.just(1),
        st.sampled_from(KEYS),
        st.none() | values.map(some),
        st.none() | values.map(some),
    ),
    st.just(ClearTable(1)),
)
Model = dict[str, tuple[int, object]]


def model_step(model: Model, version: int, command: Command) -> bool:
    """What a table is, in as few words as possible; whether the command had an effect."""
    if isinstance(command, ClearTable):
        model.clear()
        return True
    assert isinstance(command, Put | Delete | CompareAndSet)
    now = model.get(command.key)
    if isinstance(command, CompareAndSet):
        wanted = [msgspec.msgpack.decode(value) for value in command.expected or ()]
        if ([] if now is None else [now[1]]) != wanted:
            return False
    elif command.if_version is not None and command.if_version != (now[0] if now else 0):
        return False
    if isinstance(command, Put):
        model[command.key] = (version, msgspec.msgpack.decode(command.value))
    elif isinstance(command, CompareAndSet) and command.value is not None:
        model[command.key] = (version, msgspec.msgpack.decode(command.value[0]))
    else:
        model.pop(command.key, None)
    return True


@settings(max_examples=80, deadline=None)
@given(st.lists(commands, max_size=12))
def test_a_table_is_a_dict_whichever_way_it_is_applied(sequence: list[Command]) -> None:
    model: Model = {}
    expected = [
        index for index, command in enumerate(sequence) if not model_step(model, index + 1, command)
    ]
    together, singly = DictView(), DictView()
    failed = TableMachine().apply_all(together, Stamp(0, 0, 0, 0), sent(sequence))
    outcomes = run(singly, *sequence)
    assert [index for index, _ in failed] == expected
    assert [index for index, outcome in enumerate(outcomes) if outcome] == expected
    for view in (together, singly):
        found = {key: found for key in KEYS if (found := row(view, key)) is not None}
        assert found == model
