"""What a guess at a token costs, and whom."""

import asyncio

import pytest

from plait.base.errors import Busy, NotSignedIn, Unavailable
from plait.host import secrets
from plait.host.secrets import Verifier, hash_secret, new_token, split_token
from plait.node import sign_in
from plait.node.sign_in import SignIns
from plait.types.control_rights import TokenRecord


class Door:
    """Sign-ins at a node that knows one token, and counts what it does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused_s: float = 0.1) -> None:
        monkeypatch.setattr(sign_in, "REFUSED_S", refused_s)
        token = new_token()
        self.token = token.text
        self.known = {token.id: TokenRecord(token.id, "ann", token.salt, token.hash, 0, 0, "")}
        self.hashed = 0
        self.asked = 0
        self.verifier = Verifier()
        self.verifier.hashing = self._hash
        self.sign_ins = SignIns(self.verifier, self.known.get, self._ask)

    def wrong(self, number: int = 0) -> str:
        """The same id, another secret."""
        return f"plait_{split_token(self.token)[0]}_{number:x}"

    async def timed(self, token: str) -> tuple[float, type[Exception] | None]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await self.sign_ins.by_token(token)
        except (NotSignedIn, Busy) as error:
            return loop.time() - began, type(error)
        return loop.time() - began, None

    def _hash(self, secret: str, salt: bytes) -> bytes:
        self.hashed += 1
        return hash_secret(secret, salt)

    async def _ask(self) -> None:
        self.asked += 1
        await asyncio.sleep(0.01)
        raise Unavailable("nobody leads")


async def test_an_id_that_there_is_and_one_that_there_is_not_are_refused_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(monkeypatch, 0.5)
    there, absent = await asyncio.gather(door.timed(door.wrong()), door.timed("plait_00_11"))
    assert there[1] is absent[1] is NotSignedIn
    assert min(there[0], absent[0]) >= 0.49
    assert abs(there[0] - absent[0]) < 0.2


async def test_guesses_at_unknown_ids_are_asked_about_together_and_hashed_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(monkeypatch)
    guesses = await asyncio.gather(*(door.timed(f"plait_{n:x}_{n:x}") for n in range(200)))
    assert {why for _, why in guesses} == {NotSignedIn}
    assert door.hashed == 0
    assert door.asked <= 2


async def test_few_secrets_of_one_id_are_tried_at_a_time_whether_there_is_one_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(monkeypatch)
    for make in (door.wrong, lambda number: f"plait_00_{number:x}"):
        guesses = await asyncio.gather(*(door.timed(make(number)) for number in range(50)))
        assert [why for _, why in guesses].count(NotSignedIn) == sign_in.EACH_MAX
    assert door.hashed == sign_in.EACH_MAX


async def test_a_full_queue_tells_everybody_to_come_again_but_who_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(monkeypatch)
    assert (await door.timed(door.token))[1] is None
    monkeypatch.setattr(secrets, "WAITING_MAX", 1)
    guessing = asyncio.create_task(door.timed(door.wrong()))
    while not door.verifier.full:
        await asyncio.sleep(0)
    others = await asyncio.gather(door.timed(door.wrong(7)), door.timed("plait_00_11"))
    assert [why for _, why in others] == [Busy, Busy]
    assert (await door.timed(door.token))[1] is None
    assert (await guessing)[1] is NotSignedIn


async def test_many_who_show_one_token_at_once_cost_one_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(monkeypatch)
    came = await asyncio.gather(*(door.timed(door.token) for _ in range(100)))
    assert {why for _, why in came} == {None}
    assert door.hashed == 1
