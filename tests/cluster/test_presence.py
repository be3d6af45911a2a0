"""Presence between real nodes and clients: who is here, seen by everybody and stored nowhere."""

import asyncio
from pathlib import Path

import pytest
from members import Members, until

import plait
import plait.blocking
from plait.api.documents.presence import STATE_BYTES_MAX
from plait.base.errors import BadValue, ReadOnly


async def test_who_is_here_is_seen_at_other_nodes_and_clients_until_they_go(tmp_path: Path):
    members = Members(tmp_path)
    await members.start()
    try:
        here = await members.documents("n1", "notes")
        async with members.only("n3") as other:
            there = await other.documents("notes", author="Bob")
            async with members.only("n2") as store:
                ann = await store.documents("notes", author="Ann")
                watch = there.presence.watch()
                ann.presence.set({"cursor": 4})
                here.presence.set("reads")
                both = {"Ann": {"cursor": 4}, "n1": "reads"}
                await until(lambda: there.presence.everybody() == both)
                await until(lambda: here.presence.others() == {"Ann": {"cursor": 4}})
                ann.presence.set({"cursor": 5})
                await until(lambda: there.presence.everybody()["Ann"] == {"cursor": 5})
                assert there.version == here.version
                events = here._access.replica.vector.count()
                here.presence.clear()
                await until(lambda: list(there.presence.everybody()) == ["Ann"])
                assert here._access.replica.vector.count() == events  # nothing was written
            # closing the store leaves
            await until(lambda: there.presence.everybody() == {})
            said = {(one.who, repr(one.state)) for one in [await anext(watch), await anext(watch)]}
            assert said == {("Ann", "None"), ("n1", "None")}  # the latest of each
            await watch.aclose()
    finally:
        await members.close()


async def test_who_is_not_heard_of_any_more_is_forgotten_after_its_time(tmp_path: Path):
    members = Members(tmp_path, 2)
    await members.start()
    try:
        one = await members.documents("n1", "notes")
        two = await members.documents("n2", "notes")
        one.presence.set("short", ttl_s=0.3)
        await until(lambda: two.presence.everybody() == {"n1": "short"})
        await asyncio.sleep(0.5)
        assert two.presence.everybody() == {"n1": "short"}  # it says so again and again
        for replica in members.nodes["n1"].graphs.replicas():
            replica.company.close()  # it is stuck
        await until(lambda: two.presence.everybody() == {})
    finally:
        await members.close()


async def test_two_of_one_name_are_told_apart_and_nothing_unfit_is_said(tmp_path: Path):
    members = Members(tmp_path, 1)
    await members.start()
    try:
        async with members.only("n1") as first, members.only("n1") as second:
            one = await first.documents("notes", author="Ann")
            two = await second.documents("notes", author="Ann")
            one.presence.set(1)
            two.presence.set(2)
            await until(lambda: sorted(one.presence.everybody().values()) == [1, 2])
            assert "Ann" in one.presence.everybody()
            assert repr(two.presence).startswith("<Presence in 'notes': {'Ann': ")
            for state in (None, object(), "x" * STATE_BYTES_MAX):
                with pytest.raises(BadValue, match="presence"):
                    one.presence.set(state)
            for ttl_s in (0, -1, True, "10", 1e9):
                with pytest.raises(BadValue, match="ttl_s"):
                    one.presence.set(1, ttl_s=ttl_s)
            with pytest.raises(ReadOnly, match="past"):
                one.at(one.version).presence.set(1)
    finally:
        await members.close()


def test_presence_without_await(tmp_path: Path):
    with plait.blocking.open(tmp_path / "a") as store:
        notes = store.documents("notes", author="Ann")
        with notes.presence.watch() as watch:
            notes.presence.set({"reads": "n1"})
            assert next(watch) == ("Ann", {"reads": "n1"}, True)
        assert notes.presence.everybody() == {"Ann": {"reads": "n1"}}
        notes.presence.clear()
        assert notes.presence.everybody() == {}
