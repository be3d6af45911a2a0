import asyncio
import random
import struct
import sys
from itertools import pairwise

import pytest
import uvloop

from plait.base.codec import FrameDecoder, frame
from plait.base.errors import BadFrame, BadSettings, Unavailable
from plait.host.address import join_address, split_address
from plait.host.clock import SystemClock
from plait.host.loop import SWITCH_INTERVAL_S, run, tune_process
from plait.host.tcp import TcpConnection, TcpLimits, TcpNetwork

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy])
def event_loop_policy(request):
    return request.param()


class Recorder:
    """A receiver that writes down what it is told."""

    def __init__(self, connection):
        self.connection = connection
        self.calls = []
        self.ends = []
        self.got = asyncio.Event()
        self.ended = asyncio.Event()

    def frames(self, frames):
        self.calls.append(frames)
        self.got.set()

    def closed(self, reason):
        self.ends.append(reason)
        self.ended.set()

    @property
    def received(self):
        return [one for call in self.calls for one in call]

    async def until(self, count):
        async with asyncio.timeout(30):
            while len(self.received) < count:
                self.got.clear()
                await self.got.wait()


class Server:
    """A listener whose connections are recorded."""

    def __init__(self, make=Recorder, **limits):
        self.make = make
        self.network = TcpNetwork(TcpLimits(**limits))
        self.recorders = asyncio.Queue()

    async def __aenter__(self):
        self.listener = await self.network.listen("127.0.0.1:0", self.accept)
        return self

    async def __aexit__(self, *_):
        await self.listener.close()

    def accept(self, connection):
        recorder = self.make(connection)
        self.recorders.put_nowait(recorder)
        return recorder

    async def raw(self):
        """A bare stream to the server, and what the server sees of it."""
        host, port = split_address(self.listener.address)
        _, writer = await asyncio.open_connection(host, port)
        return writer, await self.recorders.get()

    async def client(self):
        """A connection of ours to the server: both ends' recorders."""
        connection = await self.network.connect(self.listener.address, Recorder, 5)
        return connection._receiver, await self.recorders.get()


async def ended(recorder):
    async with asyncio.timeout(30):
        await recorder.ended.wait()
    return recorder.ends[-1]


async def test_frames_of_one_tick_arrive_in_one_call_and_in_order():
    async with Server() as server:
        client, there = await server.client()
        sent = [bytes([i]) * i for i in range(100)]
        for one in sent:
            client.connection.send(one)
        await there.until(100)
        assert there.received == sent
        assert len(there.calls) == 1


async def test_one_tick_costs_one_write():
    class Transport(asyncio.Transport):
        def __init__(self):
            super().__init__()
            self.writes = []

        def write(self, data):
            self.writes.append(data)

        def get_write_buffer_size(self):
            return 0

    connection = TcpConnection(Recorder, TcpLimits(), lambda _: None)
    transport = Transport()
    connection.connection_made(transport)
    for one in (b"a", b"bc", b""):
        connection.send(one)
    assert connection.unsent == 3 + 3 * 4
    await asyncio.sleep(0)
    assert transport.writes == [frame(b"a") + frame(b"bc") + frame(b"")]
    assert connection.unsent == 0
    connection.connection_lost(None)


async def test_close_flushes_what_was_sent_and_is_told_once_at_each_end():
    async with Server() as server:
        client, there = await server.client()
        client.connection.send(b"last words")
        client.connection.close("done")
        client.connection.close("again")
        client.connection.send(b"too late")
        await ended(there)
        assert there.received == [b"last words"]
        assert await ended(client) == "done"
        assert len(client.ends) == len(there.ends) == 1


async def test_a_giant_length_closes_the_connection_and_costs_no_memory():
    async with Server() as server:
        writer, there = await server.raw()
        writer.write(frame(b"hello") + struct.pack(">I", 0xFFFFFFFF) + b"x" * 1000)
        assert "BadFrame" in await ended(there)
        assert there.received == [b"hello"]
        assert there.connection._decoder.unfinished < 2000
        writer.close()


async def test_a_frame_before_the_handshake_is_small():
    async with Server(handshake_bytes_max=100) as server:
        client, there = await server.client()
        client.connection.send(b"x" * 101)
        assert "101" in await ended(there)


async def test_an_owner_that_raises_the_limit_gets_the_long_frame_of_the_same_chunk():
    class Raising(Recorder):
        def frames(self, frames):
            self.connection.frame_bytes_max = 1 << 20
            super().frames(frames)

    async with Server(make=Raising, handshake_bytes_max=100) as server:
        client, there = await server.client()
        client.connection.send(b"hello")
        client.connection.send(b"x" * 5000)
        client.connection.send(b"y")
        await there.until(3)
        assert there.received == [b"hello", b"x" * 5000, b"y"]


async def test_a_silent_peer_is_closed_after_the_first_frame_deadline():
    async with Server(first_frame_s=0.02) as server:
        writer, there = await server.raw()
        assert "first frame" in await ended(there)
        writer.close()


async def test_a_frame_that_never_finishes_is_closed_though_bytes_keep_dripping():
    async with Server(first_frame_s=5, unfinished_frame_s=0.1) as server:
        writer, there = await server.raw()
        writer.write(frame(b"hello"))
        await there.until(1)

        async def drip():
            writer.write(struct.pack(">I", 60000))
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.005)

        dripping = asyncio.create_task(drip())
        assert "not finished" in await ended(there)
        dripping.cancel()
        assert there.received == [b"hello"]
        writer.close()


