"""Rights on real nodes: who gets in, who may do what, and what counts on connections that stand."""

import asyncio

import pytest
from guarded import Ledger, World, guarded, refused
from members import Members

import plait
from plait import Consensus, Eventual
from plait.base.codec import encode
from plait.base.errors import BadSettings, NoSuchCollection, NotAllowed, NotSignedIn, PlaitError
from plait.node.machines import MachineRoom
from plait.types.machines import describe
from plait.types.rights_commands import SwitchRights
from tests.tls_files import Papers


class Note(plait.Document):
    likes: int = plait.Counter()


@pytest.fixture
async def world(tmp_path):
    async with guarded(tmp_path) as world:
        yield world


async def test_without_a_good_token_nobody_gets_in_and_hears_so_at_once(world) -> None:
    root = world.tokens["root"]
    for token, why in (
        ("", "connect with a token"),
        ("plait_0000_11", "unknown, or was revoked"),
        (root[:-1] + ("0" if root[-1] != "0" else "1"), "unknown, or was revoked"),
        ("let me in", "is no token"),
    ):
        async with asyncio.timeout(30):
            with pytest.raises(NotSignedIn, match=why) as caught:
                async with plait.connect(world.members.url, token=token):
                    pass
        assert not token or token not in str(caught.value)


async def test_a_role_reads_and_writes_what_it_grants_and_nothing_else(world) -> None:
    await world.user("ann", "orders/eu-:read,write", "prices:read")
    async with world.store("ann") as store:
        orders, prices = await store.table("orders"), await store.table("prices")
        await orders.put("eu-2", "juice")
        assert await orders.get("eu-1") == "tea"
        assert [key async for key, _ in orders.scan(prefix="eu-")] == ["eu-1", "eu-2"]
        assert await prices.count() == 0
        await refused(orders.put("us-2", 1), "write", "orders")
        await refused(orders.get("us-1"), "read", "orders")
        await refused(orders.count(), "read", "orders")
        await refused(orders.delete("us-1"), "write", "orders")
        await refused(prices.put("x", 1), "write", "prices")
        await refused(store.drop_table("orders"), "admin", "orders")
        await refused(store.table("new", Consensus()), "admin", "new")
        assert [one["error"] for one in (await store.status())["nodes"].values()]
        await refused(store.rights.show(), "admin", "@cluster")
        await refused(store.backup("/nowhere"), "admin", "@cluster")
        with pytest.raises(NotAllowed):
            [key async for key, _ in orders.scan()]
        assert [info.name for info in await store.tables()] == ["orders", "prices"]
    async with world.store("root") as store:
        assert await (await store.table("orders")).get("us-1") == "coffee"


async def test_a_refused_write_does_not_stop_those_beside_it(world) -> None:
    await world.user("ann", "orders/eu-:write")
    async with world.store("ann") as store:
        orders = await store.table("orders")
        done = await asyncio.gather(
            *(orders.put(f"{'us' if i == 7 else 'eu'}-{i}", i) for i in range(20)),
            return_exceptions=True,
        )
        assert [i for i, one in enumerate(done) if isinstance(one, NotAllowed)] == [7]
        assert not [one for one in done[:7] + done[8:] if isinstance(one, PlaitError)]


async def test_a_transaction_needs_every_right_that_it_uses(world) -> None:
    await world.user("ann", "orders/eu-:read,write", "orders/us-:read")
    async with world.store("ann") as store:
        orders = await store.table("orders")

        async def copy(to: str) -> None:
            async with store.transaction(orders) as tx:
                tx[to] = await tx.get("us-1")

        await copy("eu-9")
        with pytest.raises(NotAllowed, match="lacks write on orders, key 'us-9'"):
            await copy("us-9")


async def test_a_watch_tells_only_of_what_may_be_read(world) -> None:
    await world.user("ann", "orders/eu-:read")
    async with world.store("ann") as store, world.store("root") as root:
        watch = (await store.table("orders")).watch()
        changes = aiter(watch)
        first = asyncio.ensure_future(anext(changes))
        orders = await root.table("orders")
        await asyncio.sleep(0.1)
        for key in ("us-5", "eu-5", "us-6", "eu-6"):
            await orders.put(key, 1)
        assert [(await first).key, (await anext(changes)).key] == ["eu-5", "eu-6"]
        await watch.aclose()


