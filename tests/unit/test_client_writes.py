import asyncio

import msgspec
import pytest
from client_fakes import LIMITS, FakeCluster, put

from plait.api.values import put_command
from plait.base.errors import (
    BadSettings,
    BadValue,
    Busy,
    Closed,
    Conflict,
    NotLeader,
    ReadOnly,
    Unavailable,
)
from plait.types.commands import OpenSession, decode_group
from plait.types.fold import Failed


def groups(node):
    return [decode_group(p.group) for p in node.proposals if decode_group(p.group).session]


async def test_a_write_goes_to_the_leader_and_gets_a_receipt():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n2")
        receipt = await backend.submit("l", put("a"), None)
        assert (receipt.line, receipt.epoch, receipt.version) == ("l", cluster.epoch, 1)
        assert receipt.acks == "majority"
        assert cluster.log == ["a"]
        assert not cluster.nodes["n2"].proposals
        await backend.close()


async def test_a_line_has_one_session_that_is_opened_before_the_first_write():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        for key in "abc":
            await backend.submit("l", put(key), None)
        opening, *rest = (decode_group(p.group) for p in cluster.nodes["n1"].proposals)
        (command,) = opening.commands
        assert isinstance(command, OpenSession)
        assert [group.session for group in rest] == [command.session] * 3
        assert [group.first_sequence for group in rest] == [1, 2, 3]
        assert [group.answered_below for group in rest] == [1, 2, 3]
        await backend.close()


async def test_writes_of_one_tick_share_a_group_and_have_consecutive_places():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        receipts = await asyncio.gather(
            *(backend.submit("l", put(f"k{i}"), None) for i in range(50))
        )
        assert len(groups(cluster.nodes["n1"])) == 1
        assert [r.version for r in receipts] == list(range(1, 51))
        assert [r.offset for r in receipts] == list(range(50))
        await backend.close()


async def test_stronger_acks_travel_with_their_own_group():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        weak, strong = await asyncio.gather(
            backend.submit("l", put("a"), None), backend.submit("l", put("b"), "all")
        )
        assert (weak.acks, strong.acks) == ("majority", "all")
        await backend.close()


async def test_a_commands_own_failure_is_raised_to_its_caller_only():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("first"), None)
        cluster.fail_next = Failed("Conflict", "lost the race")
        lost, won = await asyncio.gather(
            backend.submit("l", put("a"), None),
            backend.submit("l", put("b"), None),
            return_exceptions=True,
        )
        assert isinstance(lost, Conflict)
        assert won.version == 3
        await backend.close()


async def test_a_write_whose_answer_was_lost_is_sent_again_as_the_same_bytes_and_applied_once():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("a"), None)
        cluster.nodes["n1"].drop_after = 2
        receipt = await backend.submit("l", put("b"), None)
        assert cluster.log == ["a", "b"]
        assert receipt.version == 2
        sent = [p.group for p in cluster.nodes["n1"].proposals][2:]
        assert len(sent) == 3
        assert len(set(sent)) == 1
        await backend.close()


async def test_an_answer_that_never_comes_from_a_live_leader_is_asked_for_again():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("a"), None)
        cluster.nodes["n1"].swallow = 1
        receipt = await backend.submit("l", put("b"), None)
        assert receipt.version == 2
        assert cluster.log == ["a", "b"]
        await backend.close()


async def test_every_write_survives_a_leader_that_dies_under_load_exactly_once_and_in_order():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("warm"), None)

        async def load(name):
            for i in range(20):
                await backend.submit("l", put(f"{name}/{i}"), None)

        async def faults():
            for turn in range(6):
                await asyncio.sleep(0.01)
                node = cluster.nodes[cluster.leader]
                if turn % 3 == 0:
                    node.drop_after = 1
                elif turn % 3 == 1:
                    node.drop_before = 1
                cluster.elect(f"n{turn % 3 + 1}")

        await asyncio.gather(faults(), *(load(f"w{i}") for i in range(16)))
        assert len(cluster.log) == len(set(cluster.log)) == 1 + 16 * 20
        for i in range(16):
            mine = [key for key in cluster.log if key.startswith(f"w{i}/")]
            assert mine == [f"w{i}/{n}" for n in range(20)]
        await backend.close()


