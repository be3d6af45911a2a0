"""Who did what, in the audit log; and what is never in it."""

import asyncio
import contextlib
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import plait
from plait import Consensus
from plait.base.codec import encode
from plait.base.errors import NotAllowed, NotSignedIn, PlaitError
from plait.host.audit_log import AuditLog
from plait.node.config import NodeConfig
from plait.node.node import Node
from plait.node.serve import serve
from plait.types.rights_commands import Grant, PutRole


@contextlib.asynccontextmanager
async def serving(tmp_path: Path, writes: bool) -> AsyncIterator[tuple[str, str]]:
    """A node with rights and an audit log: its URL and root's token."""
    async with plait.open(tmp_path / "d1") as store:
        await store.rights.put_user("root", ["admin"])
        root = await store.rights.add_token("root")
        await store.rights.switch(True)
    config = NodeConfig(
        tmp_path / "d1", listen="127.0.0.1:0", audit_log=tmp_path / "audit.jsonl",
        audit_writes=writes,
    )  # fmt: skip
    ready: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(serve(config, ready.set_result))
    try:
        yield f"plait://{(await ready).address}", root
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def noted(tmp_path: Path) -> list[dict]:
    text = (tmp_path / "audit.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


async def test_who_did_what_is_noted_and_no_secret_is(tmp_path: Path) -> None:
    async with serving(tmp_path, writes=True) as (url, root):
        async with plait.connect(url, token=root) as store:
            orders = await store.table("orders", Consensus())
            await store.rights.put_role("clerk", ["orders/eu-:write"])
            await store.rights.put_user("ann", ["clerk"])
            ann = await store.rights.add_token("ann")
        async with plait.connect(url, token=ann) as store:
            orders = await store.table("orders")
            await orders.put("eu-1", "a secret value")
            with pytest.raises(NotAllowed):
                await orders.put("us-1", 1)
            with pytest.raises(NotAllowed):
                await orders.keep_before(True)
        with pytest.raises(NotSignedIn):
            async with plait.connect(url, token=ann[:-2] + "zz", name="mallory"):
                pass
    records = noted(tmp_path)
    told = [(one.get("user"), one["event"], one.get("what"), one.get("error")) for one in records]
    for expected in (
        ("root", "connected", None, None),
        ("root", "done", "OpenTable", None),
        ("root", "done", "RightsRequest", None),
        ("ann", "wrote", None, None),
        ("ann", "refused", "Propose", "NotAllowed"),
        ("ann", "refused", "KeepBeforeRequest", "NotAllowed"),
        (None, "refused", "greeting", "NotSignedIn"),
    ):
        assert expected in told, (expected, told)
    [made] = [one for one in records if one.get("change", {}).get("kind") == "PutToken"]
    assert made["change"]["token"] == ann.split("_")[1]
    assert set(made["change"]) == {"kind", "token", "user", "expires_ms", "note"}
    text = (tmp_path / "audit.jsonl").read_text()
    for secret in (root, ann, root.split("_")[2], ann.split("_")[2], "a secret value", "us-1"):
        assert secret not in text
    for one in records:
        assert one["node"] == "n1"
        assert one["from"].startswith("127.0.0.1:")
        assert one["time"].endswith("+00:00")


async def test_no_door_leads_past_the_log(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, writes=True) as (url, root),
        plait.connect(url, token=root) as store,
    ):
        orders = await store.table("orders", Consensus())
        await orders.put("eu-1", 1, acks="majority")
        await orders.keep_before(True)
        await store.prefer_zones()
        with contextlib.suppress(PlaitError):
            await store.set_follower("n1", delay_s=1)
        with contextlib.suppress(PlaitError):
            await store.set_zone("n1", "here")
        await store.drop_table("orders")
        with contextlib.suppress(PlaitError):
            await store.dropped_table("orders")
        role = encode(PutRole("spy", (Grant("*", "", True),)))
        await store._context.backend.submit("control", role, None)  # not as `plait roles` does
    records = noted(tmp_path)
    kinds = [one.get("what") for one in records]
    for kind in ("KeepBeforeRequest", "WantLeaders", "SetFollowerRequest", "SetZone"):
        assert kind in kinds
    assert {"DropTableRequest", "OpenDropped"} < set(kinds)
    assert [one for one in records if one["event"] == "wrote" and one.get("kinds") == ["Put"]]
    [change] = [one["change"] for one in records if one["event"] == "wrote" and "change" in one]
    assert (change["kind"], change["name"]) == ("PutRole", "spy")


async def test_writes_are_not_noted_unless_that_is_wanted(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, writes=False) as (url, root),
        plait.connect(url, token=root) as store,
    ):
        await (await store.table("orders", Consensus())).put("a", 1)
    assert "wrote" not in [one["event"] for one in noted(tmp_path)]


async def test_a_log_that_was_moved_away_goes_on_in_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    log.note({"n": 1})
    await asyncio.sleep(0)
    path.rename(tmp_path / "old.jsonl")
    log.note({"n": 2})
    await asyncio.sleep(0)
    log.close()
    assert (tmp_path / "old.jsonl").read_text() == '{"n": 1}\n'
    assert path.read_text() == '{"n": 2}\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_is_noted_after_the_end_is_written_and_fails_nobody(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    log.note({"event": "first"})
    log.close()
    log.note({"event": "last"})
    log.flush()
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == [
        "first",
        "last",
    ]
    log.close()
