"""`plait members`, `leave`, `join`, `transfer`, `repair alone`: what is asked and said."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import plait
from plait import Consensus
from plait.base.codec import decode, encode
from plait.base.errors import BadSettings, Unavailable
from plait.base.ports import PutHardState
from plait.cli import members as cli_members
from plait.host.storage import open_storage
from plait.line.membership import Membership
from plait.line.raft.member import HardState
from plait.node.config import NodeConfig
from plait.node.lines import CONTROL
from tests.fakes_cli import Shell, fake_shell

ROWS = [
    {"name": "n1", "address": "h:1", "role": "member", "leads_control": True},
    {"name": "n2", "address": "h:2", "role": "witness", "leads_control": False},
]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    with fake_shell(monkeypatch) as shell:
        shell.store.members_answer = ROWS
        yield shell


def test_members_are_a_table_and_for_programs_json(shell: Shell) -> None:
    lines = shell.run("members").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["node", "address", "role", "control"],
        ["n1", "h:1", "member", "leads"],
        ["n2", "h:2", "witness"],
    ]
    assert msgspec.json.decode(shell.run("members", "--json").stdout) == ROWS


def test_leave_says_who_is_left(shell: Shell) -> None:
    result = shell.run("leave", "n3", "--timeout", "5")
    assert result.stdout == "n3 has left; the nodes are n1, n2\n"
    assert shell.store.asked == [("leave", "n3", 5.0)]
    shell.store.error = BadSettings("'n9' is no node of this cluster")
    assert shell.run("leave", "n9").exit_code == 2


def test_leave_says_of_which_documents_an_unheard_node_may_have_had_more(shell: Shell) -> None:
    shell.store.unheard = {"unheard_documents": ["notes", "pages"]}
    result = shell.run("leave", "n3")
    assert result.exit_code == 0
    assert result.stdout == "n3 has left; the nodes are n1, n2\n"
    assert "what only it had of the documents notes, pages is in its folder" in result.stderr


def test_transfer_moves_one_line_and_says_when_it_did_not_move(shell: Shell) -> None:
    result = shell.run("transfer", "control", "n3")
    assert (result.exit_code, result.stdout) == (0, "n3 leads control\n")
    assert shell.store.asked == [("switch_over", "n3", "control", 30.0)]
    shell.store.moved = False
    result = shell.run("transfer", "control", "n3")
    assert (result.exit_code, result.stdout) == (1, "n3 does not lead control (slow)\n")
    assert "control: the leader is who it was" in result.stderr


# ------------------------------------------------------------------------------- join


class Served:
    """Stands in for a node that runs until it is told to stop."""

    def __init__(self) -> None:
        self.config: NodeConfig | None = None
        self.stopped = False
        self.told = asyncio.Event()

    async def __call__(self, config: NodeConfig, ready: Any) -> None:
        self.config = config
        self.address = config.listen
        ready(self)
        try:
            await self.told.wait()
        finally:
            self.stopped = True


class Seeds:
    """A cluster that takes a node in, or does not."""

    def __init__(self, served: Served, refusal: Exception | None = None) -> None:
        self.served, self.refusal = served, refusal
        self.joined: list[Any] = []
        self.nodes: dict[str, Any] = {"n1": {"cluster": "ours"}, "n2": {"error": "silent"}}

    async def __aenter__(self) -> "Seeds":
        return self

    async def __aexit__(self, *ended: object) -> None:
        pass

    async def members(self) -> list[dict[str, Any]]:
        return ROWS

    async def status(self) -> dict[str, Any]:
        return {"nodes": self.nodes}

    async def join(
        self, name: str, address: str, *, witness: bool, timeout_s: float, zone: str
    ) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.zone = zone
        self.joined.append((name, address, witness))

    async def close(self) -> None:
        self.served.told.set()  # a real node runs until it is told to stop


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> Seeds:
    served = Served()
    seeds = Seeds(served)
    monkeypatch.setattr(cli_members, "serve_node", served)
    monkeypatch.setattr(cli_members.entry, "connect", lambda url: seeds)
    return seeds


def joined(name: str = "n4", listen: str = "h:4", *more: str) -> Any:
    return Shell().run(
        "join", "plait://h:1", "--data", "d", "--name", name, "--listen", listen, *more
    )


def test_a_node_that_joins_serves_in_the_cluster_of_the_seeds(seeds: Seeds) -> None:
    result = joined("n4", "h:4", "--witness")
    assert result.exit_code == 0, result.stderr
    config = seeds.served.config
    assert config is not None
    assert (config.cluster, config.joins, config.name, config.listen) == ("ours", True, "n4", "h:4")
    assert seeds.joined == [("n4", "h:4", True)]
    assert "n4 is at plait://h:4, catching up" in result.stderr
    assert "n4 is a member now" in result.stderr


def test_a_node_that_joins_says_where_it_is(seeds: Seeds) -> None:
    assert joined("n4", "h:4", "--zone", "eu").exit_code == 0
    config = seeds.served.config
    assert config is not None
    assert (config.zone, seeds.zone) == ("eu", "eu")


def test_a_refused_node_stops_and_says_why(seeds: Seeds) -> None:
    seeds.refusal = BadSettings("'n4' was a node and left; choose another name")
    result = joined()
    assert result.exit_code == 2
    assert "was a node and left" in result.stderr
    assert seeds.served.stopped


@pytest.mark.parametrize(
    ("name", "listen", "said"),
    [("n2", "h:9", "'n2' is a node already, at h:2"), ("n4", "h:1", "node 'n1' is at h:1 already")],
)
def test_a_name_or_address_in_use_is_refused_before_anything_is_served(
    seeds: Seeds, name: str, listen: str, said: str
) -> None:
    result = joined(name, listen)
    assert (result.exit_code, seeds.served.config) == (2, None)
    assert said in result.stderr


def test_a_cluster_that_does_not_say_its_name_is_not_joined(seeds: Seeds) -> None:
    seeds.nodes = {"n1": {"error": "silent"}}
    assert joined().exit_code == 5
    assert seeds.served.config is None


def test_a_node_that_cannot_serve_says_why(seeds: Seeds, monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(config: NodeConfig, ready: Any) -> None:
        raise Unavailable("the address is taken")

    monkeypatch.setattr(cli_members, "serve_node", serve)
    result = joined()
    assert (result.exit_code, seeds.joined) == (5, [])
    assert "the address is taken" in result.stderr


# ------------------------------------------------------------------------------- repair alone


async def with_others(folder: Path) -> None:
    """A folder whose control line says that there are two more nodes."""
    async with plait.open(folder) as store:
        await (await store.table("strong", Consensus())).put("a", 1)
    storage = await open_storage(folder)
    data = storage.log.lines()[CONTROL].hard_state
    assert data is not None
    hard = decode(data, type=HardState)
    ((position, _),) = hard.memberships
    three = ((position, Membership(("n1", "n2", "n3"))),)
    done = asyncio.Event()
    changed = encode(msgspec.structs.replace(hard, memberships=three))
    storage.log.submit((PutHardState(CONTROL, changed),), lambda error: done.set())
    await done.wait()
    await storage.close()


def test_repair_alone_looks_first_acts_when_told_and_is_then_done(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    asyncio.run(with_others(folder))
    looked = Shell().run("repair", "alone", "--data", str(folder))
    assert looked.exit_code == 1
    assert "n1, n2, n3" in looked.stdout
    assert "without this node" in looked.stdout
    assert "shuts out n2, n3" in looked.stderr
    again = Shell().run("repair", "alone", "--data", str(folder), "--json")
    assert again.exit_code == 1
    report = msgspec.json.decode(again.stdout)
    assert (report["node"], report["others"], report["new_cluster"]) == ("n1", ["n2", "n3"], None)
    acted = Shell().run("repair", "alone", "--data", str(folder), "--accept-loss")
    assert acted.exit_code == 0
    assert "n1 is the only member now" in acted.stderr
    done = Shell().run("repair", "alone", "--data", str(folder), "--accept-loss")
    assert done.exit_code == 0
    assert "nothing to do" in done.stderr
    assert Shell().run("get", "strong", "a", "--data", str(folder)).stdout == "1\n"


def test_repair_alone_makes_no_folder_and_wants_a_nodes(tmp_path: Path) -> None:
    assert Shell().run("repair", "alone", "--data", str(tmp_path / "misspelt")).exit_code == 2
    assert not (tmp_path / "misspelt").exists()
    (tmp_path / "empty").mkdir()
    result = Shell().run("repair", "alone", "--data", str(tmp_path / "empty"), "--accept-loss")
    assert result.exit_code == 2
    assert "holds no node" in result.stderr
