"""The fold of a user's machine."""

from typing import Any

import pytest

from plait.base.errors import (
    BadCall,
    BadMachine,
    CommandFailed,
    Corrupt,
    MachineState,
    MachineVersion,
)
from plait.types import user_machine
from plait.types.commands import Delete, decode_payload, encode_payload, seed_of
from plait.types.fold import Failed
from plait.types.keys import MACHINE, chunk_key
from plait.types.state_machine import StateMachine, command, query
from plait.types.user_machine import UserMachine
from tests.fakes import DictView
from tests.lines import group
from tests.machines import NewBank, ask, call, machine, outcome, stamp


def begun(*kinds: type[StateMachine], view: DictView | None = None) -> UserMachine:
    fold = machine(*kinds)
    fold.load(view or DictView())
    return fold


def run(fold: UserMachine, *calls: Any) -> list[Any]:
    view = DictView()
    return [outcome(fold.apply(view, stamp(at), each)) for at, each in enumerate(calls)]


def asked(fold: UserMachine, method: str, *args: Any) -> Any:
    return outcome(user_machine.Returned(bytes(fold.ask(ask(method, *args), 2000))))


def test_a_command_changes_the_state_and_says_what_it_returned() -> None:
    fold = begun()
    assert run(fold, call("deposit", "a", 5), call("deposit", "a", amount=2)) == [5, 7]
    assert run(fold, call("transfer", "a", "b", 3)) == [None]
    assert (asked(fold, "balance", "b"), asked(fold, "total")) == (3, 7)


def test_a_command_that_raises_leaves_nothing_behind() -> None:
    fold = begun()
    assert run(
        fold, call("deposit", "a", 5), call("transfer", "a", "b", 6), call("transfer", "a", "b", 5)
    ) == [5, "CommandFailed: transfer() raised ValueError: a is overdrawn", None]
    assert vars(fold._instance) == {"balances": {"a": 0, "b": 5}, "log": [["a", "b", 5]]}


def test_a_rejected_command_fails_without_undoing_anything() -> None:
    fold = begun()
    run(fold, call("deposit", "a", 5))
    before = fold._instance
    (failed,) = run(fold, call("withdraw", "a", 6))
    assert failed == "CommandFailed: withdraw() raised Reject: not enough"
    assert fold._instance is before
    (failed,) = run(fold, call("transfer", "a", "b", 6))
    assert fold._instance is not before
    assert asked(fold, "total") == 5


def test_undoing_runs_the_commands_since_the_image_again_with_their_time_and_chance() -> None:
    fold, plain = begun(), begun()
    run(fold, call("draw", ["x", "y", "z"]), call("transfer", "a", "b", 1), call("draw", ["x"]))
    run(plain, call("draw", ["x", "y", "z"]), call("deposit", "q", 0), call("draw", ["x"]))
    assert fold._instance.log == plain._instance.log
    assert fold._instance.log[0][1:2] == [1000]


def test_an_undoing_that_ran_many_commands_makes_a_new_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_machine, "REPLAYED_MAX", 3)
    fold = begun()
    run(fold, *[call("deposit", "a", 1)] * 3, call("transfer", "a", "b", 9))
    assert len(fold._since) == 3
    run(fold, call("deposit", "a", 1), call("transfer", "a", "b", 9))
    assert fold._since == []
    run(fold, call("transfer", "a", "b", 9))
    assert asked(fold, "balance", "a") == 4


def test_commands_since_the_image_are_bounded_even_if_nobody_saves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_machine, "SAVE_BYTES_MIN", 1000)
    fold = begun()
    for _ in range(100):
        run(fold, call("deposit", "a", 1))
        assert fold._since_bytes <= 2 * fold.save_bytes()
    run(fold, call("transfer", "a", "b", 1000))
    assert asked(fold, "balance", "a") == 100


@pytest.mark.parametrize("error", [MemoryError, RecursionError, OSError])
def test_what_depends_on_the_process_is_no_outcome(error: type[Exception]) -> None:
    class Fragile(StateMachine):
        @command
        def fail(self) -> None:
            raise error("here")

    with pytest.raises(error):
        begun(Fragile).apply(DictView(), stamp(), call("fail"))


def test_what_an_exception_says_holds_no_addresses_and_is_bounded() -> None:
    class Chatty(StateMachine):
        @command
        def complain(self) -> None:
            raise ValueError(f"{object()!r}" + "x" * 5000)

    failed = begun(Chatty).apply(DictView(), stamp(), call("complain"))
    assert isinstance(failed, Failed)
    assert failed.details["text"].startswith("<object object>x")
    assert len(failed.details["text"]) == user_machine.TEXT_MAX
    assert failed.details["type"] == "ValueError"


def test_a_value_that_cannot_be_returned_undoes_the_command() -> None:
    class Odd(StateMachine):
        def __init__(self) -> None:
            self.count = 0

        @command
        def give(self, big: bool) -> object:
            self.count += 1
            return "x" * (user_machine.RETURN_BYTES_MAX + 1) if big else object()

    fold = begun(Odd)
    for failed in run(fold, call("give", False), call("give", True)):
        assert failed.startswith("CommandFailed: give() raised BadValue: ")
    assert fold._instance.count == 0


