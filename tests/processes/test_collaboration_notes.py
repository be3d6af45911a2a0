"""Notes edited on three devices that share nothing but a folder, and die in the middle."""

import asyncio
import random
from pathlib import Path

import pytest
from collaboration_device import Device
from collaboration_folder import devices_at, same_folders, settle

PLAN = "Pack\nBuy milk\nCall Ann\nWater the plants"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


@pytest.fixture
async def devices(tmp_path: Path, shared: Path):  # type: ignore[no-untyped-def]
    found = await devices_at(tmp_path, "notes", "phone", "laptop", "desk", shared=shared)
    yield found
    for device in found:
        await device.kill()


async def test_what_three_devices_wrote_apart_is_merged_field_by_field(
    devices: list[Device], shared: Path
) -> None:
    phone, laptop, desk = devices
    await phone.do(
        f"with docs['trip'].change('plan'): docs['trip'].body = {PLAN!r};"
        " docs['trip'].tags.update(['home', 'soon'])"
    )
    await settle(shared, *devices)
    await phone.do("docs['trip'].body = docs['trip'].body.replace('milk', 'oat milk')")
    await phone.do("docs['trip'].tags.remove('soon')")
    await phone.do("docs['trip'].title = 'Trip'")
    await laptop.do("docs['trip'].body = docs['trip'].body.replace('Call Ann', 'Call Bob')")
    await laptop.do("docs['trip'].tags.add('soon'); docs['trip'].likes += 2")
    await desk.do("docs['trip'].body += '\\nLock the door'; docs['trip'].likes += 3")
    await asyncio.sleep(0.01)
    await desk.do("docs['trip'].title = 'The trip'")
    await asyncio.gather(*(device.restart() for device in devices))
    await settle(shared, *devices)
    shown = [await device.show("docs['trip'].to_dict()") for device in devices]
    assert shown[0] == shown[1] == shown[2]
    assert shown[0]["title"] == "The trip"
    assert shown[0]["body"] == "Pack\nBuy oat milk\nCall Bob\nWater the plants\nLock the door"
    assert sorted(shown[0]["tags"]) == ["home", "soon"]  # somebody wanted it just now
    assert shown[0]["likes"] == 5
    await same_folders(*devices)


async def test_devices_that_are_killed_in_any_round_agree_in_the_end(
    devices: list[Device], shared: Path
) -> None:
    chance = random.Random(3)
    likes = 0
    for turn in range(6):
        for device in devices:
            await device.do(
                f"docs['n'].likes += 1; docs['n'].tags.add('{device.name} {turn}');"
                f"docs['{device.name}'].title = '{turn}'"
            )
            likes += 1
        victim = devices[turn % 3]
        victim.send("sync", str(shared))
        await asyncio.sleep(chance.uniform(0.0, 0.05))
        await victim.restart()
        await devices[(turn + 1) % 3].sync(shared)
    await settle(shared, *devices)
    for device in devices:
        assert await device.show("int(docs['n'].likes)") == likes == 18
        assert await device.show("len(docs['n'].tags)") == 18
        titles = await device.show("[docs[d].title for d in ('phone', 'laptop', 'desk')]")
        assert titles == ["5", "5", "5"]
    await same_folders(*devices)
