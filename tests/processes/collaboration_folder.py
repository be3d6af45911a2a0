"""Devices that meet in a shared folder only."""

from pathlib import Path

from collaboration_bytes import same_bytes
from collaboration_device import Device

import plait

TURNS_MAX = 20


async def devices_at(tmp_path: Path, collection: str, *names: str, shared: Path) -> list[Device]:
    """Devices with folders of their own; the first makes the collection and the others join."""
    devices = [
        await Device(name, collection, str(tmp_path / name)).start(found=name == names[0])
        for name in names
    ]
    await settle(shared, *devices)
    return devices


async def settle(shared: Path, *devices: Device) -> None:
    """Round after round, until nobody has anything for anybody."""
    for _ in range(TURNS_MAX):
        if not any([await device.sync(shared) for device in devices]):
            return
    raise AssertionError(f"still something to sync after {TURNS_MAX} turns")


async def same_folders(*devices: Device) -> None:
    """Kill every device, and compare what their folders hold."""
    for device in devices:
        await device.kill()
    folders = {device.name: Path(device.place) for device in devices}
    async with plait.open(devices[0].place) as store:
        (info,) = await store.collections()
    await same_bytes(folders, info)
