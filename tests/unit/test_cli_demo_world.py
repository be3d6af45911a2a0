"""The hand on the demo's world: what it does, what it refuses, and what it makes of garbage."""

import asyncio
import random
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from plait.base.errors import BadSettings
from plait.cli.demo.hand import Hand
from plait.cli.demo.load import Load
from plait.cli.demo.proxy import Proxy
from plait.cli.demo.world import World
from tests.unit.test_cli_demo import ask, dial, echoing

NAMES = ("n1", "n2", "n3")


class FakeCluster:
    """Three nodes without processes; the links are proxies to nobody."""

    url = "plait://127.0.0.1:1"

    def __init__(self) -> None:
        self.names = NAMES
        self.states = dict.fromkeys(NAMES, "up")
        self._proxies = {(a, b): Proxy("127.0.0.1:1") for a in NAMES for b in NAMES if a != b}

    def links(self) -> dict[tuple[str, str], tuple[Proxy, Proxy]]:
        pairs = [(a, b) for a in NAMES for b in NAMES if a < b]
        return {(a, b): (self._proxies[a, b], self._proxies[b, a]) for a, b in pairs}

    def runs(self, name: str) -> bool:
        return self.states[name] != "dead"

    def paused(self, name: str) -> bool:
        return self.states[name] == "paused"

    def pid(self, name: str) -> int:
        return 1

    def pause(self, name: str) -> None:
        self.states[name] = "paused"

    def resume(self, name: str) -> None:
        self.states[name] = "up"

    def kill(self, name: str) -> None:
        self.states[name] = "dead"

    async def start_node(self, name: str) -> None:
        self.states[name] = "up"


class Quiet:
    """Lookouts and beats of nobody."""

    def status(self) -> dict[str, Any]:
        return {"nodes": {}}

    def state(self, after: int) -> dict[str, Any]:
        return {}


def hand_on(cluster: Any) -> tuple[Hand, TestClient]:
    quiet: Any = Quiet()
    hand = Hand(World(cluster), quiet, quiet, Load(cluster))
    client = TestClient(Starlette(routes=hand.routes()), base_url="http://127.0.0.1:8400")
    return hand, client


def cut(world: World) -> set[str]:
    return {"-".join(link["ends"]) for link in world.state()["links"] if link["cut"]}


async def test_a_link_is_cut_in_both_directions_and_a_node_on_all_its_links() -> None:
    cluster: Any = FakeCluster()
    world = World(cluster)
    await world.cut("n1", "n2")
    assert cut(world) == {"n1-n2"}
    assert [one.cut for one in cluster.links()["n1", "n2"]] == [True, True]
    await world.heal("n2")
    await world.cut("n3")
    assert cut(world) == {"n1-n3", "n2-n3"}


async def test_to_heal_everything_mends_links_wakes_nodes_and_starts_the_dead() -> None:
    cluster: Any = FakeCluster()
    world = World(cluster)
    await world.cut("n1")
    await world.slow(0.2, "n2", "n3")
    await world.pause("n2")
    await world.kill("n3")
    assert [one["state"] for one in world.state()["nodes"].values()] == ["up", "paused", "dead"]
    await world.heal()
    assert set(cluster.states.values()) == {"up"}
    assert all(not link["cut"] and not link["delay_s"] for link in world.state()["links"])


async def test_what_cannot_be_done_as_things_are_is_refused_and_changes_nothing() -> None:
    cluster: Any = FakeCluster()
    world = World(cluster)
    await world.kill("n1")
    before = world.state()
    for refused in (
        world.pause("n1"), world.resume("n2"), world.restart("n2"), world.kill("n9"),
        world.cut("n1", "n1"), world.cut("n1", "n2", "n3"), world.cut("n1", "nobody"),
        world.slow(99.0, "n1"),
    ):  # fmt: skip
        with pytest.raises(BadSettings):
            await refused
    assert world.state() == before


async def test_a_slow_link_delivers_everything_in_order_and_later() -> None:
    async with echoing() as proxy:
        proxy.delay_s = 0.15
        reader, writer = await dial(proxy)
        began = asyncio.get_running_loop().time()
        assert await ask(reader, writer) == b"hello"
        assert asyncio.get_running_loop().time() - began >= 0.3  # there and back
        assert proxy.passed_bytes == 10
        writer.close()


def test_nobody_has_the_hand_while_the_story_is_told() -> None:
    hand, client = hand_on(FakeCluster())
    assert client.post("/v1/demo/cut", json={"node": "n1"}).status_code == 409
    hand.free = True
    answer = client.post("/v1/demo/cut", json={"node": "n1"})
    assert answer.status_code == 200
    assert sum(link["cut"] for link in answer.json()["world"]["links"]) == 2


def test_pages_of_others_have_no_hand_on_it() -> None:
    hand, client = hand_on(FakeCluster())
    hand.free = True
    own = {"Origin": "http://127.0.0.1:8400"}
    foreign = {"Origin": "https://evil.example"}
    rebound = {"Host": "evil.example:8400"}
    body = {"link": ["n1", "n2"]}
    assert client.post("/v1/demo/cut", json=body, headers=own).status_code == 200
    assert client.post("/v1/demo/cut", json=body, headers=foreign).status_code == 403
    assert client.post("/v1/demo/cut", json=body, headers=rebound).status_code == 403


def test_whatever_is_asked_for_is_answered_without_a_server_error() -> None:
    hand, client = hand_on(FakeCluster())
    hand.free = True
    chance = random.Random(9)
    values: list[Any] = [
        None, 0, -1, 1e9, "", "n1", "n9", [], ["n1"], ["n1", "n2"], ["n1", "n2", "n3"], {}, True,
        [1, 2], "ü" * 50,
    ]  # fmt: skip
    for _ in range(400):
        what = chance.choice(["cut", "slow", "heal", "pause", "resume", "kill", "dance", "%00"])
        fields = ["node", "link", "delay_ms", "records_per_s", "else"]
        body: Any = {
            field: chance.choice(values) for field in chance.sample(fields, chance.randint(0, 3))
        }
        data = msgspec.json.encode(body)
        if chance.random() < 0.3:
            data = chance.randbytes(chance.randint(0, 40))
        answer = client.post(f"/v1/demo/{what}", content=data)
        assert answer.status_code in (200, 400, 409), (what, data, answer.text)
    assert client.post("/v1/demo/cut", content=b"{" * 5000).status_code == 400
    for query in ("after=x", "after=-1", "told=1e9", "told=%00", "after=9" + "9" * 5000):
        assert client.get(f"/v1/demo/state?{query}").status_code in (200, 400)
    assert set(client.get("/v1/demo/state").json()) >= {"free", "world", "status", "beats"}
