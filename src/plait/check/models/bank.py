"""A bank: transfers between accounts, and reads of all balances or of their total.

The first balances that anybody reads say what the accounts held at the beginning; until then a
state is what each account gained, and its lowest point. A transfer that would overdraw an account
cannot succeed.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import msgspec

from plait.check.history import Operation, Operations
from plait.check.models.base import ILLEGAL, Model, Part, by_key, refusal, result_of

Amounts = tuple[tuple[str, int | float], ...]  # by account, sorted; zeros are left out


class _State(msgspec.Struct, frozen=True):
    """What is known of the accounts."""

    known: bool  # amounts are balances, not gains
    amounts: Amounts = ()
    lows: Amounts = ()  # while not known: the lowest gain of each account, if below zero
    total: int | float | None = None  # of all balances, once somebody read it


class Bank(Model):
    """Accounts, at first with `balances` (None: as the first read finds them)."""

    name = "bank"
    functions = frozenset({"transfer", "read"})

    def __init__(
        self, balances: Mapping[str, int | float] | None = None, *, overdraft: bool = False
    ) -> None:
        """overdraft: balances may fall below zero."""
        self.overdraft = overdraft
        self.initial: _State = _State(False) if balances is None else _known(_amounts(balances))

    def split(self, operations: Operations) -> Iterable[Part]:
        for part in by_key(self, operations):
            found = None if self.initial.known else _first_balances(part.operations)
            if found is None:
                yield part
            else:
                yield part._replace(model=Bank(found, overdraft=self.overdraft))

    def effect(self, operation: Operation) -> Hashable | None:
        if operation.f == "transfer":
            source, target, amount = _transfer(operation)
            return ("short" if operation.refused else "transfer", source, target, amount)
        if operation.f != "read":
            raise refusal(operation, f"the model {self.name} has no operation {operation.f!r}")
        if not operation.definite:
            return None
        result_of(operation)
        if _is_number(operation.result):
            return ("total", operation.result)
        return ("read", _read_amounts(operation))

    def step(self, state: Any, effect: Any) -> Any:
        match effect:
            case ("read", amounts):
                return self._read(state, amounts)
            case ("total", total):
                if state.total is None:
                    return msgspec.structs.replace(state, total=total)
                return state if state.total == total else ILLEGAL
            case ("short", source, _, amount):
                enough = state.known and dict(state.amounts).get(source, 0) >= amount
                return ILLEGAL if enough else state
            case ("transfer", source, target, amount):
                return self._transfer(state, source, target, amount)
        raise AssertionError(f"no effect of a bank: {effect!r}")

    def only_reads(self, effect: Any) -> bool:
        return self.initial.known and effect[0] != "transfer"

    def _read(self, state: _State, amounts: Amounts) -> Any:
        if state.known:
            return state if state.amounts == amounts else ILLEGAL
        found = _known(amounts)
        if state.total is not None and state.total != found.total:
            return ILLEGAL
        balances, gains = dict(amounts), dict(state.amounts)
        for account, low in () if self.overdraft else state.lows:
            if balances.get(account, 0) - gains.get(account, 0) + low < 0:
                return ILLEGAL
        return found

    def _transfer(self, state: _State, source: str, target: str, amount: float) -> Any:
        amounts = dict(state.amounts)
        left = amounts[source] = amounts.get(source, 0) - amount
        if state.known and left < 0 and not self.overdraft:
            return ILLEGAL
        amounts[target] = amounts.get(target, 0) + amount
        lows = state.lows
        if not state.known and left < dict(lows).get(source, 0):
            lows = _amounts({**dict(lows), source: left})
        return _State(state.known, _amounts(amounts), lows, state.total)

    def show_state(self, state: Any) -> str:
        listed = ", ".join(f"{account}: {amount}" for account, amount in state.amounts)
        if state.known:
            return f"the balances are {{{listed}}}"
        return f"since the beginning the accounts gained {{{listed}}}"


def _first_balances(operations: Operations) -> dict[str, int | float] | None:
    """What somebody read before the first transfer, if anybody did."""
    for operation in operations:
        if operation.f == "transfer":
            return None
        if operation.definite and isinstance(operation.result, dict):
            begun = [o.invoked for o in operations if o.f == "transfer"]
            early = not begun or (operation.returned or 0) < begun[0]
            return dict(_read_amounts(operation)) if early else None
    return None


def _known(amounts: Amounts) -> _State:
    return _State(True, amounts, (), sum(amount for _, amount in amounts))


def _amounts(balances: Mapping[Any, int | float]) -> Amounts:
    return tuple(sorted((str(name), amount) for name, amount in balances.items() if amount))


def _read_amounts(operation: Operation) -> Amounts:
    found = operation.result
    if not isinstance(found, dict) or not all(map(_is_number, found.values())):
        raise refusal(operation, "a read of a bank returns balances by account, or their total, "
               f"not {found!r}")  # fmt: skip
    return _amounts(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _transfer(operation: Operation) -> tuple[str, str, int | float]:
    match operation.argument:
        case {"from": source, "to": target, "amount": amount} if _is_number(amount):
            return str(source), str(target), amount
        case [source, target, amount] if _is_number(amount):
            return str(source), str(target), amount
    raise refusal(operation, 'a transfer needs {"from": …, "to": …, "amount": …} as its value, not '
           f"{operation.argument!r}")  # fmt: skip
