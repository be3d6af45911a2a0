import asyncio

import msgspec
import pytest
from client_fakes import LIMITS, FakeCluster, put

from plait.api.messages import Count, Feed, Get, Scan
from plait.api.settings import ReadOptions
from plait.base.codec import decode, encode
from plait.base.errors import (
    HistoryTrimmed,
    NoSuchCollection,
    SessionLost,
    TooStale,
    Unavailable,
    WrongCluster,
)
from plait.line.entry import Epoch

LEADER = ReadOptions()
FOLLOWER = ReadOptions("follower")
NEAREST = ReadOptions("nearest")


def readers(cluster):
    return {name: len(node.reads) for name, node in cluster.nodes.items()}


async def test_a_leader_read_is_answered_by_the_leader():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n3")
        await backend.submit("l", put("a", 5), None)
        answers = await backend.read("l", [Get(1, "a")], LEADER, None)
        assert decode(answers.values[0]) == [1, 5]
        assert (answers.epoch, answers.position) == (cluster.epoch, cluster.position)
        assert readers(cluster) == {"n1": 1, "n2": 0, "n3": 0}
        await backend.close()


async def test_gets_of_one_tick_share_a_message_and_each_gets_its_own_answer():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        for key in "abc":
            await backend.submit("l", put(key, key), None)
        got = await asyncio.gather(
            *(backend.read("l", [Get(1, key)], LEADER, None) for key in "abcx")
        )
        values = [decode(answers.values[0]) for answers in got]
        assert [value and value[1] for value in values] == ["a", "b", "c", None]
        assert readers(cluster)["n1"] == 1
        await backend.close()


async def test_gets_with_other_options_tokens_or_tables_do_not_share():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        mark = (Epoch(1, "n1"), 0)
        await asyncio.gather(
            backend.read("l", [Get(1, "a")], LEADER, None),
            backend.read("l", [Get(1, "a")], LEADER, mark),
            backend.read("l", [Get(2, "a")], LEADER, None),
            backend.read("m", [Get(1, "a")], LEADER, None),
        )
        asked = [
            (read.line, read.queries[0].table, read.after) for read in cluster.nodes["n1"].reads
        ]
        assert sorted(asked, key=str) == sorted(
            [("l", 1, None), ("l", 1, mark), ("l", 2, None), ("m", 1, None)], key=str
        )
        await backend.close()


async def test_many_gets_are_split_over_messages():
    async with FakeCluster() as cluster:
        limits = msgspec.structs.replace(LIMITS, queries_max=10)
        backend = await cluster.connect(limits=limits)
        await asyncio.gather(
            *(backend.read("l", [Get(1, f"{i}")], LEADER, None) for i in range(25))
        )
        assert [len(read.queries) for read in cluster.nodes["n1"].reads] == [10, 10, 5]
        await backend.close()


async def test_other_queries_travel_alone_and_together_if_asked_together():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("a"), None)
        queries = [Count(1), Scan(1, "", None, 10), Get(1, "a")]
        answers = await backend.read("l", queries, LEADER, None)
        assert [decode(value) for value in answers.values] == [1, [], [1, 1]]
        await backend.close()


async def test_follower_reads_take_turns_among_those_who_do_not_lead():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n1")
        for _ in range(8):
            await backend.read("l", [Count(1)], FOLLOWER, None)
        assert readers(cluster) == {"n1": 0, "n2": 4, "n3": 4}
        await backend.close()


async def test_a_follower_read_falls_back_to_the_leader_when_it_is_alone():
    async with FakeCluster(1) as cluster:
        backend = await cluster.connect()
        await backend.read("l", [Count(1)], FOLLOWER, None)
        assert readers(cluster) == {"n1": 1}
        await backend.close()


async def test_followers_that_are_too_stale_are_passed_over_for_the_leader():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        cluster.nodes["n2"].stale = cluster.nodes["n3"].stale = True
        await backend.read("l", [Count(1)], FOLLOWER, None)
        assert readers(cluster) == {"n1": 1, "n2": 1, "n3": 1}
        await backend.close()


