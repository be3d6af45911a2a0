import asyncio

import pytest

from plait.api.settings import Leader
from plait.api.store import Store
from plait.base.errors import Closed, WrongThread
from tests.fakes_backend import FakeBackend


async def test_a_store_closes_its_backend_and_every_handle():
    backend = FakeBackend()
    async with Store(backend) as store:
        session = store.session()
        table = await session.table("t", Leader())
        watch = table.watch("0.0")
        transaction = table.transaction()
        assert repr(store) == "<Store open, has seen nothing>"
    assert backend.closed
    assert repr(store) == "<Store closed, has seen nothing>"
    for use in (
        lambda: table.put("k", 1),
        lambda: table.get("k"),
        lambda: table.put_many({}),
        lambda: anext(table.scan()),
        lambda: anext(watch),
        transaction.__aenter__,
        lambda: session.table("t"),
        store.tables,
        store.flush,
    ):
        with pytest.raises(Closed):
            await use()
    for use in (store.session, table.watch, lambda: store.transaction(table)):
        with pytest.raises(Closed):
            use()
    await store.close()


async def test_a_store_is_refused_on_another_event_loop():
    backend = FakeBackend()
    store = Store(backend)
    table = await store.table("t", Leader())

    async def elsewhere():
        for use in (table.count, table.clear, store.tables, lambda: anext(table.scan())):
            with pytest.raises(WrongThread):
                await use()

    await asyncio.to_thread(asyncio.run, elsewhere())
    assert not backend.submitted
    assert not backend.reads


async def test_a_plain_call_is_refused_on_another_thread():
    store = Store(FakeBackend())
    table = await store.table("t", Leader())
    async with table.transaction() as t:
        for call in (store.session, table.watch, lambda: t.put("k", 1), lambda: t.on(table)):
            with pytest.raises(WrongThread):
                await asyncio.to_thread(call)


async def test_what_operators_ask_goes_to_the_backend_as_it_is():
    backend = FakeBackend()
    store = Store(backend)
    await store.table("t", Leader())
    assert [info.name for info in await store.tables()] == ["t"]
    await store.drop_table("t")
    assert await store.tables() == []
    assert await store.status() == {"nodes": {"n1": {}}}
    assert await store.promote("n2", accept_loss=True) == {"node": "n2"}
    assert await store.switch_over("n3", "l", 5.0) == {"target": "n3"}
    assert await store.rescued() == [{"rescued": 1}]
    assert await store.show_rescued("n1", 1) == {"node": "n1", "rescued": 1}
    assert await store.replay_rescued("n1", 2) == {"replayed": 2}
    await store.drop_rescued("n1", 3)
    await store.flush()
    assert backend.calls == [
        ("promote", "n2", None, True, 10.0),
        ("switch_over", "n3", "l", 5.0),
        ("drop_rescued", "n1", 3),
        ("flush",),
    ]
