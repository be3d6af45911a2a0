"""TLS between two ends on loopback: who is let in, and what each side hears when nobody is."""

import asyncio
import contextlib
import logging
import os
import stat
from pathlib import Path

import pytest
import uvloop

from plait.base.codec import frame
from plait.base.errors import BadCertificate, BadSettings, Unavailable
from plait.host.address import split_address
from plait.host.tcp import TcpLimits, TcpNetwork
from plait.host.tls import Tls
from tests.tls_files import NOW, Papers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy])
def event_loop_policy(request):
    return request.param()


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path / "certs")


class End:
    """A receiver that keeps what it is told."""

    def __init__(self, connection):
        self.connection = connection
        self.received = []
        self.why = asyncio.get_running_loop().create_future()
        self.got = asyncio.Event()

    def frames(self, frames):
        self.received += frames
        self.got.set()

    def closed(self, reason):
        self.why.set_result(reason)

    async def until(self, count):
        async with asyncio.timeout(10):
            while len(self.received) < count:
                self.got.clear()
                await self.got.wait()


class Listening:
    """A server that shows `tls`."""

    def __init__(self, tls: Tls, limits: TcpLimits | None = None) -> None:
        self.network = TcpNetwork(limits, tls=tls, plain_answer=b"speak TLS")
        self.ends: asyncio.Queue[End] = asyncio.Queue()

    async def __aenter__(self):
        self.listener = await self.network.listen("127.0.0.1:0", self.accept)
        return self

    async def __aexit__(self, *_):
        await self.listener.close()

    def accept(self, connection):
        end = End(connection)
        self.ends.put_nowait(end)
        return end

    async def dial(self, tls: Tls | None) -> End:
        connection = await TcpNetwork(tls=tls).connect(self.listener.address, End, 5)
        return connection._receiver


async def test_frames_of_any_size_pass_both_ways_and_both_ends_know_each_other(papers):
    sent = [os.urandom(size) for size in (0, 1, 16_384, 16_385, 60_000, 3)]
    async with Listening(papers.of("node", "n1")) as server:
        client = await server.dial(papers.of("client", "ann"))
        there = await server.ends.get()
        for one in sent:
            client.connection.send(one)
        await there.until(len(sent))
        assert there.received == sent
        for one in reversed(sent):
            there.connection.send(one)
        await client.until(len(sent))
        assert client.received == sent[::-1]
        assert (there.connection.certified, client.connection.certified) == (
            "client/ann",
            "node/n1",
        )


async def test_megabytes_pass_whole_through_a_reader_that_pauses(papers):
    async with Listening(papers.of("node", "n1")) as server:
        client = await server.dial(papers.of("client", "ann"))
        there = await server.ends.get()
        there.connection.frame_bytes_max = 1 << 24
        big = os.urandom(6 << 20)
        there.connection.pause()
        client.connection.send(big)
        await asyncio.sleep(0)
        assert client.connection.unsent > 0
        there.connection.resume()
        await there.until(1)
        assert there.received == [big]


async def test_what_is_sent_before_a_close_arrives(papers):
    async with Listening(papers.of("node", "n1")) as server:
        client = await server.dial(papers.of("client", "ann"))
        there = await server.ends.get()
        client.connection.send(b"farewell")
        client.connection.close("done")
        await there.until(1)
        assert there.received == [b"farewell"]
        assert await asyncio.wait_for(there.why, 5) == "closed by the peer"
        assert there.connection.refusal is None


async def test_an_expired_certificate_of_a_node_is_refused_and_both_sides_say_so(papers, caplog):
    async with Listening(papers.expired("node", "n1")) as server:
        with caplog.at_level(logging.WARNING, "plait.tls"):
            with pytest.raises(BadCertificate, match=r"127\.0\.0\.1:\d+ has expired"):
                await server.dial(papers.of("client", "ann"))
            await logged(caplog, "the certificate shown here has expired")
        assert server.ends.empty()


async def test_an_expired_certificate_of_a_client_is_refused_and_both_sides_say_so(papers, caplog):
    async with Listening(papers.of("node", "n1")) as server:
        with caplog.at_level(logging.WARNING, "plait.tls"):
            client = await server.dial(papers.expired("client", "ann"))
            assert "has expired" in await asyncio.wait_for(client.why, 5)
            assert isinstance(client.connection.refusal, BadCertificate)
            await logged(caplog, "has expired: renew it")
        assert server.ends.empty()


async def test_who_believes_another_authority_refuses_and_both_sides_say_so(
    papers, tmp_path, caplog
):
    others = Papers(tmp_path / "others")
    async with Listening(papers.of("node", "n1")) as server:
        with caplog.at_level(logging.WARNING, "plait.tls"):
            with pytest.raises(BadCertificate, match="of another authority"):
                await server.dial(others.of("client", "ann"))
            await logged(caplog, "an authority that is not believed there")


async def test_a_certificate_of_another_authority_is_refused_by_the_node(papers, tmp_path):
    strange = Papers(tmp_path / "others").of("client", "ann")
    async with Listening(papers.of("node", "n1")) as server:
        client = await server.dial(Tls(papers.nobody.ca, strange.cert, strange.key))
        assert "not believed there" in await asyncio.wait_for(client.why, 5)
        assert isinstance(client.connection.refusal, BadCertificate)
        assert server.ends.empty()


async def test_a_clients_certificate_does_not_make_a_node(papers):
    async with Listening(papers.of("client", "mallory")) as server:
        with pytest.raises(BadCertificate):
            await server.dial(papers.of("client", "ann"))


