"""A webhook: tried until it is taken, with a key that stays."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from plait.api.settings import Leader
from plait.api.store import Store
from plait.base.errors import BadSettings, Unavailable
from plait.sinks import WebhookSink, deliver
from plait.sinks import webhook as module
from tests.fakes_backend import FakeBackend


class Receiver:
    """Answers what it is told to, then 204; None breaks the connection after it has heard."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.heard = []
        self.port = 0

    async def serve(self, reader, writer):
        try:
            while line := await reader.readline():
                headers = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(": ")
                    headers[name.lower()] = value
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.heard.append((line.decode().strip(), headers, body))
                answer = self.answers.pop(0) if self.answers else "204 No Content"
                if answer is None:
                    return
                writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        finally:
            writer.close()

    @property
    def cursors(self):
        return [body["cursor"] for _, _, body in self.heard]


@asynccontextmanager
async def receiving(*answers):
    receiver = Receiver(answers)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "PAUSE_S_MIN", 0.001)


async def post(receiver, limit, puts=2, **more):
    table = await Store(FakeBackend()).table("films", Leader())
    async with table.transaction() as t:
        t["a"], t["b"] = 1, {"title": "é"}
    for n in range(puts):
        await table.put("c", n)
    url = f"http://ann:s%20x@127.0.0.1:{receiver.port}/hook?x=1"
    sink = WebhookSink(url, "films", "search", **more)
    await asyncio.wait_for(deliver(table, "search", sink, "0.0", limit=limit), 10)
    return table


async def test_each_transaction_is_one_post_with_a_key_of_its_own():
    async with receiving() as receiver:
        await post(receiver, 4)
    line, headers, body = receiver.heard[0]
    assert line == "POST /hook?x=1 HTTP/1.1"
    assert headers["idempotency-key"] == "films/search/0.1"
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Basic YW5uOnMgeA=="
    assert body == {
        "table": "films", "group": "search", "cursor": "0.1", "version": 1, "time_ms": 1000,
        "changes": [{"key": "a", "value": 1}, {"key": "b", "value": {"title": "é"}}],
    }  # fmt: skip
    assert receiver.cursors == ["0.1", "1.1", "2.1"]


async def test_what_was_not_taken_is_sent_again_with_the_same_key_before_anything_else():
    async with receiving("503 Busy", None, "429 Slow\r\nRetry-After: 0", "200 OK") as receiver:
        await post(receiver, 4)
    assert receiver.cursors == ["0.1"] * 4 + ["1.1", "2.1"]
    assert len({headers["idempotency-key"] for _, headers, _ in receiver.heard}) == 3


async def test_a_refusal_ends_it_at_once():
    async with receiving("204 x", "410 Gone") as receiver:
        with pytest.raises(BadSettings, match=r"410 Gone to the transaction films/search/1.1"):
            await post(receiver, 4)
    assert receiver.cursors == ["0.1", "1.1"]


async def test_patience_ends_and_says_why_without_secrets():
    async with receiving(*["500 Broken"] * 1000) as receiver:
        with pytest.raises(Unavailable, match=r"500 Broken, for 0.05 s") as caught:
            await post(receiver, 4, patience_s=0.05)
    assert "s%20x" not in str(caught.value)
    assert "ann" not in str(caught.value)
    with pytest.raises(Unavailable, match="did not answer"):
        await post(receiver, 4, patience_s=0.05)


async def test_a_pause_that_is_asked_for_is_kept():
    async with receiving("503 x\r\nRetry-After: 1") as receiver:
        began = asyncio.get_running_loop().time()
        await post(receiver, 2, puts=0)
        assert asyncio.get_running_loop().time() - began >= 0.9


@pytest.mark.parametrize("url", ["http:///x", "ftp://h/x", "http://h:x/"])
def test_what_is_no_webhook_is_refused(url):
    with pytest.raises(BadSettings):
        WebhookSink(url, "t", "g")
