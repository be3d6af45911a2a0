"""The control line as the metastore of chains: compare-and-set, by line."""

import pytest

from plait.base.codec import encode
from plait.line.chain import Configuration, Next, encode_configuration
from plait.line.loglet import Origin
from plait.types.commands import (
    CHAINS_SINCE,
    RECORDS,
    Command,
    CreateTable,
    DropTable,
    SetChain,
    decode_payload,
    encode_group,
    encode_payload,
)
from plait.types.control import ControlMachine
from plait.types.control_chains import CHAIN_BYTES_MAX
from plait.types.fold import Failed, Stamp
from tests.fakes import DictView

MACHINE = ControlMachine()
ONE = Configuration.beginning(Next("raft"))
TWO = ONE.intending(Next("nats", b"1")).completed(Origin(10, 2, 30))
FIRST, SECOND = encode_configuration(ONE), encode_configuration(TWO)


def applied(view: DictView, command: Command) -> Failed | None:
    return MACHINE.apply(view, Stamp(0, 0, 0, 0), command)


def view_with(*lines: str) -> DictView:
    view = DictView()
    for line in lines:
        assert applied(view, CreateTable(f"on_{line}", "majority", False, line, "n1")) is None
    return view


def test_a_chain_is_set_against_the_version_that_was_read() -> None:
    view = view_with("a", "b")
    assert MACHINE.chain(view, "a") == (0, b"")
    assert applied(view, SetChain("a", 0, FIRST)) is None
    assert MACHINE.chain(view, "a") == (1, FIRST)
    assert applied(view, SetChain("a", 1, SECOND)) is None
    assert MACHINE.chain(view, "a") == (2, SECOND)
    assert MACHINE.chain(view, "b") == (0, b""), "another line's chain is its own"


@pytest.mark.parametrize("version", [0, 2, -1])
def test_whoever_read_another_version_is_told_of_the_conflict(version: int) -> None:
    view = view_with("a")
    assert applied(view, SetChain("a", 0, FIRST)) is None
    failed = applied(view, SetChain("a", version, SECOND))
    assert failed is not None
    assert (failed.code, failed.details) == ("Conflict", {"version": 1})
    assert MACHINE.chain(view, "a") == (1, FIRST)


def test_a_line_that_does_not_exist_has_no_chain() -> None:
    view = view_with("a")
    failed = applied(view, SetChain("b", 0, FIRST))
    assert failed is not None
    assert failed.code == "NoSuchCollection"
    assert MACHINE.chain(view, "b") == (0, b"")


@pytest.mark.parametrize("data", [b"", b"\x01", FIRST + b"x", bytes(CHAIN_BYTES_MAX + 1)])
def test_what_is_no_configuration_is_refused(data: bytes) -> None:
    view = view_with("a")
    failed = applied(view, SetChain("a", 0, data))
    assert failed is not None
    assert failed.code == "BadSettings"
    assert MACHINE.chain(view, "a") == (0, b"")


def test_the_chain_of_a_line_outlives_its_tables() -> None:
    view = view_with("a")
    assert applied(view, SetChain("a", 0, FIRST)) is None
    assert applied(view, DropTable("on_a")) is None
    assert MACHINE.chain(view, "a") == (1, FIRST)


def test_it_is_a_record_of_the_newest_version_and_comes_back_from_the_log() -> None:
    command = SetChain("a", 3, SECOND)
    data = encode_payload([encode_group(0, 0, 0, [encode(command)])])
    (group,) = decode_payload(data)
    assert group.commands == (command,)
    assert CHAINS_SINCE <= RECORDS
