"""What becomes of appends that are on their way: order, trouble, and who is told what."""

import asyncio

import pytest

pytest.importorskip("nats", reason='NOT TESTED: no nats-py; get it with: pip install "plait[nats]"')

from plait.base.errors import Busy, Sealed, Unavailable
from plait.engines.nats.appends import PENDING_BYTES_MAX, PROBE_S, SILENCE_S, Appends, Sending
from plait.engines.nats.message import Message
from plait.line.entry import Entry, Kind

WRITER = 42


class World:
    """Appends, and the stream that they go to; `now` is up to the test."""

    def __init__(self) -> None:
        self.appends = Appends(WRITER)
        self.now = 0.0
        self.tail = 0

    def put(self, *texts: str, until: float = 100.0) -> "list[asyncio.Future[int]]":
        return [self.appends.put(Entry(text.encode()), until) for text in texts]

    def sent(self) -> list[Sending]:
        found = []
        while (sending := self.appends.next(self.now)) is not None:
            found.append(sending)
            if sending.entry.kind is not Kind.DATA:
                break
        return found

    def store(self, sending: Sending) -> None:
        """The stream has it, and this handle reads it."""
        self.appends.read_back(Message(WRITER, sending.number, sending.entry), self.tail)
        self.tail += 1


@pytest.fixture
async def world() -> World:
    return World()


def names(sendings: list[Sending]) -> list[str]:
    return [each.entry.payload.decode() for each in sendings]


async def test_appends_are_sent_in_order_and_told_their_positions(world: World) -> None:
    futures = world.put("a", "b", "c")
    sent = world.sent()
    assert names(sent) == ["a", "b", "c"]
    for each in sent:
        world.store(each)
    assert [await each for each in futures] == [0, 1, 2]
    assert not len(world.appends)


async def test_messages_of_others_tell_nothing(world: World) -> None:
    (future,) = world.put("a")
    (sending,) = world.sent()
    world.appends.read_back(Message(WRITER + 1, sending.number, sending.entry), 0)
    assert not future.done()


async def test_what_nobody_took_is_sent_again_in_its_order(world: World) -> None:
    futures = world.put("a", "b")
    for each in world.sent():
        world.appends.untaken(each.number)
    futures += world.put("c")
    (probe,) = world.sent()
    assert probe.entry.kind is Kind.EPOCH
    world.appends.untaken(probe.number)
    assert world.sent() == []  # not at once
    world.now += 0.2
    (probe,) = world.sent()
    world.store(probe)
    sent = world.sent()
    assert names(sent) == ["a", "b", "c"]
    for each in sent:
        world.store(each)
    assert [await each for each in futures] == [1, 2, 3]


async def test_what_nobody_took_is_refused_if_a_later_one_was_taken(world: World) -> None:
    first, second = world.put("a", "b")
    a, b = world.sent()
    world.appends.untaken(a.number)
    world.store(b)
    (probe,) = world.sent()
    world.store(probe)
    assert await second == 0
    with pytest.raises(Busy):
        await first


async def test_after_a_broken_connection_nothing_is_sent_twice(world: World) -> None:
    first, second = world.put("a", "b")
    a, _ = world.sent()
    world.appends.cut_off()
    third = world.put("c")[0]
    (probe,) = world.sent()
    assert world.sent() == []  # the rest waits for the probe
    world.store(a)  # it had arrived
    world.store(probe)
    assert await first == 0
    with pytest.raises(Unavailable):
        await second
    assert names(world.sent()) == ["c"]
    assert not third.done()


async def test_a_probe_that_is_lost_is_sent_again_and_either_will_do(world: World) -> None:
    (future,) = world.put("a")
    world.sent()
    world.appends.cut_off()
    (probe,) = world.sent()
    lost = Sending(probe.entry, 0, probe.future)
    lost.number = probe.number
    world.now += PROBE_S + 0.1
    assert world.sent()[0].number > lost.number
    world.store(lost)
    with pytest.raises(Unavailable):
        await future


async def test_a_silent_server_is_probed(world: World) -> None:
    world.put("a")
    (a,) = world.sent()
    world.now = SILENCE_S + 0.1
    world.appends.stored(a.number)
    world.appends.tend(world.now)
    assert world.sent() == []  # it answered: it is only the reading that lags
    world.put("b")
    world.sent()
    world.store(a)
    world.now = 2 * SILENCE_S + 0.2
    world.appends.tend(world.now)
    assert world.sent()[0].entry.kind is Kind.EPOCH


async def test_what_waits_too_long_is_definite_only_if_it_was_not_sent(world: World) -> None:
    (sent,) = world.put("a", until=1.0)
    world.sent()
    world.appends.cut_off()
    (unsent,) = world.put("b", until=1.0)
    world.appends.tend(2.0)
    with pytest.raises(Unavailable):
        await sent
    with pytest.raises(Busy):
        await unsent


async def test_a_seal_refuses_whatever_was_not_read_before_it(world: World) -> None:
    futures = world.put("a", "b")
    a, _ = world.sent()
    futures += world.put("c")
    world.store(a)
    world.appends.sealed(1)
    assert await futures[0] == 0
    for future in futures[1:]:
        with pytest.raises(Sealed):
            await future
    assert not len(world.appends)


async def test_an_append_given_up_before_it_was_sent_never_is(world: World) -> None:
    first, _ = world.put("a", "b")
    first.cancel()
    assert names(world.sent()) == ["b"]


async def test_more_than_fits_is_refused(world: World) -> None:
    world.put("x" * (PENDING_BYTES_MAX - 100))
    with pytest.raises(Busy):
        world.put("y" * 200)


async def test_an_error_that_says_nothing_definite_stays_open(world: World) -> None:
    (future,) = world.put("a")
    (a,) = world.sent()
    world.appends.troubled(a.number, "the disk is full")
    world.store(world.sent()[0])
    with pytest.raises(Unavailable, match="disk is full"):
        await future