async def test_who_shows_no_certificate_is_known_as_such(papers):
    async with Listening(papers.of("node", "n1")) as server:
        await server.dial(papers.nobody)
        assert (await server.ends.get()).connection.certified == ""


async def test_who_speaks_no_tls_is_told_so_in_plain_and_let_go(papers):
    async with Listening(papers.of("node", "n1")) as server:
        client = await server.dial(None)
        client.connection.send(b"hello")
        await client.until(1)
        assert client.received == [b"speak TLS"]
        await asyncio.wait_for(client.why, 5)
        assert server.ends.empty()


async def test_who_says_nothing_in_the_handshake_is_let_go_in_time(papers):
    limits = TcpLimits(first_frame_s=0.05)
    async with Listening(papers.of("node", "n1"), limits) as server:
        host, port = split_address(server.listener.address)
        reader, writer = await asyncio.open_connection(host, port)
        async with asyncio.timeout(30):
            assert await reader.read() == b""
        writer.close()
        assert not server.listener._connections


async def test_dialling_who_speaks_no_tls_ends_with_what_to_look_at(papers):
    network = TcpNetwork()
    listener = await network.listen("127.0.0.1:0", End)
    with pytest.raises(Unavailable, match="does it speak TLS"):
        await TcpNetwork(tls=papers.nobody).connect(listener.address, End, 5)
    await listener.close()


async def test_a_connection_in_its_handshake_counts_against_the_limit(papers):
    limits = TcpLimits(connections_max=1, first_frame_s=5)
    async with Listening(papers.of("node", "n1"), limits) as server:
        host, port = split_address(server.listener.address)
        _, writer = await asyncio.open_connection(host, port)
        while not server.listener._connections:
            await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="hung up in the TLS handshake"):
            await server.dial(papers.of("client", "ann"))
        assert server.ends.empty()
        writer.close()


async def test_a_damaged_record_ends_the_connection_with_a_reason(papers):
    async with Listening(papers.of("node", "n1")) as server:
        client = await server.dial(papers.of("client", "ann"))
        there = await server.ends.get()
        client.connection._transport._raw.write(b"\x17\x03\x03\x00\x20" + bytes(32))
        assert "BadCertificate: no TLS with" in await asyncio.wait_for(there.why, 5)


async def test_a_renewed_certificate_is_shown_without_a_restart(papers):
    async with Listening(papers.expired("node", "n1")) as server:
        with pytest.raises(BadCertificate, match="has expired"):
            await server.dial(papers.of("client", "ann"))
        papers.of("node", "n1", NOW, renew=True)
        client = await server.dial(papers.of("client", "bob"))
        assert client.connection.certified == "node/n1"


async def test_files_that_are_damaged_later_leave_the_certificates_that_were_read(papers, caplog):
    shown = papers.of("node", "n1")
    async with Listening(shown) as server:
        shown.cert.write_text("nothing of the kind")
        client = await server.dial(papers.of("client", "ann"))
        assert client.connection.certified == "node/n1"
    assert "goes on with the certificates that it had" in caplog.text


def test_files_that_are_missing_or_wrong_are_named(papers, tmp_path):
    shown = papers.of("node", "n1")
    with pytest.raises(BadSettings, match=r"nowhere\.pem"):
        TcpNetwork(tls=Tls(tmp_path / "nowhere.pem"))
    with pytest.raises(BadSettings, match="go together"):
        TcpNetwork(tls=Tls(shown.ca, shown.cert))
    other = papers.of("node", "n2")
    with pytest.raises(BadSettings, match=r"node-n1\.pem .*key"):
        TcpNetwork(tls=Tls(shown.ca, shown.cert, other.key))


def test_keys_are_for_their_owner_only_and_nothing_is_overwritten(papers):
    shown = papers.of("node", "n1")
    assert stat.S_IMODE(shown.key.stat().st_mode) == 0o600
    assert stat.S_IMODE((papers.folder / "ca.key").stat().st_mode) == 0o600
    key = shown.key.read_bytes()
    with pytest.raises(BadSettings, match="there already"):
        papers.of("node", "n1")
    papers.of("node", "n1", renew=True)
    assert shown.key.read_bytes() == key
    again = Papers(papers.folder)
    assert again.authority._certificate == papers.authority._certificate


async def logged(caplog, text):
    async with asyncio.timeout(30):
        while text not in caplog.text:
            await asyncio.sleep(0.001)


def test_a_frame_begins_as_no_tls_does():
    assert frame(b"x" * 1000)[:1] == b"\x00"


async def test_beyond_the_limit_nobody_is_shaken_hands_with(papers):
    limits = TcpLimits(connections_max=1, first_frame_s=5)
    async with Listening(papers.of("node", "n1"), limits) as server:
        host, port = split_address(server.listener.address)
        _, first = await asyncio.open_connection(host, port)
        while not server.listener._connections:
            await asyncio.sleep(0)
        reader, second = await asyncio.open_connection(host, port)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 2) == b""  # gone, and it said nothing
        first.close()
        second.close()


async def test_a_connection_that_broke_does_not_wait_for_who_reads_nothing(papers):
    limits = TcpLimits(first_frame_s=0.3, unsent_bytes_max=1 << 28)
    async with Listening(papers.of("node", "n1"), limits) as server:
        client = await server.dial(papers.of("client", "ann"))
        there = await server.ends.get()
        client.connection.send(b"hello")
        await there.until(1)
        client.connection.pause()
        there.connection.send(bytes(32 << 20))
        await asyncio.sleep(0.05)
        client.connection._transport._raw.write(b"\x17\x03\x03\x00\x20" + bytes(32))
        assert "BadCertificate" in await asyncio.wait_for(there.why, 3)
