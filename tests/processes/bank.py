"""A bank as a state machine, which the nodes of a test run: ``--machine bank:Bank``."""

from plait import Reject, StateMachine, command, query

ACCOUNTS = 8
OPENING = 1000  # on each account


class Bank(StateMachine):
    """Balances, and how often each transfer was carried out."""

    balances: dict[str, int]
    done: dict[str, int]

    def __init__(self) -> None:
        self.balances = {f"a{number}": OPENING for number in range(ACCOUNTS)}
        self.done = {}

    @command
    def transfer(self, name: str, source: str, target: str, amount: int) -> int:
        """Not idempotent: a transfer that comes twice is carried out twice."""
        if self.balances[source] < amount:
            raise Reject(f"{source} has less than {amount}")
        self.balances[source] -= amount
        self.balances[target] += amount
        self.done[name] = self.done.get(name, 0) + 1
        return self.balances[source]

    @query
    def total(self) -> int:
        return sum(self.balances.values())

    @query
    def accounts(self) -> dict[str, int]:
        return self.balances

    @query
    def times(self) -> dict[str, int]:
        return self.done