async def test_a_read_that_is_too_stale_everywhere_says_so_in_the_end():
    async with FakeCluster() as cluster:
        backend = await cluster.connect(limits=msgspec.structs.replace(LIMITS, read_s=0.1))
        for node in cluster.nodes.values():
            node.stale = True
        with pytest.raises((TooStale, Unavailable), match="behind"):
            await backend.read("l", [Count(1)], FOLLOWER, None)
        await backend.close()


async def test_nearest_is_the_shortest_round_trip():
    async with FakeCluster() as cluster:
        cluster.nodes["n1"].delay_s = cluster.nodes["n2"].delay_s = 0.04
        backend = await cluster.connect("n1")
        await backend.read("l", [Count(1)], NEAREST, None)
        async with asyncio.timeout(30):
            while any(link.rtt_s is None for link in backend._cluster.live()):
                await asyncio.sleep(0)
        before = readers(cluster)["n3"]
        for _ in range(3):
            await backend.read("l", [Count(1)], NEAREST, None)
        assert readers(cluster)["n3"] == before + 3
        await backend.close()


async def test_a_read_goes_on_at_another_node_when_its_own_dies():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.read("l", [Count(1)], FOLLOWER, None)
        await cluster.nodes["n2"].stop()
        for _ in range(4):
            await backend.read("l", [Count(1)], FOLLOWER, None)
        assert readers(cluster)["n3"] >= 4
        await backend.close()


async def test_a_leader_read_follows_the_leader():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.read("l", [Count(1)], LEADER, None)
        cluster.elect("n2")
        await cluster.nodes["n1"].stop()
        await backend.read("l", [Count(1)], LEADER, None)
        assert readers(cluster)["n2"] == 1
        await backend.close()


async def test_a_lost_session_is_raised_at_once():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        cluster.nodes["n1"].refuse = [SessionLost("cut")]
        with pytest.raises(SessionLost):
            await backend.read("l", [Get(1, "a")], LEADER, (Epoch(1, "n1"), 5))
        await backend.close()


async def test_a_read_that_nobody_answers_is_unavailable_in_time():
    async with FakeCluster() as cluster:
        backend = await cluster.connect(limits=msgspec.structs.replace(LIMITS, read_s=0.2))
        for node in cluster.nodes.values():
            node.mute = True
        with pytest.raises(Unavailable, match=r"0\.2 s"):
            await backend.read("l", [Count(1)], LEADER, None)
        await backend.close()


async def test_members_are_learned_from_one_and_connected_when_needed():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n2")
        assert backend.addresses == {name: node.address for name, node in cluster.nodes.items()}
        assert not cluster.nodes["n3"].requests
        assert not cluster.nodes["n1"].requests
        await backend.close()


async def test_a_dead_seed_is_passed_over():
    async with FakeCluster() as cluster:
        await cluster.nodes["n1"].stop()
        backend = await cluster.connect("n1", "n2")
        assert await backend.tables() == []
        await backend.close()


async def test_without_any_node_connecting_says_why_of_each():
    async with FakeCluster(2) as cluster:
        for node in cluster.nodes.values():
            await node.stop()
        limits = msgspec.structs.replace(LIMITS, start_s=0.05)
        with pytest.raises(Unavailable) as raised:
            await cluster.connect(limits=limits)
        assert all(node.address in str(raised.value) for node in cluster.nodes.values())


async def test_another_cluster_is_refused():
    async with FakeCluster(1, cluster="theirs") as cluster:
        from plait.client.backend import connect

        with pytest.raises(WrongCluster, match="theirs"):
            await connect(f"plait://{cluster.nodes['n1'].address}/ours", limits=LIMITS)


async def test_a_node_that_answers_nonsense_is_dropped_and_the_request_goes_elsewhere():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n2")
        await backend.read("l", [Count(1)], FOLLOWER, None)
        for name in ("n2", "n3"):
            for session in list(cluster.nodes[name].sessions):
                session.connection.send(b"\xff\xff\xff")
        assert (await backend.read("l", [Count(1)], FOLLOWER, None)).values
        await backend.close()


