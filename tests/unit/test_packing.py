"""Links between zones: what is packed, what old nodes hear, how bulk is held back."""

import asyncio
import contextlib
from random import Random
from typing import Any

import msgspec
import pytest

from plait.api.messages import PROTOCOL, Failure
from plait.base.codec import FRAME_BYTES_MAX
from plait.base.errors import BadFrame
from plait.line.entry import Epoch
from plait.line.replication.messages import Append
from plait.node.packing import PACK_BYTES_MIN, PACKINGS, Packed, pack, unpack
from plait.node.peers import IncomingPeer, Link, PeerHello, PeerWelcome
from plait.node.throttle import BURST_S, Throttle
from tests.fakes import FakeClock

ROW = b'{"title": "Blockbuster", "year": 2026}' * 100
HELLO = PeerHello(PROTOCOL, "c", "a")


def append(*rows: bytes) -> Append:
    return Append("line", Epoch(1, "a"), 5, Epoch(1, "a"), rows, 5, 6, 6, 100)


class OldWelcome(msgspec.Struct, frozen=True, array_like=True, tag=51):
    """As nodes said it before links were packed."""

    protocol: int
    node: str
    reads: int = 1


class Wire:
    """A network with one peer, and all that was said to it."""

    certified: str | None = None

    def __init__(self, welcome: Any) -> None:
        self.welcome = welcome
        self.said: list[bytes] = []
        self.unsent = 0
        self.frame_bytes_max = FRAME_BYTES_MAX
        self.peer = "b"

    async def connect(self, address: str, accept: Any, timeout: float) -> "Wire":
        self._receiver = accept(self)
        return self

    def send(self, frame: bytes) -> None:
        if self.said or msgspec.msgpack.decode(frame)[0] != 50:
            self.said.append(frame)
        else:
            asyncio.get_running_loop().call_soon(
                self._receiver.frames, [msgspec.msgpack.encode(self.welcome)]
            )

    def close(self, reason: str = "") -> None:
        pass


async def linked(welcome: Any, crosses: bool = True) -> tuple[Link, Wire]:
    wire = Wire(welcome)
    up = asyncio.Event()
    link = Link(
        "b", "b:1", HELLO, wire, FakeClock(), Random(0),  # type: ignore[arg-type]
        lambda peer: up.set(), lambda peer: None, 1 << 20, lambda: crosses,
    )  # fmt: skip
    await up.wait()
    return link, wire


async def test_a_long_message_to_another_zone_is_packed_and_heard_as_it_was() -> None:
    link, wire = await linked(PeerWelcome(1, "b", 5, PACKINGS))
    message = append(ROW, ROW)
    link.send(message)
    heard: list[Any] = []
    IncomingPeer("a", lambda peer, said: heard.append(said), lambda peer: None).frames(wire.said)
    assert heard == [message]
    assert len(wire.said[0]) < len(ROW) / 5
    assert (link.said_bytes > 2 * len(ROW), link.sent_bytes) == (True, len(wire.said[0]))
    await link.close()


@pytest.mark.parametrize(
    ("welcome", "crosses", "row"),
    [
        (OldWelcome(1, "b", 4), True, ROW),  # cannot unpack
        (PeerWelcome(1, "b", 5, PACKINGS), False, ROW),  # of this zone
        (PeerWelcome(1, "b", 5, PACKINGS), True, b"short"),
        (PeerWelcome(1, "b", 5, PACKINGS), True, Random(1).randbytes(5000)),  # nothing to gain
    ],
)
async def test_else_a_message_goes_as_it_is(welcome: Any, crosses: bool, row: bytes) -> None:
    link, wire = await linked(welcome, crosses)
    link.send(append(row))
    assert wire.said == [msgspec.msgpack.encode(append(row))]
    await link.close()


def test_an_old_node_reads_a_new_hello_and_a_new_welcome() -> None:
    class OldHello(msgspec.Struct, frozen=True, array_like=True, tag=50):
        protocols: tuple[int, ...]
        cluster: str
        node: str
        address: str = ""
        reads: int = 1

    hello = PeerHello(PROTOCOL, "c", "a", "a:1", 5, "eu")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(hello), type=OldHello).reads == 5
    welcome = msgspec.msgpack.encode(PeerWelcome(1, "b", 5, PACKINGS))
    assert msgspec.msgpack.decode(welcome, type=OldWelcome) == OldWelcome(1, "b", 5)


def test_what_is_damaged_cut_off_or_a_bomb_is_refused() -> None:
    data = pack(ROW)
    assert data is not None
    assert unpack(data) == ROW
    bomb = pack(bytes(FRAME_BYTES_MAX + 1))
    assert bomb is not None
    for wrong in (b"", b"junk" * 300, data[:-5], data + b"more", bomb):
        with pytest.raises(BadFrame):
            unpack(wrong)


def test_a_message_that_was_packed_twice_is_refused() -> None:
    once = msgspec.msgpack.encode(Packed(pack(msgspec.msgpack.encode(append(ROW))) or b""))
    twice = msgspec.msgpack.encode(Packed(pack(once + bytes(PACK_BYTES_MIN)) or b""))
    peer = IncomingPeer("a", lambda peer, said: None, lambda peer: None)
    with pytest.raises(BadFrame):
        peer.frames([twice])


@pytest.mark.parametrize("piece", [100, 1000, 5000])
def test_no_more_goes_than_the_rate_and_one_burst(piece: int) -> None:
    random, rate = Random(piece), 1000.0
    throttle, now, sent = Throttle(rate, 0.0), 0.0, 0
    while now < 60.0:
        now += throttle.take(piece, now)
        sent += piece
        assert sent <= (now + BURST_S) * rate + piece
        now += random.choice((0.0, 0.0, 0.3))
    assert sent >= 20 * rate


def test_what_was_not_used_is_no_more_than_a_burst() -> None:
    throttle = Throttle(1000.0, 0.0)
    assert throttle.take(1000, 3600.0) == 0.0
    assert throttle.take(1000, 3600.0) == 1.0


class Hasty(Wire):
    """Who is there answers before it was asked, and shows another node's certificate."""

    certified = "node/c"

    async def connect(self, address: str, accept: Any, timeout: float) -> "Wire":
        self._receiver = accept(self)
        for answer in (self.welcome, Failure(0, "WrongCluster", "you left", {"left": "a"})):
            with contextlib.suppress(BadFrame):
                self._receiver.frames([msgspec.msgpack.encode(answer)])
        return self


async def test_who_is_not_who_was_dialled_is_not_listened_to() -> None:
    ups: list[str] = []
    wire = Hasty(PeerWelcome(1, "b", 5, PACKINGS))
    link = Link(
        "b", "b:1", HELLO, wire, FakeClock(), Random(0),  # type: ignore[arg-type]
        ups.append, lambda peer: None, 1 << 20,
    )  # fmt: skip
    while link.refused is None:
        await asyncio.sleep(0)
    assert (link.up, link.left, ups) == (False, False, [])
    assert "shows node/c" in link.refused
    await link.close()
