"""The raw client of NATS: what it sends, and what it makes of what arrives."""

import asyncio
from time import perf_counter

import pytest

pytest.importorskip("nats")

from plait.bench.jetstream_thin import ThinPublishes

ANSWER = b'{"stream":"WRITES","seq":7}'
REFUSAL = b'{"error":{"code":503,"description":"no space"}}'


class Wire:
    """A transport that keeps what is written."""

    def __init__(self):
        self.sent = b""

    def write(self, data):
        self.sent += data


def answer(writer, body=ANSWER):
    return b"MSG _INBOX.thin.%d 1 %d\r\n%s\r\n" % (writer, len(body), body)


def connected(writers, begin=0.0, seconds=60.0):
    protocol = ThinPublishes(writers, (begin, perf_counter() + seconds))
    wire = Wire()
    protocol.connection_made(wire)
    return protocol, wire


async def test_every_writer_publishes_at_first_and_again_when_answered():
    protocol, wire = connected(3)
    assert [wire.sent.count(b"_INBOX.thin.%d 100\r\n" % writer) for writer in range(3)] == [1, 1, 1]
    wire.sent = b""
    protocol.data_received(b"INFO {}\r\n" + answer(0) + answer(2))
    assert [wire.sent.count(b"_INBOX.thin.%d 100\r\n" % writer) for writer in range(3)] == [1, 0, 1]
    assert len(protocol.latencies_s) == 2


async def test_answers_may_arrive_in_any_pieces():
    stream = b"INFO {}\r\n" + answer(0) + b"+OK\r\n" + answer(1) + b"PING\r\n" + answer(0)
    for cut in range(len(stream)):
        protocol, wire = connected(2)
        protocol.data_received(stream[:cut])
        protocol.data_received(stream[cut:])
        assert len(protocol.latencies_s) == 3
        assert wire.sent.count(b"PONG\r\n") == 1


async def test_what_is_answered_before_the_begin_is_not_counted():
    protocol, _ = connected(1, begin=perf_counter() + 30.0)
    protocol.data_received(answer(0))
    assert len(protocol.latencies_s) == 0


async def test_nothing_is_sent_once_the_time_is_over():
    protocol, wire = connected(1, seconds=0.0)
    wire.sent = b""
    protocol.data_received(answer(0))
    assert wire.sent == b""
    await asyncio.wait_for(protocol.done, 1.0)


@pytest.mark.parametrize("data", [answer(0, REFUSAL), b"-ERR 'no'\r\n", answer(0, b"no json")])
async def test_a_refusal_ends_the_round(data):
    protocol, _ = connected(1)
    protocol.data_received(data)
    with pytest.raises(RuntimeError, match="NATS answered"):
        await protocol.done


async def test_a_connection_that_ends_early_is_an_error():
    protocol, _ = connected(1)
    protocol.connection_lost(None)
    with pytest.raises(ConnectionError):
        await protocol.done