# ------------------------------------------------------------------------------------- feeds


async def take(feed, count):
    items = []
    async with asyncio.timeout(30):
        while len(items) < count:
            items += await anext(feed)
    return items


async def test_a_feed_gives_changes_in_order_and_returns_credit():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n2")
        for i in range(12):
            await backend.submit("l", put(f"k{i}"), None)
        feed = backend.follow("l", 1, (0, 0))
        items = await take(feed, 12)
        assert [item.key for item in items] == [f"k{i}" for i in range(12)]
        credits = sum(sum(node.credits) for node in cluster.nodes.values())
        assert credits >= 8
        await feed.aclose()
        await backend.read("l", [Count(1)], LEADER, None)
        async with asyncio.timeout(30):
            while not any(node.cancels for node in cluster.nodes.values()):
                await asyncio.sleep(0)
        await backend.close()


async def test_a_feed_goes_on_elsewhere_without_gap_or_repetition():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        for i in range(20):
            await backend.submit("l", put(f"k{i}"), None)
        feed = backend.follow("l", 1, (0, 0))
        items = []
        while len(items) < 20:
            items += await take(feed, 1)
            if len(items) in (4, 8, 14):
                for node in cluster.nodes.values():
                    for session in list(node.sessions):
                        if session.feeds:
                            session.connection.abort("cut")
        assert [item.key for item in items] == [f"k{i}" for i in range(20)]
        await feed.aclose()
        await backend.close()


async def test_a_trimmed_feed_says_so():
    async with FakeCluster(1) as cluster:
        backend = await cluster.connect()

        def trimmed(self, request):
            raise HistoryTrimmed("gone", head=7)

        session = cluster.nodes["n1"].sessions[0]
        session.on_Follow = trimmed.__get__(session)
        with pytest.raises(HistoryTrimmed) as raised:
            await take(backend.follow("l", 1, (0, 0)), 1)
        assert raised.value.details == {"head": 7}
        await backend.close()


async def test_a_node_that_floods_a_feed_is_not_believed():
    async with FakeCluster(1) as cluster:
        limits = msgspec.structs.replace(LIMITS, feed_items_max=3)
        backend = await cluster.connect(limits=limits)
        for i in range(4):
            await backend.submit("l", put(f"k{i}"), None)
        cluster.nodes["n1"].feed_batch = 4
        from plait.base.errors import BadFrame

        with pytest.raises(BadFrame, match="far more"):
            await take(backend.follow("l", 1, (0, 0)), 5)
        await backend.close()


async def test_an_empty_feed_message_moves_the_place_to_resume_at():
    async with FakeCluster(1) as cluster:
        backend = await cluster.connect()
        feed = backend.follow("l", 1, None)
        waiting = asyncio.ensure_future(take(feed, 1))
        node = cluster.nodes["n1"]
        async with asyncio.timeout(30):
            while not (node.sessions and node.sessions[0].feeds):
                await asyncio.sleep(0)
        session = node.sessions[0]
        session.connection.send(encode(Feed(next(iter(session.feeds)), (), (0, 0))))
        await asyncio.sleep(0.01)
        session.connection.abort("cut")
        await backend.submit("l", put("k"), None)
        for again in node.sessions:  # the fake feeds what is new only when it is asked to
            for feed_id in list(again.feeds):
                again.feed_more(feed_id)
        assert [item.key for item in await waiting] == ["k"]
        await feed.aclose()
        await backend.close()


async def test_an_unknown_table_is_no_reason_to_retry():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        with pytest.raises(NoSuchCollection):
            await backend.open_table("nothing", None)
        await backend.close()


async def test_while_the_leader_cannot_be_reached_another_node_may_answer_for_it():
    """As any node of a consensus line can."""
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n2")
        await backend.submit("l", put("a", 5), None)
        await cluster.nodes["n1"].stop()
        for name in ("n2", "n3"):
            cluster.nodes[name].linearizable = True
        answers = await backend.read("l", [Get(1, "a")], LEADER, None)
        assert decode(answers.values[0]) == [1, 5]
        await backend.close()