async def test_a_revoked_token_is_worth_nothing_on_a_connection_that_stands(world) -> None:
    await world.user("ann", "*:read,write")
    async with world.store("ann") as store, world.store("root") as root:
        orders = await store.table("orders")
        await orders.put("a", 1)
        watch = aiter(orders.watch())
        waiting = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0.05)
        await root.rights.revoke_token(world.tokens["ann"].split("_")[1])
        async with asyncio.timeout(30):
            with pytest.raises(NotSignedIn, match="revoked"):
                await orders.put("a", 2)
            with pytest.raises(NotSignedIn, match="revoked"):
                await waiting
        assert await (await root.table("orders")).get("a") == 1


async def test_who_was_hung_up_on_hears_why_at_the_next_call(world) -> None:
    await world.user("ann", "*:read,write")
    async with world.store("ann") as store, world.store("root") as root:
        orders = await store.table("orders")
        await orders.put("a", 1)
        await root.rights.revoke_token(world.tokens["ann"].split("_")[1])
        async with asyncio.timeout(30):
            while store._backend._cluster.live():
                await asyncio.sleep(0.02)
            with pytest.raises(NotSignedIn, match="revoked"):
                await orders.put("a", 2)
            with pytest.raises(NotSignedIn, match="revoked"):
                await orders.get("a")


async def test_an_expired_token_is_worth_nothing_on_a_connection_that_stands(world) -> None:
    await world.user("ann", "*:read,write", days=1)
    async with world.store("ann") as store:
        orders = await store.table("orders")
        await orders.put("a", 1)
        clock = world.members.nodes["n1"].clock
        later = clock.wall_ms() + 2 * 86400 * 1000
        clock.wall_ms = lambda: later
        async with asyncio.timeout(30):
            with pytest.raises(NotSignedIn, match="expired"):
                await orders.put("a", 2)
    with pytest.raises(NotSignedIn, match="expired"):
        async with world.store("ann"):
            pass


async def test_a_role_that_loses_a_right_loses_it_on_connections_that_stand(world) -> None:
    await world.user("ann", "orders:read,write")
    async with world.store("ann") as store, world.store("root") as root:
        orders = await store.table("orders")
        await orders.put("a", 1)
        await root.rights.put_role("ann", ["orders:read"])
        await refused(orders.put("a", 2), "write", "orders")
        assert await orders.get("a") == 1
        await root.rights.put_role("ann", ["orders:read,write"])
        await orders.put("a", 3)


async def test_who_was_let_in_without_a_token_goes_when_rights_are_switched_on(tmp_path) -> None:
    members = Members(tmp_path, 1)
    await members.start()
    async with plait.connect(members.url) as store:
        table = await store.table("orders", Consensus())
        await table.put("a", 1)
        await World(members).begin()
        async with asyncio.timeout(30):
            with pytest.raises(NotSignedIn):
                await table.put("a", 2)
    await members.close()


async def test_machines_and_documents_are_collections_like_others(tmp_path) -> None:
    members = Members(tmp_path, 1)
    await members.start()
    await MachineRoom(members.nodes["n1"]).register(describe(Ledger))
    world = World(members)
    await world.begin()
    async with world.store("root") as root:
        await (await root.machine("ledger", Ledger, Consensus())).add(5)
        (await root.documents("notes", Note, Eventual()))["a"].likes += 1
        await root.documents("drafts", Note, Eventual())
        await root.flush()
    await world.user("reader", "ledger:read", "notes:read", "drafts:write")
    await world.user("writer", "ledger:write", "notes:read,write")
    async with world.store("reader") as store:
        ledger = await store.machine("ledger", Ledger)
        assert await ledger.total() == 5
        await refused(ledger.add(1), "write", "ledger")
        assert (await store.documents("notes", Note))["a"].likes == 1
        await refused(store.documents("drafts", Note, Eventual()), "read", "drafts")
    async with world.store("writer") as store:
        ledger = await store.machine("ledger", Ledger)
        assert await ledger.add(2) == 7
        await refused(ledger.total(), "read", "ledger")
        notes = await store.documents("notes", Note)
        notes["a"].likes += 1
        await store.flush()
    await members.close()