async def test_groups_that_were_in_flight_together_are_sent_again_in_order():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("warm"), None)
        cluster.nodes["n1"].drop_before = 1
        writes = []
        for i in range(6):
            writes.append(backend.submit("l", put(f"k{i}"), None))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.gather(*writes)
        assert cluster.log == ["warm", *(f"k{i}" for i in range(6))]
        await backend.close()


async def test_a_refusal_that_names_the_leader_is_followed():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n1")
        await backend.submit("l", put("a"), None)
        cluster.elect("n3")
        receipt = await backend.submit("l", put("b"), None)
        assert receipt.epoch.candidate == "n3"
        assert cluster.log == ["a", "b"]
        assert len(groups(cluster.nodes["n1"])) == 2
        await backend.close()


async def test_a_deposed_leader_that_believes_in_itself_is_not_believed_twice():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n1")
        await backend.submit("l", put("a"), None)
        cluster.elect("n2")
        cluster.nodes["n1"].believes = "n1"
        cluster.nodes["n1"].refuse = [Unavailable("no follower answers")]
        receipt = await backend.submit("l", put("b"), None)
        assert receipt.epoch.candidate == "n2"
        assert len(groups(cluster.nodes["n1"])) == 2
        await backend.close()


async def test_nodes_that_name_each_other_from_old_knowledge_do_not_hide_the_leader():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n1")
        await backend.submit("l", put("a"), None)
        cluster.elect("n3")
        cluster.nodes["n1"].believes = "n2"
        cluster.nodes["n2"].believes = "n1"
        receipt = await backend.submit("l", put("b"), None)
        assert receipt.epoch.candidate == "n3"
        first, second, leader = (len(groups(node)) for node in cluster.nodes.values())
        assert leader == 1
        assert first + second <= 4, "going back and forth between the two ends"
        await backend.close()


async def test_a_node_that_refuses_and_names_itself_is_not_believed():
    async with FakeCluster() as cluster:
        backend = await cluster.connect("n1")
        await backend.submit("l", put("a"), None)
        cluster.elect("n2")
        cluster.nodes["n1"].believes = "n1"
        receipt = await backend.submit("l", put("b"), None)
        assert receipt.epoch.candidate == "n2"
        assert len(groups(cluster.nodes["n1"])) == 2
        await backend.close()


async def test_a_stopped_leader_is_noticed_by_its_silence():
    async with FakeCluster() as cluster:
        limits = msgspec.structs.replace(LIMITS, attempt_s=10.0)
        backend = await cluster.connect(limits=limits)
        await backend.submit("l", put("a"), None)
        cluster.nodes["n1"].mute = True
        write = asyncio.ensure_future(backend.submit("l", put("b"), None))
        await asyncio.sleep(0.05)
        cluster.elect("n2")
        assert (await write).epoch.candidate == "n2"
        await backend.close()


async def test_a_busy_leader_is_asked_again():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("a"), None)
        cluster.nodes["n1"].refuse = [Busy("full"), Busy("full")]
        await backend.submit("l", put("b"), None)
        assert cluster.log == ["a", "b"]
        await backend.close()


async def test_a_refusal_that_no_retry_mends_is_raised_at_once():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("a"), None)
        cluster.nodes["n1"].refuse = [ReadOnly("disk full")]
        with pytest.raises(ReadOnly, match="disk full"):
            await backend.submit("l", put("b"), None)
        await backend.submit("l", put("c"), None)
        assert cluster.log == ["a", "c"]
        await backend.close()


async def test_without_a_leader_a_write_is_unavailable_in_time_and_says_what_was_tried():
    async with FakeCluster() as cluster:
        backend = await cluster.connect(limits=msgspec.structs.replace(LIMITS, write_s=0.2))
        await backend.submit("l", put("a"), None)
        cluster.leader = "nobody"
        with pytest.raises(Unavailable, match=r"line 'l'.*0.2 s.*NotLeader"):
            await backend.submit("l", put("b"), None)
        cluster.elect("n2")
        await backend.submit("l", put("c"), None)
        assert cluster.log == ["a", "c"]
        await backend.close()


async def test_an_evicted_session_is_replaced_and_commands_without_a_past_go_on_in_the_new_one():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("a"), None)
        old = dict(cluster.sessions)
        cluster.sessions.clear()
        await asyncio.gather(*(backend.submit("l", put(key), None) for key in "bcd"))
        assert cluster.log == ["a", "b", "c", "d"]
        assert len(cluster.sessions) == 1
        assert not set(cluster.sessions) & set(old)
        await backend.close()


