"""The demo's bank, the judge of its history, and what the demo concludes."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import plait
from plait.base.errors import Unavailable
from plait.check import Recorder, check_history, load_history
from plait.cli.demo.bank import ACCOUNTS, OPENING, TOTAL, Bank, transfer
from plait.cli.demo.cluster import DemoCluster
from plait.cli.demo.judging import judge_history
from plait.cli.demo.narrator import Narrator
from plait.cli.demo.stage import Stage
from plait.cli.demo.story import Story
from plait.cli.demo.verify import Verdict
from plait.cli.exits import DemoFailed


def telling(folder: Path) -> Stage:
    """A stage without a cluster on it."""
    return Stage(DemoCluster(folder, 3), Narrator(Console(file=io.StringIO())))


async def test_a_transfer_moves_money_and_never_what_is_not_there(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "data") as store:
        accounts = await store.table("accounts", plait.Consensus())
        await accounts.put_many({"ann": 10, "bob": 0})
        assert await transfer(accounts, "ann", "bob", 7) is not None
        assert await transfer(accounts, "ann", "bob", 7) is None
        assert await accounts.get_many(["ann", "bob"]) == {"ann": 3, "bob": 7}


async def test_a_transfer_that_was_overtaken_starts_again(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "data") as store:
        accounts = await store.table("accounts", plait.Consensus())
        await accounts.put_many({"ann": 10, "bob": 0})
        overtaken: Any = Overtaken(accounts, times=2)
        assert await transfer(overtaken, "ann", "bob", 7) is not None
        assert overtaken.begun == 3
        assert await accounts.get_many(["ann", "bob"]) == {"ann": 5, "bob": 7}


class Overtaken:
    """A table in which ann gets 1 while each of the first transactions is under way."""

    def __init__(self, table: plait.Table, times: int) -> None:
        self._table = table
        self._times = times
        self.begun = 0

    def transaction(self) -> Any:
        self.begun += 1
        transaction = self._table.transaction()
        if self.begun > self._times:
            return transaction
        get = transaction.get

        async def overtaken_get(key: str, default: Any = None) -> Any:
            found = await get(key, default)
            if key == "ann":
                await self._table.put("ann", found + 1)
            return found

        transaction.get = overtaken_get  # type: ignore[method-assign]
        return transaction


class Balances:
    """Accounts as somebody reads them."""

    def __init__(self, *found: dict[str, int]) -> None:
        self._found = list(found)

    async def get_many(self, keys: Any) -> dict[str, int]:
        return self._found.pop(0)


async def test_a_reader_notes_every_total_that_is_wrong(tmp_path: Path) -> None:
    right = dict.fromkeys(ACCOUNTS, OPENING)
    with Recorder(tmp_path / "h.jsonl") as recorder:
        bank = Bank(telling(tmp_path), recorder)
        accounts: Any = Balances(right, right | {"ann": OPENING + 5})
        await bank._look("n1", "reader", accounts)
        assert bank.wrong_totals == []
        await bank._look("n1", "reader", accounts)
    assert bank.wrong_totals == [TOTAL + 5]
    assert bank.reads == {"n1": 2, "n2": 0, "n3": 0}
    assert not check_history(load_history(tmp_path / "h.jsonl"), "bank")


class Lost:
    """Accounts at a node that does not answer."""

    async def get_many(self, keys: Any) -> dict[str, int]:
        raise Unavailable("silence")


async def test_a_read_without_an_answer_is_on_record_as_such(tmp_path: Path) -> None:
    with Recorder(tmp_path / "h.jsonl") as recorder:
        bank, accounts = Bank(telling(tmp_path), recorder), Lost()
        with pytest.raises(Unavailable):
            await bank._look("n1", "reader", accounts)  # type: ignore[arg-type]
    events = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text().splitlines()]
    assert [event["type"] for event in events] == ["invoke", "info"]
    assert bank.reads["n1"] == 0


def record(path: Path, *, seen_by_bob: int) -> None:
    """Ann gives bob 3, and later somebody looks."""
    with Recorder(path) as recorder:
        recorder.invoke(0, "read")
        recorder.ok(0, {"ann": 10, "bob": 0})
        recorder.invoke(0, "transfer", value=["ann", "bob", 3])
        recorder.ok(0)
        recorder.invoke(1, "read")
        recorder.ok(1, {"ann": 10 - seen_by_bob, "bob": seen_by_bob})


async def test_the_judge_acquits_a_bank_that_shows_every_transfer(tmp_path: Path) -> None:
    record(tmp_path / "h.jsonl", seen_by_bob=3)
    found = await judge_history(tmp_path / "h.jsonl")
    assert found.linearizable is True
    assert found.operations == 3


async def test_the_judge_says_why_a_bank_that_forgot_a_transfer_is_guilty(tmp_path: Path) -> None:
    record(tmp_path / "h.jsonl", seen_by_bob=0)
    found = await judge_history(tmp_path / "h.jsonl")
    assert found.linearizable is False
    assert found.why


async def test_a_history_that_cannot_be_read_fails_the_demo(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match="could not be judged"):
        await judge_history(tmp_path / "absent.jsonl")


@pytest.mark.parametrize(
    ("linearizable", "found", "wrong", "ok"),
    [
        (True, 2, [], True),
        (False, 2, [], False),
        (None, 2, [], False),
        (True, 1, [], False),
        (True, 2, [7], False),
    ],
)
def test_the_demo_is_content_only_if_nothing_is_lost_and_the_history_is_proved(
    tmp_path: Path, linearizable: bool | None, found: int, wrong: list[int], ok: bool
) -> None:
    story = Story(DemoCluster(tmp_path, 3), Narrator(Console(file=io.StringIO())), {})
    story.verdicts.append(Verdict("n1", "stream", expected=2, found=found))
    story.figures["linearizable"] = linearizable
    story.figures["documents_equal"] = True
    with Recorder(tmp_path / "h.jsonl") as recorder:
        bank = Bank(telling(tmp_path), recorder)
    bank.wrong_totals += wrong
    story._conclude(bank)
    assert story.figures["ok"] is ok
    assert story.figures["lost"] == 2 - found