async def test_documents_take_nothing_more_from_who_has_lost_the_right(tmp_path) -> None:
    members = Members(tmp_path, 1)
    await members.start()
    world = World(members)
    await world.begin()
    await world.user("ann", "notes:read,write")
    async with world.store("root") as root:
        notes = await root.documents("notes", Note, Eventual())
        async with world.store("ann") as store:
            hers = await store.documents("notes", Note)
            hers["a"].likes += 1
            await store.flush()
            await root.rights.put_role("ann", ["notes:read"])
            hers["a"].likes += 10
            with pytest.raises(NotAllowed, match="ann lacks write on notes"):
                await hers.flush()
            await root.rights.put_role("ann", ["notes:read,write"])
            async with asyncio.timeout(20):
                while hers["a"].likes != 1:
                    await asyncio.sleep(0.02)
            hers["a"].likes += 100
            async with asyncio.timeout(20):
                while notes["a"].likes != 101:
                    await asyncio.sleep(0.02)
    await members.close()


async def test_the_control_line_is_nobodys_to_write_but_an_administrators(world) -> None:
    await world.user("ann", "*:read,write,admin")
    async with world.store("ann") as store:
        await store.table("made", Consensus())
        await refused(store.rights.switch(False), "admin", "@cluster")
        await refused(
            store._backend.submit("control", encode(SwitchRights(False)), None), "admin", "@cluster"
        )
        await refused(store.leave("n1"), "admin", "@cluster")


async def test_followers_refuse_what_the_leader_refuses(tmp_path) -> None:
    members = Members(tmp_path)
    await members.start()
    world = World(members)
    await world.begin()
    async with world.store("root") as root:
        await (await root.table("orders", Consensus())).put("a", 1)
    await world.user("ann", "prices:read")
    async with asyncio.timeout(10):
        while not all("ann" in node.rights.describe()["users"] for node in members.nodes.values()):
            await asyncio.sleep(0.02)
    for name, address in members.addresses.items():
        url = f"plait://{address}"
        async with plait.connect(url, only=True, token=world.tokens["ann"]) as store:
            with pytest.raises(NotAllowed):
                await store.table("orders")
        with pytest.raises(NotSignedIn):
            async with plait.connect(url, only=True):
                pass
        assert members.nodes[name].rights.on
    await members.close()


async def test_a_certificate_is_its_users_and_a_token_does_without_one(tmp_path) -> None:
    papers = Papers(tmp_path / "certs")
    members = Members(tmp_path, 1)
    members.tls = {"n1": papers.of("node", "n1")}
    await members.start()
    root = papers.of("client", "root")
    async with plait.connect(members.url, tls=root) as store:
        await store.rights.put_user("root", ["admin"])
        await store.rights.switch(True)
        await store.table("orders", Consensus())
        token = await store.rights.add_token("root")
    async with plait.connect(members.url, tls=papers.nobody, token=token) as store:
        assert [info.name for info in await store.tables()] == ["orders"]
    with pytest.raises(NotSignedIn, match="no user mallory"):
        async with plait.connect(members.url, tls=papers.of("client", "mallory")):
            pass
    await members.close()


async def test_no_secret_is_in_what_people_can_ask_for(world) -> None:
    secret = world.tokens["root"].split("_")[2]
    node = world.members.nodes["n1"]
    async with world.store("root") as store:
        told = [await store.status(), await store.examine(), await store.rights.show()]
    record = node.rights._tokens[world.tokens["root"].split("_")[1]]
    for text in map(repr, told):
        assert secret not in text
        assert record.hash.hex() not in text
        assert repr(record.hash) not in text
    for path in world.members.folder.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


async def test_a_folder_is_its_owners_and_lets_rights_be_made_before_it_is_served(tmp_path) -> None:
    async with plait.open(tmp_path / "d1") as store:
        with pytest.raises(BadSettings, match="role admin"):
            await store.rights.switch(True)
        await store.rights.put_user("root", ["admin"])
        await store.rights.switch(True)
        table = await store.table("t", Consensus())
        await table.put("a", 1)
        with pytest.raises(NoSuchCollection):
            await store.rights.add_token("nobody")
        assert (await store.rights.show())["on"]