async def test_slow_frames_that_do_finish_are_no_offence():
    async with Server(unfinished_frame_s=0.1) as server:
        writer, there = await server.raw()
        for start, stop in pairwise(range(0, 31, 1)):
            data = b"".join(frame(bytes([i])) for i in range(30))
            writer.write(data[start * 5 : stop * 5][:3])
            await asyncio.sleep(0.01)
            writer.write(data[start * 5 : stop * 5][3:])
        await there.until(30)
        assert there.received == [bytes([i]) for i in range(30)]
        assert not there.ends
        writer.close()


@pytest.mark.parametrize("seed", range(5))
async def test_random_bytes_harm_nobody_else(seed):
    rng = random.Random(seed)
    async with Server(unfinished_frame_s=0.05) as server:
        honest, there = await server.client()
        honest.connection.send(b"before")
        await there.until(1)
        hostile = []
        for _ in range(20):
            writer, victim = await server.raw()
            writer.write(rng.randbytes(rng.randrange(1, 3000)))
            hostile.append((writer, victim))
        for writer, victim in hostile:
            writer.write_eof()
            await ended(victim)
            assert len(victim.ends) == 1
            writer.close()
        honest.connection.send(b"after")
        await there.until(2)
        assert there.received == [b"before", b"after"]


async def test_a_peer_that_hangs_up_inside_a_frame_leaves_nothing_behind():
    async with Server() as server:
        writer, there = await server.raw()
        writer.write(frame(b"whole") + frame(b"half of it")[:7])
        writer.close()
        await ended(there)
        assert there.received == [b"whole"]
        assert not server.listener._connections


async def test_too_many_connections_are_refused_without_harm_to_the_others():
    async with Server(connections_max=1) as server:
        first, there = await server.client()
        second = await server.network.connect(server.listener.address, Recorder, 5)
        await ended(second._receiver)
        first.connection.send(b"still here")
        await there.until(1)
        first.connection.close()
        await ended(there)
        third, there = await server.client()
        third.connection.send(b"room again")
        await there.until(1)


async def test_unsent_grows_while_the_peer_does_not_read_and_shrinks_when_it_does():
    async with Server() as server:
        client, there = await server.client()
        client.connection.send(b"hello")
        await there.until(1)
        there.connection.frame_bytes_max = 1 << 20
        there.connection.pause()
        for _ in range(64):
            client.connection.send(b"x" * (1 << 18))
        await asyncio.sleep(0)
        assert client.connection.unsent > 1 << 20
        there.connection.resume()
        await there.until(65)
        assert client.connection.unsent == 0


async def test_a_peer_that_never_reads_is_cut_off():
    async with Server(unsent_bytes_max=1 << 20) as server:
        client, there = await server.client()
        there.connection.pause()
        for _ in range(200):
            client.connection.send(b"x" * (1 << 18))
        assert "unread" in await ended(client)
        assert client.connection.unsent == 0


async def test_a_failing_receiver_loses_its_own_connection_only():
    class Failing(Recorder):
        def frames(self, frames):
            raise BadFrame("not a message")

    async with Server(make=Failing) as server:
        client, there = await server.client()
        client.connection.send(b"anything")
        assert "not a message" in await ended(there)
        again, _ = await server.client()
        assert not again.ends


async def test_nobody_there_is_unavailable():
    async with Server() as server:
        address = server.listener.address
    with pytest.raises(Unavailable, match=address):
        await server.network.connect(address, Recorder, 1)


async def test_a_taken_address_says_so():
    async with Server() as server:
        with pytest.raises(Unavailable, match="cannot listen"):
            await server.network.listen(server.listener.address, Recorder)


@pytest.mark.parametrize("seed", range(30))
def test_a_stream_cut_anywhere_gives_the_same_frames(seed):
    rng = random.Random(seed)
    frames = [rng.randbytes(rng.choice((0, 1, 3, 50, 3000))) for _ in range(30)]
    stream = b"".join(map(frame, frames))
    decoder, found, at = FrameDecoder(), [], 0
    while at < len(stream):
        size = rng.choice((1, 2, 5, 100, 5000))
        found += decoder.feed(stream[at : at + size])
        at += size
    assert found == frames
    assert all(type(one) is bytes for one in found)
    assert decoder.unfinished == 0


@pytest.mark.parametrize("seed", range(30))
def test_random_bytes_give_short_frames_and_a_bad_frame_in_bounded_memory(seed):
    rng = random.Random(seed)
    decoder = FrameDecoder(frame_bytes_max=1000)

    def feed_for_long():
        for _ in range(2000):
            chunk = bytes(rng.choice((0, 0, 0, 1, 3, 255)) for _ in range(rng.randrange(200)))
            assert all(len(one) <= 1000 for one in decoder.feed(chunk))
            assert decoder.unfinished <= 1004 + len(chunk)

    with pytest.raises(BadFrame):
        feed_for_long()


def test_addresses_are_split_and_joined():
    assert split_address("a.example:80") == ("a.example", 80)
    assert split_address("[::1]:80") == ("::1", 80)
    assert split_address("host", 7401) == ("host", 7401)
    assert join_address("::1", 80) == "[::1]:80"
    for wrong in ("host", ":80", "host:", "host:x", "host:65536", "::1", "[::1", "a b:1", "h:-1"):
        with pytest.raises(BadSettings):
            split_address(wrong)


def test_run_uses_uvloop_and_tune_process_shortens_the_switch_interval():
    async def which():
        return type(asyncio.get_running_loop()).__module__

    assert run(which()).startswith("uvloop")
    before = sys.getswitchinterval()
    try:
        tune_process()
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
    finally:
        sys.setswitchinterval(before)


def test_the_system_clock_runs_forward_and_knows_the_year():
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.wall_ms() > 1_700_000_000_000
