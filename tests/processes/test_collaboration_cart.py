"""A shopping cart on two phones and a desk that share nothing but a folder."""

import asyncio
from pathlib import Path

import pytest
from collaboration_device import Device
from collaboration_folder import devices_at, same_folders, settle


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


@pytest.fixture
async def devices(tmp_path: Path, shared: Path):  # type: ignore[no-untyped-def]
    found = await devices_at(tmp_path, "carts", "phone", "other", "desk", shared=shared)
    yield found
    for device in found:
        await device.kill()


async def test_an_item_that_was_removed_offline_stays_if_somebody_wanted_more_of_it(
    devices: list[Device], shared: Path
) -> None:
    phone, other, desk = devices
    await phone.do(
        "with docs['us'].change('the week'):\n"
        "    for item, count in {'apple': 4, 'bread': 1, 'soap': 2}.items():\n"
        "        docs['us'].quantities[item] += count\n"
        "docs['us'].wishes.update(['wine', 'cake'])"
    )
    await settle(shared, *devices)
    # the phones are offline: one empties the cart in part, the other wants more
    await phone.do("del docs['us'].quantities['apple']; del docs['us'].quantities['soap']")
    await phone.do("docs['us'].wishes.remove('wine'); docs['us'].wishes.remove('cake')")
    await other.do("docs['us'].quantities['apple'] += 2; docs['us'].quantities['tea'] += 1")
    await other.do("docs['us'].wishes.add('wine')")
    await phone.restart()
    await desk.do("docs['us'].quantities['bread'] -= 1; docs['us'].quantities['bread'] += 3")
    await settle(shared, *devices)
    for device in devices:
        # of the apples those that nobody had seen when they were removed
        assert await device.show("docs['us'].quantities.value") == {
            "apple": 2, "bread": 3, "tea": 1,
        }  # fmt: skip
        assert await device.show("sorted(docs['us'].wishes)") == ["wine"]
    await same_folders(*devices)


async def test_a_cart_that_was_deleted_comes_back_whole_if_somebody_used_it_meanwhile(
    devices: list[Device], shared: Path
) -> None:
    phone, other, _ = devices
    await phone.do("docs['us'].quantities['apple'] += 4; docs['them'].wishes.add('tea')")
    await settle(shared, *devices)
    await phone.do("del docs['us']; del docs['them']")
    await other.do("docs['us'].quantities['bread'] += 1")
    await asyncio.gather(phone.restart(), other.restart())
    assert await phone.show("list(docs)") == []
    await settle(shared, *devices)
    for device in devices:
        assert await device.show("docs.to_dict()") == {
            "us": {"quantities": {"apple": 4, "bread": 1}, "wishes": []}
        }
    await same_folders(*devices)
