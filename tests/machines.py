"""Machines for tests, and short words to run them with."""

from random import Random
from typing import Any

import msgspec

from plait.base.codec import encode
from plait.types.commands import Call
from plait.types.fold import Failed, Result, Returned, Stamp
from plait.types.machines import Machines
from plait.types.queries import Ask
from plait.types.state_machine import Reject, StateMachine, command, query
from plait.types.user_machine import UserMachine


class Bank(StateMachine):
    """Balances, and what was done to them."""

    def __init__(self) -> None:
        self.balances: dict[str, int] = {}
        self.log: list[list[Any]] = []

    @command
    def deposit(self, name: str, amount: int) -> int:
        self.balances[name] = self.balances.get(name, 0) + amount
        return self.balances[name]

    @command
    def transfer(self, source: str, target: str, amount: int) -> None:
        """Changes both sides before it looks whether it may: raising has to undo that."""
        self.balances[target] = self.balances.get(target, 0) + amount
        self.balances[source] = self.balances.get(source, 0) - amount
        self.log.append([source, target, amount])
        if self.balances[source] < 0:
            raise ValueError(f"{source} is overdrawn")

    @command
    def withdraw(self, name: str, amount: int) -> int:
        if self.balances.get(name, 0) < amount:
            raise Reject("not enough")
        self.balances[name] -= amount
        return self.balances[name]

    @command
    def draw(self, names: list[str]) -> dict[str, Any]:
        """Keeps its own argument, time and chance."""
        winner = self.context.random.choice(names)
        self.log.append([names, self.context.now_ms, winner])
        names.append("seen")
        return {"winner": winner, "now": self.context.now.isoformat()}

    @query
    def total(self) -> int:
        return sum(self.balances.values())

    @query
    def balance(self, name: str) -> int:
        return self.balances[name]


class NewBank(Bank):
    """The same, one version later."""

    version = 2
    machine_name = "Bank"

    def __init__(self) -> None:
        super().__init__()
        self.fees = 0

    @command
    def charge(self, name: str, fee: int) -> int:
        self.balances[name] -= fee
        self.fees += fee
        return self.fees


def machine(*kinds: type[StateMachine], seed: int = 0) -> UserMachine:
    """A fold of a Bank; of what `kinds` say, the first one's."""
    machines = Machines(Random(seed), kinds or (Bank,))
    first = (kinds or (Bank,))[0]
    return UserMachine("bank", first.machine_name or first.__name__, machines)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(encode(value))


def call(method: str, *args: Any, version: int = 1, **kwargs: Any) -> Call:
    return Call(method, raw(args), raw(kwargs), version)


def ask(method: str, *args: Any, **kwargs: Any) -> Ask:
    return Ask(method, raw(args), raw(kwargs))


def stamp(offset: int = 0, time_ms: int = 1000, seed: int = 7) -> Stamp:
    return Stamp(0, offset, offset, time_ms, seed)


def outcome(result: Result | None) -> Any:
    """What a command returned, or what went wrong, for people."""
    match result:
        case None:
            return None
        case Returned(value):
            return msgspec.msgpack.decode(value)
        case Failed(code, message):
            return f"{code}: {message}"
