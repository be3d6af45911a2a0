import asyncio

import msgspec
import pytest
from client_fakes import LIMITS, FakeCluster, Node, put

from plait.api.messages import Welcome
from plait.api.settings import Leader
from plait.base.codec import encode
from plait.base.errors import NoSuchCollection, NotLeader, PromotionRefused, Unavailable
from plait.client.admin import most_advanced
from plait.types.commands import encode_group
from plait.types.fold import Failed


async def test_a_table_is_opened_at_whom_the_refusals_point_to():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n3")
        made = await backend.open_table("films", Leader())
        found = await backend.open_table("films", None)
        assert made == found
        assert await backend.tables() == [made]
        await backend.drop_table("films")
        assert await backend.tables() == []
        await backend.close()


async def test_dropping_a_table_twice_fails_but_a_lost_answer_does_not():
    async with FakeCluster(1) as cluster:
        backend = await cluster.connect()
        await backend.open_table("films", Leader())
        cluster.nodes["n1"].drop_after = 1
        await backend.drop_table("films")
        assert not cluster.tables
        with pytest.raises(NoSuchCollection):
            await backend.drop_table("films")
        await backend.close()


async def test_status_has_every_member_and_says_why_one_is_missing():
    async with FakeCluster() as cluster:
        await cluster.nodes["n2"].stop()
        backend = await cluster.connect("n1")
        nodes = (await backend.status())["nodes"]
        assert list(nodes) == ["n1", "n2", "n3"]
        assert nodes["n1"]["lines"]["l"]["role"] == "leader"
        assert cluster.nodes["n2"].address in nodes["n2"]["error"]
        await backend.close()


async def test_promotion_without_a_name_picks_the_most_advanced_follower():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        cluster.nodes["n2"].durable = 5
        cluster.nodes["n3"].durable = 9
        report = await backend.promote(None, "l", True, 1.0)
        assert report == {"promoted": "n3", "loss": True}
        assert (await backend.promote("n2", None, False, 1.0))["promoted"] == "n2"
        await backend.close()


def test_the_epoch_counts_before_the_tail_and_leaders_and_silent_nodes_do_not_count():
    def status(role, epoch, durable):
        return {"lines": {"l": {"role": role, "epoch": epoch, "durable": durable}}}

    statuses = {
        "a": status("leader", "11.a", 99),
        "b": status("follower", "9.a", 50),
        "c": status("follower", "10.c", 10),
        "d": Unavailable("gone"),
    }
    assert most_advanced(statuses, "l") == "c"
    with pytest.raises(PromotionRefused):
        most_advanced(statuses, "another line")


async def test_switch_over_is_asked_of_the_leader():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n3")
        assert await backend.switch_over("n2", "l", 1.0) == {"leader": "n2"}
        assert await backend.switch_over("n1", None, 1.0) == {"leader": "n1"}
        with pytest.raises(NotLeader):
            await backend.switch_over("n1", None, 1.0)
        await backend.close()


async def test_a_line_that_the_target_leads_already_need_not_move():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n3")
        report = await backend.switch_over("n1", "l", 1.0)
        assert report == {"target": "n1", "lines": {"l": {"ok": True, "why": "led it already"}}}
        await backend.close()


async def test_members_that_come_later_are_learned_from_a_repeated_welcome():
    async with FakeCluster(1) as cluster:
        backend = await cluster.connect()
        await backend.open_table("films", Leader())
        newcomer = cluster.nodes["n2"] = Node(cluster, "n2")
        await newcomer.start()
        members = tuple((node.name, node.address) for node in cluster.nodes.values())
        (session,) = cluster.nodes["n1"].sessions
        session.connection.send(encode(Welcome(1, cluster.cluster, "n1", members)))
        async with asyncio.timeout(30):
            while "n2" not in backend.addresses:
                await asyncio.sleep(0.001)
        cluster.elect("n2")
        await cluster.nodes["n1"].stop()
        assert [info.name for info in await backend.tables()] == ["films"]
        await backend.close()


async def test_flush_asks_all_and_needs_one():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await cluster.nodes["n3"].stop()
        await backend.flush()
        asked = [
            name
            for name, node in cluster.nodes.items()
            if any(type(request).__name__ == "FlushRequest" for request in node.requests)
        ]
        assert asked == ["n1", "n2"]
        for name in asked:
            await cluster.nodes[name].stop()
        with pytest.raises(Unavailable):
            await backend.flush()
        await backend.close()


async def test_rescued_suffixes_are_listed_with_their_node_shown_and_dropped_there():
    async with FakeCluster() as cluster:
        cluster.rescued = {"n1": {4: [b"g"]}, "n3": {7: [b"g", b"h"]}}
        backend = await cluster.connect("n2")
        assert await backend.rescued() == [
            {"rescued": 4, "line": "l", "node": "n1"},
            {"rescued": 7, "line": "l", "node": "n3"},
        ]
        assert (await backend.show_rescued("n3", 7))["groups"] == 2
        await backend.drop_rescued("n3", 7)
        with pytest.raises(NoSuchCollection):
            await backend.show_rescued("n3", 7)
        with pytest.raises(Unavailable, match="n9"):
            await backend.show_rescued("n9", 1)
        await backend.close()


def group(session, first, *keys):
    return encode_group(session, first, 0, [put(key) for key in keys])


async def test_replay_applies_what_was_lost_once_and_tells_what_was_there_already():
    async with FakeCluster() as cluster:
        cluster.sessions = {5: {}}
        cluster.apply(group(5, 1, "a", "b"))
        cluster.rescued = {"n2": {1: [group(5, 1, "a", "b"), group(5, 3, "c")]}}
        backend = await cluster.connect("n3")
        assert await backend.replay_rescued("n2", 1) == {"applied": 1, "already": 2, "failed": []}
        assert cluster.log == ["a", "b", "c"]
        assert await backend.replay_rescued("n2", 1) == {"applied": 0, "already": 3, "failed": []}
        assert cluster.log == ["a", "b", "c"]
        await backend.close()


async def test_replay_reports_unknown_sessions_and_conflicts_and_goes_on():
    async with FakeCluster() as cluster:
        cluster.sessions = {5: {}}
        cluster.rescued = {"n2": {1: [group(6, 1, "a"), group(5, 1, "b", "c")]}}
        cluster.fail_next = Failed("Conflict", "newer")
        backend = await cluster.connect()
        report = await backend.replay_rescued("n2", 1)
        assert report["applied"] == 1
        assert report["already"] == 0
        assert [(f["index"], f["code"]) for f in report["failed"]] == [
            (0, "SessionEvicted"),
            (1, "Conflict"),
        ]
        assert cluster.log == ["c"]
        await backend.close()


async def test_replay_finds_the_leader_again():
    async with FakeCluster() as cluster:
        cluster.sessions = {5: {}}
        cluster.rescued = {"n2": {1: [group(5, 1, "a")]}}
        backend = await cluster.connect()
        await backend.submit("l", put("x"), None)
        cluster.elect("n3")
        assert (await backend.replay_rescued("n2", 1))["applied"] == 1
        await backend.close()


async def test_a_broken_listener_does_not_hang_an_operator():
    async with FakeCluster() as cluster:
        limits = msgspec.structs.replace(LIMITS, admin_s=0.1, silence_s=5.0)
        backend = await cluster.connect(limits=limits)
        await backend.status()
        cluster.nodes["n2"].mute = True
        async with asyncio.timeout(2):
            nodes = (await backend.status())["nodes"]
        assert "0.1 s" in nodes["n2"]["error"]
        assert encode(nodes)
        await backend.close()
