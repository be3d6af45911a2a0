import asyncio
import base64

import msgspec
import pytest

from plait.api.port import Receipt
from plait.api.settings import Leader
from plait.api.store import Store
from plait.api.token import decode_token, encode_token
from plait.base.errors import BadValue, Busy, SessionLost
from plait.line.entry import Epoch
from tests.fakes_backend import FakeBackend

LINE = "leader/majority"


async def test_a_store_reads_what_it_wrote_and_never_goes_back():
    backend = FakeBackend()
    store = Store(backend)
    table = await store.table("t", Leader(), read="follower")
    assert await table.get("k") is None
    receipt = await table.put("k", 1)
    await table.get("k")
    backend.positions[LINE] = 0  # a replica that lags answers nevertheless
    await table.get("k")
    await table.get("k")
    covered = (receipt.epoch, receipt.position + 1)
    assert [after for *_, after in backend.reads] == [None, covered, covered, covered]


async def test_every_kind_of_write_moves_the_mark():
    backend = FakeBackend()
    store = Store(backend)
    table = await store.table("t", Leader())
    writes = [
        lambda: table.put("a", 1),
        lambda: table.cas("a", 1, 2),
        lambda: table.delete("a"),
        table.clear,
        lambda: table.put_many({"b": 1, "c": 2}),
    ]
    for write in writes:
        await write()
        await table.count()
        assert backend.reads[-1][-1] == (backend.epoch, backend.positions[LINE])
    async with table.transaction() as t:
        t["d"] = 1
    assert decode_token(store.token)[0] == {LINE: (backend.epoch, backend.positions[LINE])}


async def test_a_refused_write_leaves_the_mark():
    backend = FakeBackend()
    store = Store(backend)
    table = await store.table("t", Leader())
    backend.fail_with[0] = Busy("later")
    with pytest.raises(Busy):
        await table.put("a", 1)
    assert decode_token(store.token)[0] == {}


async def test_a_token_carries_a_session_elsewhere():
    here, there = FakeBackend(), FakeBackend()
    store, other = Store(here), Store(there)
    await (await store.table("t", Leader())).put("k", 1)
    session = other.session(store.token)
    await (await session.table("t", Leader())).get("k")
    assert there.reads[-1][-1] == (here.epoch, 1)
    assert session.token == store.token
    assert session.token.replace("-", "").replace("_", "").isalnum()


async def test_sessions_of_a_store_know_nothing_of_each_other():
    backend = FakeBackend()
    store = Store(backend)
    one, two = store.session(), store.session()
    await (await one.table("t", Leader())).put("k", 1)
    for session in (two, store):
        await (await session.table("t")).get("k")
        assert backend.reads[-1][-1] is None


async def test_a_store_reports_a_lost_session_once_and_a_session_always():
    backend = FakeBackend()
    store = Store(backend)
    await (await store.table("t", Leader())).put("k", 1)
    session = store.session(store.token)
    marks = []
    for who in (store, session):
        table = await who.table("t")
        backend.fail_reads = [SessionLost("cut")]
        with pytest.raises(SessionLost):
            await table.get("k")
        await table.get("k")
        marks.append(backend.reads[-1][-1])
    assert marks == [None, (backend.epoch, 1)]


async def test_a_session_has_transactions_of_its_own():
    backend = FakeBackend()
    store = Store(backend)
    session = store.session()
    table = await session.table("t", Leader())

    async def body(t):
        t["k"] = 1

    await session.transact(body, table)
    assert decode_token(store.token)[0] == {}
    assert decode_token(session.token)[0] == {LINE: (backend.epoch, 1)}


def test_a_token_says_the_marks():
    marks = {"a": (Epoch(3, "n1"), 7), "own/ü": (Epoch(1, "n2"), 0)}
    assert decode_token(encode_token(marks))[0] == marks
    assert decode_token(encode_token({}))[0] == {}


def packed(value):
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(value)).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "?",
        "é",
        "A",
        "x" * 100,
        None,
        b"gA",
        "A" * (1 << 21),
        packed({}),
        packed((2, {})),
        packed((1, {"l": 5})),
        packed((1, {"l": ((1, "n"), -1)})),
        packed((1, {"l": ((-1, "n"), 1)})),
        packed((1, {"l": ((1, "n"), 1)}))[:-2],
    ],
)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(BadValue):
        decode_token(token)


async def test_concurrent_answers_keep_the_furthest_mark():
    backend = FakeBackend()
    store = Store(backend)
    table = await store.table("t", Leader())
    backend.hold = True
    first, second = (asyncio.ensure_future(table.put(key, 1)) for key in "ab")
    await asyncio.sleep(0)
    for position, future in reversed(list(enumerate(backend.in_air))):
        future.set_result(Receipt(LINE, backend.epoch, position, 0, position + 1, "majority"))
        await asyncio.sleep(0)
    await first
    await second
    assert decode_token(store.token)[0] == {LINE: (backend.epoch, 2)}


async def test_what_was_seen_of_an_earlier_epoch_is_verified_before_the_next_read():
    backend = FakeBackend()
    store = Store(backend)
    table = await store.table("t", Leader())
    await table.put("a", 1)
    seen = (backend.epoch, 1)
    backend.epoch = Epoch(2, "n2")
    await table.put("b", 2)
    marks, doubted = decode_token(store.token)
    assert (marks, doubted) == ({LINE: (backend.epoch, 2)}, {LINE: [seen]})
    await table.get("b")
    assert [mark for _, _, _, mark in backend.reads] == [seen, (backend.epoch, 2)]
    assert decode_token(store.token)[1] == {}


async def test_a_write_in_a_new_epoch_does_not_hide_that_an_earlier_one_was_cut():
    backend = FakeBackend()
    store = Store(backend)
    table = await store.table("t", Leader())
    session = store.session()
    own = await session.table("t")
    await own.put("a", 1)
    backend.epoch = Epoch(2, "n2")
    await own.put("b", 2)
    for _ in range(2):  # a session that was asked for keeps saying so
        backend.fail_reads = [SessionLost("cut")]
        with pytest.raises(SessionLost):
            await own.get("b")
    other = store.session(session.token)
    backend.fail_reads = [SessionLost("cut")]
    with pytest.raises(SessionLost):
        await (await other.table("t")).get("b")
    await table.get("b")
