"""What a session saw of an earlier epoch is never lost in silence, whoever answers and when."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from plait.api.context import Context
from plait.api.messages import Query
from plait.api.port import Answers, Mark, Receipt
from plait.api.settings import ReadOptions
from plait.base.errors import SessionLost, TooStale
from plait.line.entry import Epoch

LINE = "leader/any:1"
ONE, TWO, THREE = (Epoch(number, f"n{number}") for number in (1, 2, 3))
LEADER, FOLLOWER = ReadOptions("leader"), ReadOptions("follower")

History = list[Epoch]  # who owns each position


class Line:
    """A line at a leader and at a follower, which may not have heard of the leader's epoch."""

    def __init__(self, leader: History, follower: History) -> None:
        self.at = {"leader": leader, "follower": follower}
        self.asked: list[tuple[str, Mark | None]] = []
        self.receipt = Receipt(LINE, ONE, 0, 0, 1, "any:1")

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers:
        self.asked.append((options.source, after))
        history = self.at[options.source]
        if after is not None and after[1] > 0:
            if after[1] <= len(history):
                if history[after[1] - 1] != after[0]:
                    raise SessionLost("cut")
            elif history and history[-1] > after[0]:
                raise SessionLost("cut")
            else:
                raise TooStale("not yet")
        return Answers(history[-1], len(history), 0.0, (None,) * len(queries))

    async def submit(self, line: str, command: bytes, acks: str | None) -> Receipt:
        return self.receipt


def context_of(line: Any) -> Context:
    return Context(line)


async def test_a_replica_that_has_not_heard_of_a_promotion_cannot_settle_a_doubt():
    line = Line(leader=[ONE, TWO], follower=[ONE, ONE, ONE])
    session = context_of(line).fork(None)
    session.saw(LINE, ONE, 3)  # written at the old leader
    session.saw(LINE, TWO, 2)  # written at the new one, which cut that
    for _ in range(2):
        with pytest.raises(SessionLost):
            await session.read(LINE, (), FOLLOWER)


async def test_a_doubt_that_nobody_can_settle_stays():
    line = Line(leader=[ONE, ONE, ONE], follower=[ONE, ONE, ONE])
    session = context_of(line).fork(None)
    session.saw(LINE, ONE, 3)
    session.saw(LINE, TWO, 2)
    with pytest.raises(TooStale):
        await session.read(LINE, (), FOLLOWER)
    line.at = {"leader": [ONE, TWO], "follower": [ONE, TWO]}
    with pytest.raises(SessionLost):
        await session.read(LINE, (), FOLLOWER)


async def test_an_answer_of_an_earlier_epoch_that_comes_late_is_doubted_too():
    line = Line(leader=[TWO, TWO, TWO], follower=[])
    session = context_of(line).fork(None)
    session.saw(LINE, TWO, 3)
    line.receipt = Receipt(LINE, ONE, 0, 0, 1, "any:1")  # was acknowledged, and is cut
    await session.submit(LINE, b"", None)
    assert session.mark(LINE) == (TWO, 3)
    with pytest.raises(SessionLost):
        await session.read(LINE, (), LEADER)


async def test_a_late_answer_does_not_take_the_place_of_what_a_later_epoch_showed():
    line = Line(leader=[ONE, TWO], follower=[])
    store = context_of(line)
    store.saw(LINE, TWO, 2)
    store.saw(LINE, ONE, 9)
    with pytest.raises(SessionLost):
        await store.read(LINE, (), LEADER)
    assert store.mark(LINE) == (TWO, 2)  # a store forgets what it has reported, and no more
    await store.read(LINE, (), LEADER)
    assert line.asked[-1] == ("leader", (TWO, 2))


async def test_a_store_that_reports_one_lost_epoch_still_doubts_the_others():
    line = Line(leader=[ONE, THREE, THREE], follower=[])
    store = context_of(line)
    store.saw(LINE, ONE, 2)
    store.saw(LINE, TWO, 3)
    store.saw(LINE, THREE, 3)
    for _ in range(2):
        with pytest.raises(SessionLost):
            await store.read(LINE, (), LEADER)
    await store.read(LINE, (), LEADER)


async def test_of_one_epoch_only_the_furthest_place_is_kept_in_doubt():
    session = context_of(Line([TWO], [TWO])).fork(None)
    session.saw(LINE, TWO, 1)
    for position in (5, 3, 7, 1):
        session.saw(LINE, ONE, position)
    assert session.fork(session.token).token == session.token
    assert session._doubted == {LINE: [(ONE, 7)]}


@pytest.mark.parametrize("seed", range(200))
async def test_a_session_that_reads_from_the_leader_without_an_error_has_lost_nothing(seed: int):
    random = Random(seed)
    truth: History = []
    old: list[History] = []
    seen: list[Mark] = []
    line = Line([ONE], [ONE])
    session = context_of(line).fork(None)
    for number in range(1, 5):
        epoch = Epoch(number, f"n{number}")
        truth = truth[: random.randint(0, len(truth))] + [epoch] * random.randint(1, 4)
        old.append(truth)
        marks = [
            (epoch, place)
            for place in range(1, len(truth) + 1)
            if truth[place - 1] == epoch and random.random() < 0.4
        ]
        seen += marks
    random.shuffle(seen)  # answers come in any order
    for mark in seen:
        session.saw(LINE, *mark)
    if random.random() < 0.5:
        session = session.fork(session.token)
    line.at = {"leader": truth, "follower": random.choice(old)}
    try:
        # a follower may answer as things stood before a promotion that nobody told of here
        answers = await session.read(LINE, (), random.choice((LEADER, FOLLOWER)))
        seen.append((answers.epoch, answers.position))
    except (SessionLost, TooStale):
        pass
    kept = all(len(truth) >= place and truth[place - 1] == epoch for epoch, place in seen)
    try:
        await session.read(LINE, (), LEADER)
    except SessionLost:
        assert not kept
    else:
        assert kept
