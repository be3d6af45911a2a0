"""Two people share a calendar through a folder, and both move the same meeting while apart.

    python examples/calendar_offline.py

Each has a store of their own; the shared folder may be a synchronised one, or a USB stick that is
carried to and fro. Nothing here needs a server or a network.
"""

import asyncio
import tempfile
from pathlib import Path

import plait
from plait import AddWinsSet, Ask, Document, Register


class Meeting(Document):
    """One entry of the calendar."""

    title = Register(str, default="")
    room = Register(str, default="")
    when = Register(str, resolve=Ask())  # whoever moves it while somebody else does: ask
    guests = AddWinsSet(str)


async def main(folder: Path) -> None:
    """Plan together, edit apart, meet again, decide."""
    shared = folder / "stick"
    shared.mkdir()
    async with plait.open(folder / "ann") as at_ann, plait.open(folder / "bob") as at_bob:
        ann = await at_ann.documents("calendar", Meeting, author="Ann")
        with ann["team"].change("planned"):
            ann["team"].title, ann["team"].when = "Team meeting", "Monday 10:00"
            ann["team"].guests.update(["Ann", "Bob"])

        # Bob's store is empty: it joins through the folder, then it has the calendar too
        link = await at_ann.sync_folder(shared, every_s=0.1)
        bobs_link = await at_bob.sync_folder(shared, every_s=0.1)
        bob = await joined(at_bob)
        print("Bob sees", bob["team"])
        await link.close()
        await bobs_link.close()

        # apart: both go on, and nobody waits
        ann["team"].when = "Tuesday 09:00"
        ann["team"].room = "Room 4"
        with bob["team"].change("I have a train to catch"):
            bob["team"].when = "Friday 14:00"
            bob["team"].guests.add("Eve")

        # together again: different fields are both kept, and the meeting's time is asked
        link = await at_ann.sync_folder(shared, every_s=0.1)
        bobs_link = await at_bob.sync_folder(shared, every_s=0.1)
        await until(lambda: ann.conflicts() and bob.conflicts())
        conflict = ann.conflicts()[0]
        print(f"{conflict.key}.{conflict.field} was {conflict.base!r}, then at the same time:")
        for version in conflict.versions:
            print(f"    {version.value!r} by {version.who}")
        conflict.resolve("Friday 14:00")
        await until(lambda: not bob.conflicts() and bob["team"].when == "Friday 14:00")
        print("Both see", bob["team"])
        assert ann["team"] == bob["team"]
        await link.close()
        await bobs_link.close()


async def joined(store: plait.Store) -> plait.Documents[Meeting]:
    """The calendar, as soon as it has come and somebody has let this store in."""
    while not await store.collections():  # else this store would begin a calendar of its own
        await asyncio.sleep(0.05)
    while True:
        try:
            return await store.documents("calendar", Meeting, author="Bob")
        except plait.errors.Unavailable:
            await asyncio.sleep(0.05)


async def until(holds) -> None:
    """Return once something is so."""
    while not holds():
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder)))