def test_calls_that_make_no_sense_fail_alike_everywhere() -> None:
    fold = begun()
    foreign = fold.apply(DictView(), stamp(), Delete(1, "a"))
    assert outcome(foreign) == "UsageError: Delete is no command of a machine"
    assert run(fold, call("total"), call("nothing"), call("deposit", "a", "five")) == [
        "BadCall: Bank has no command 'total' at this node",
        "BadCall: Bank has no command 'nothing' at this node",
        "BadValue: Bank.deposit(): argument amount: Expected `int`, got `str`",
    ]
    with pytest.raises(BadCall, match="no query 'deposit'"):
        fold.ask(ask("deposit", "a", 1), 0)


def test_a_query_that_raises_says_so() -> None:
    with pytest.raises(CommandFailed, match=r"balance\(\) raised KeyError: 'nobody'") as caught:
        begun().ask(ask("balance", "nobody"), 0)
    assert (caught.value.type, caught.value.text) == ("KeyError", "'nobody'")


def test_a_query_has_the_time_and_no_chance() -> None:
    class Curious(StateMachine):
        @query
        def now(self) -> int:
            return self.context.now_ms

        @query
        def lucky(self) -> float:
            return self.context.random.random()

    fold = begun(Curious)
    assert asked(fold, "now") == 2000
    with pytest.raises(CommandFailed, match="a query has no chance"):
        fold.ask(ask("lucky"), 0)


def test_each_command_of_an_entry_has_a_chance_of_its_own() -> None:
    class Dice(StateMachine):
        @command
        def roll(self) -> float:
            return self.context.random.random()

    first, again = (run(begun(Dice), *[call("roll")] * 3) for _ in range(2))
    assert first == again
    assert len(set(first)) == 3


def test_the_context_is_there_only_while_a_method_runs() -> None:
    class Eager(StateMachine):
        def __init__(self) -> None:
            self.born_ms = self.context.now_ms

        @query
        def age(self) -> int:
            return self.born_ms

    with pytest.raises(BadMachine, match="the context is there while"):
        begun(Eager)


def test_a_saved_machine_is_loaded_as_it_was_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_machine, "CHUNK_BYTES", 10)
    view, fold = DictView(), begun()
    run(fold, *[call("deposit", f"name {n}", n) for n in range(20)])
    fold.save(view)
    pieces = view.state.count(MACHINE)
    assert pieces > 10
    assert vars(begun(view=view)._instance) == vars(fold._instance)
    small = begun(view=view)
    small._instance.balances.clear()
    run(small, call("deposit", "a", 1))
    small.save(view)
    assert view.state.count(MACHINE) < pieces
    assert begun(view=view)._instance.balances == {"a": 1}


def test_saving_an_unchanged_machine_writes_nothing() -> None:
    view, fold = DictView(), begun()
    fold.save(view)
    assert view.state.count(MACHINE) == 0
    run(fold, call("deposit", "a", 1))
    fold.save(view)
    view.state.spaces.clear()
    fold.save(view)
    assert view.state.count(MACHINE) == 0


def test_a_saved_state_with_a_flipped_byte_is_not_loaded() -> None:
    view, fold = DictView(), begun()
    run(fold, call("deposit", "a", 1))
    fold.save(view)
    chunk = bytearray(view.get(MACHINE, chunk_key(1)) or b"")
    chunk[-1] ^= 1
    view.put(MACHINE, chunk_key(1), bytes(chunk))
    with pytest.raises(Corrupt):
        begun(view=view)


def test_a_newer_class_goes_on_from_an_older_state_and_not_the_other_way() -> None:
    view, old = DictView(), begun()
    run(old, call("deposit", "a", 5))
    old.save(view)
    new = begun(NewBank, view=view)
    assert run(new, call("charge", "a", 1, version=2), call("deposit", "a", 1)) == [1, 5]
    new.save(view)
    with pytest.raises(MachineVersion, match="needs version 2 of Bank"):
        begun(view=view)


def test_a_command_of_a_newer_version_is_refused_before_it_is_logged_and_halts_after() -> None:
    fold = begun()
    fold.check([call("deposit", "a", 1)])
    with pytest.raises(MachineVersion, match="needs version 2"):
        fold.check([call("deposit", "a", 1), call("deposit", "a", 1, version=2)])
    with pytest.raises(MachineVersion, match="this node has version 1"):
        fold.apply(DictView(), stamp(), call("deposit", "a", 1, version=2))


def test_a_machine_that_is_not_deterministic_is_found_out_when_it_is_undone() -> None:
    runs: list[int] = []

    class Impure(StateMachine):
        def __init__(self) -> None:
            self.count = 0

        @command
        def once(self) -> None:
            runs.append(1)
            if len(runs) > 1:
                raise ValueError("again")

        @command
        def fail(self) -> None:
            raise ValueError("fail")

    fold = begun(Impure)
    run(fold, call("once"))
    with pytest.raises(MachineState, match="not deterministic"):
        run(fold, call("fail"))


def test_the_seed_of_an_entry_stands_before_its_groups_and_only_where_one_was_asked_for() -> None:
    data = group(call("deposit", "a", 1))
    for seed in (0, 1, (1 << 64) - 1):
        payload = encode_payload([data, data], seed)
        assert (seed_of(payload), len(decode_payload(payload))) == (seed, 2)
    plain = encode_payload([data])
    assert (seed_of(plain), len(decode_payload(plain))) == (0, 1)
    assert len(payload) == len(encode_payload([data, data])) + 9
