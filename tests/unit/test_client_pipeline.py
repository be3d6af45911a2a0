import asyncio

import msgspec
import pytest

from plait.api.messages import Applied
from plait.api.pipeline import Pipeline, reject, resolve, without_malformed
from plait.api.port import Receipt
from plait.api.values import put_command
from plait.base.errors import BadValue, Busy, Closed, Conflict
from plait.line.entry import Epoch
from plait.line.outcome import Run
from plait.types.fold import Failed

EPOCH = Epoch(1, "n1")


class Sent(list):
    """Groups as `send` got them."""

    def __call__(self, commands, futures):
        assert len(commands) == len(futures)
        self.append((commands, futures))

    @property
    def commands(self):
        return [commands for commands, _ in self]


async def tick():
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_commands_of_one_tick_leave_as_one_group_in_order():
    sent = Sent()
    pipeline = Pipeline(sent)
    for i in range(5):
        pipeline.submit(b"%d" % i)
    assert not sent
    await tick()
    assert sent.commands == [[b"0", b"1", b"2", b"3", b"4"]]


async def test_commands_of_another_tick_are_another_group_in_flight():
    sent = Sent()
    pipeline = Pipeline(sent)
    pipeline.submit(b"a")
    await tick()
    pipeline.submit(b"b")
    await tick()
    assert sent.commands == [[b"a"], [b"b"]]
    assert pipeline.in_flight == 2


async def test_commands_wait_while_enough_groups_fly_and_then_share_one():
    sent = Sent()
    pipeline = Pipeline(sent, groups_in_flight_max=1)
    for one in (b"a", b"b", b"c"):
        pipeline.submit(one)
        await tick()
    assert sent.commands == [[b"a"]]
    assert pipeline.queued == 2
    pipeline.group_done()
    await tick()
    assert sent.commands == [[b"a"], [b"b", b"c"]]
    assert pipeline.queued == 0


async def test_groups_are_bounded_in_commands():
    sent = Sent()
    pipeline = Pipeline(sent, group_commands_max=2)
    for i in range(5):
        pipeline.submit(b"%d" % i)
    await tick()
    assert sent.commands == [[b"0", b"1"], [b"2", b"3"], [b"4"]]


async def test_groups_are_bounded_in_bytes_but_carry_one_command_of_any_size():
    sent = Sent()
    pipeline = Pipeline(sent, group_bytes_max=400)
    sizes = (100, 100, 100, 1000, 10)
    for size in sizes:
        pipeline.submit(b"x" * size)
    await tick()
    assert [[len(c) for c in group] for group in sent.commands] == [[100, 100], [100], [1000], [10]]
    assert pipeline.queued == 0


async def test_a_full_queue_is_busy_and_takes_commands_again_later():
    sent = Sent()
    pipeline = Pipeline(sent, queued_bytes_max=100, groups_in_flight_max=1)
    kept = pipeline.submit(b"x" * 100)
    refused = pipeline.submit(b"y")
    with pytest.raises(Busy):
        await refused
    await tick()
    later = pipeline.submit(b"z")
    assert not kept.done()
    assert not later.done()


async def test_those_whom_an_answer_wakes_share_the_next_group():
    sent = Sent()
    pipeline = Pipeline(sent, groups_in_flight_max=1)

    async def writer(name):
        for i in range(3):
            await pipeline.submit(b"%s%d" % (name, i))

    writers = [asyncio.create_task(writer(name)) for name in (b"a", b"b", b"c")]
    for i in range(3):
        await tick()
        commands, futures = sent.pop()
        assert commands == [b"a%d" % i, b"b%d" % i, b"c%d" % i]
        resolve(futures, "l", Applied(1, EPOCH, i, 0, i * 3, "majority", ()))
        pipeline.group_done()
    await asyncio.gather(*writers)


async def test_receipts_count_up_from_the_groups_place():
    futures = [asyncio.get_running_loop().create_future() for _ in range(3)]
    futures[1].cancel()
    resolve(futures, "l", Applied(1, EPOCH, 7, 10, 100, "any:1", ()))
    assert futures[0].result() == Receipt("l", EPOCH, 7, 10, 100, "any:1")
    assert futures[2].result() == Receipt("l", EPOCH, 7, 12, 102, "any:1")
    assert isinstance(futures[0].result(), Receipt)


async def test_a_command_that_failed_raises_its_own_error_and_the_others_have_receipts():
    futures = [asyncio.get_running_loop().create_future() for _ in range(3)]
    failures = ((1, Failed("Conflict", "lost", {"key": "k"})), (9, Failed("Conflict", "no such")))
    resolve(futures, "l", Applied(1, EPOCH, 7, 0, 100, "leader", failures))
    with pytest.raises(Conflict, match="lost") as raised:
        await futures[1]
    assert raised.value.details == {"key": "k"}
    assert futures[2].result().version == 102


async def test_a_closed_pipeline_fails_what_is_queued_and_what_comes():
    sent = Sent()
    pipeline = Pipeline(sent)
    queued = pipeline.submit(b"a")
    pipeline.close(Closed("gone"))
    for future in (queued, pipeline.submit(b"b")):
        with pytest.raises(Closed):
            await future
    await tick()
    assert not sent


async def test_rejected_futures_have_error_objects_of_their_own():
    futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
    reject(futures, Busy("full"))
    errors = [future.exception() for future in futures]
    assert [type(error) for error in errors] == [Busy, Busy]
    assert errors[0] is not errors[1]


async def test_parts_of_a_retried_group_have_the_places_where_they_were_logged():
    """The first two commands were logged in an earlier epoch than the last."""
    futures = [asyncio.get_running_loop().create_future() for _ in range(4)]
    runs = (Run(0, 2, 3, 1, 50, Epoch(1, "n1")), Run(2, 2, 7, 0, 100, Epoch(2, "n2")))
    failures = ((1, Failed("Conflict", "lost")),)
    resolve(futures, "l", Applied(1, Epoch(2, "n2"), 7, 0, 100, "majority", failures, runs))
    with pytest.raises(Conflict):
        await futures[1]
    places = [futures[i].result()[1:5] for i in (0, 2, 3)]
    assert places == [
        (Epoch(1, "n1"), 3, 1, 50), (Epoch(2, "n2"), 7, 0, 100), (Epoch(2, "n2"), 7, 1, 101),
    ]  # fmt: skip


async def test_what_machines_return_is_in_their_receipts():
    futures = [asyncio.get_running_loop().create_future() for _ in range(3)]
    futures[0].cancel()
    resolve(futures, "l", Applied(1, EPOCH, 7, 0, 5, "all", (), (), ((1, b"\x01"),)))
    assert futures[1].result() == Receipt("l", EPOCH, 7, 1, 6, "all", b"\x01")
    assert futures[2].result().returned is None


async def test_only_the_malformed_commands_of_a_refused_group_are_to_blame():
    good = put_command(1, "a", {"x": msgspec.Raw(b"\x01")}, None)
    bad = [put_command(1, "a", msgspec.Raw(raw), None) for raw in (b"", b"\xc1", b"\x01\x02")]
    commands = [good, *bad, good]
    futures = [asyncio.get_running_loop().create_future() for _ in commands]
    kept, waiting = without_malformed(commands, futures)
    assert (kept, waiting) == ([good, good], [futures[0], futures[4]])
    for future in futures[1:4]:
        with pytest.raises(BadValue, match=r"msgspec\.Raw"):
            await future