async def test_an_evicted_command_that_may_have_happened_before_fails_as_such():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("a"), None)
        cluster.nodes["n1"].drop_after = 1
        apply = cluster.apply

        def apply_and_evict(data):
            answer = apply(data)
            if "b" in cluster.log:
                cluster.sessions.clear()
                cluster.apply = apply
            return answer

        cluster.apply = apply_and_evict
        with pytest.raises(Unavailable, match=r"SessionEvicted: .* may have taken effect"):
            await backend.submit("l", put("b"), None)
        await backend.submit("l", put("c"), None)
        assert cluster.log == ["a", "b", "c"]
        await backend.close()


async def test_a_refusal_does_not_say_that_an_earlier_attempt_did_nothing():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("a"), None)
        cluster.nodes["n1"].refuse = [Unavailable("the disk refused it"), ReadOnly("no space")]
        with pytest.raises(Unavailable, match=r"ReadOnly: no space; .* may have taken effect"):
            await backend.submit("l", put("b"), None)
        cluster.nodes["n1"].refuse = [ReadOnly("no space")]
        with pytest.raises(ReadOnly):
            await backend.submit("l", put("c"), None)
        await backend.close()


async def test_a_refused_attempt_leaves_no_doubt_when_the_session_is_evicted_later():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        await backend.submit("l", put("a"), None)
        cluster.sessions.clear()
        cluster.nodes["n1"].refuse = [NotLeader("wait")]
        await backend.submit("l", put("b"), None)
        assert cluster.log == ["a", "b"]
        await backend.close()


async def test_too_many_bytes_waiting_is_busy():
    async with FakeCluster() as cluster:
        limits = msgspec.structs.replace(LIMITS, queued_bytes_max=1000, groups_in_flight_max=1)
        backend = await cluster.connect(limits=limits)
        writes = [backend.submit("l", put(f"k{i}", "x" * 100), None) for i in range(20)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        refused = [r for r in results if isinstance(r, Busy)]
        assert 0 < len(refused) < 20
        assert len(cluster.log) == 20 - len(refused)
        await backend.close()


async def test_close_fails_unanswered_writes_as_unclear_and_unsent_ones_as_closed():
    async with FakeCluster() as cluster:
        limits = msgspec.structs.replace(LIMITS, groups_in_flight_max=1)
        backend = await cluster.connect(limits=limits)
        await backend.submit("l", put("a"), None)
        cluster.nodes["n1"].mute = True
        sent = backend.submit("l", put("b"), None)
        await asyncio.sleep(0.02)
        queued = backend.submit("l", put("c"), None)
        await backend.close()
        with pytest.raises(Unavailable):
            await sent
        with pytest.raises(Closed):
            await queued
        with pytest.raises(Closed):
            await backend.submit("l", put("d"), None)
        with pytest.raises(Closed):
            await backend.tables()


async def test_the_same_seed_draws_the_same_session():
    import random

    drawn = []
    for _ in range(2):
        async with FakeCluster(1) as cluster:
            backend = await cluster.connect(random=random.Random(7))
            await backend.submit("l", put("a"), None)
            drawn.append(list(cluster.sessions))
            await backend.close()
    assert drawn[0] == drawn[1]


async def test_a_bad_address_is_refused_before_anything_is_tried():
    from plait.client.backend import connect

    with pytest.raises(BadSettings):
        await connect("http://x")


async def test_a_malformed_value_fails_its_own_write_and_no_other():
    async with FakeCluster() as cluster:
        backend = await cluster.connect()
        writes = [put("a"), put_command(1, "b", msgspec.Raw(b"\xc1"), None), put("c")]
        first, bad, last = await asyncio.gather(
            *(backend.submit("l", write, None) for write in writes), return_exceptions=True
        )
        assert isinstance(bad, BadValue)
        assert (first.line, last.line) == ("l", "l")
        assert cluster.log == ["a", "c"]
        (alone,) = await asyncio.gather(
            backend.submit("l", writes[1], None), return_exceptions=True
        )
        assert isinstance(alone, BadValue)
        await backend.close()
