"""Scene: two people edit the same notes while their nodes are cut apart, and nobody waits.

Each has a client at another node; one node is isolated. Both sides go on reading and writing. What
must be true once the links are back: every node shows the same documents, every like was counted
once, what one removed without having seen the other's edit did not take that edit along, what the
two typed at one place stands whole, one behind the other, and the meeting that both moved asks a
person.
"""

import asyncio
import time
from typing import Any

from plait.api.documents import AddWinsSet, Ask, Counter, Document, Documents, Register, Text
from plait.api.settings import Eventual
from plait.api.store import Store
from plait.cli.demo.stage import PATIENCE_S, Stage
from plait.cli.display import seconds
from plait.cli.exits import DemoFailed

LIKES = 1_000  # each
ANN_TYPES = "Ann: the budget first. "  # letter by letter, both at the end of the minutes
BOB_TYPES = "Bob: the roof leaks. "
_ORDERS = ((ANN_TYPES, BOB_TYPES), (BOB_TYPES, ANN_TYPES))
POLL_S = 0.02


class Meeting(Document):
    """What they edit."""

    title = Register(str)
    when = Register(str, resolve=Ask())
    tags = AddWinsSet(str)
    likes = Counter()
    minutes = Text()


async def meetings_of(store: Store, author: str | None = None) -> Documents[Meeting]:
    """The meetings, which are made if there are none yet. Their history is kept for ever: who
    decided what is to be seen in the inbox an hour later, too."""
    return await store.documents("meetings", Meeting, Eventual(history="forever"), author=author)


async def edit_apart(stage: Stage, store: Store) -> None:
    """Tell the scene; `DemoFailed` if the nodes do not agree in the end."""
    tell, names = stage.narrator, stage.cluster.names
    here, there = names[0], names[-1]
    tell.scene(f"6. Ann at {here} and Bob at {there} edit one note, cut apart, and nobody waits")
    await meetings_of(store)
    async with stage.at(here) as one, stage.at(there) as two:
        ann, bob = await meetings_of(one, "Ann"), await meetings_of(two, "Bob")
        with ann["team"].change("planned"):
            ann["team"].title, ann["team"].when = "Team meeting", "Monday 10:00"
            ann["team"].tags.update(["work", "weekly"])
            ann["team"].minutes += "Minutes. "
        await _until(lambda: ann["team"] == bob["team"], "Bob did not see what Ann planned")
        stage.cluster.isolate(here)
        tell.say(f"every link between {here} and the others is cut", "red")
        took_s = await _edit(ann, bob)
        tell.say(
            f"{2 * LIKES:,} likes and a dozen edits, {seconds(took_s)}: plain calls, no waiting"
        )
        tell.say(f"Ann sees {_shown(ann)}; Bob sees {_shown(bob)}")
        stage.cluster.heal()
        healed = time.monotonic()
        await _until(lambda: ann["team"] == bob["team"], "the sides did not agree after the cut")
        took_s = time.monotonic() - healed
        stage.figures["documents_agree_s"] = round(took_s, 3)
        tell.say(
            f"links are back; both sides agree after {seconds(took_s)}: {_shown(ann)}", "green"
        )
        _check_minutes(stage, str(ann["team"].minutes))
        await _decide(stage, ann, bob)
    await _compare(stage)


def _check_minutes(stage: Stage, minutes: str) -> None:
    """What each typed stands there whole."""
    if minutes not in (f"Minutes. {a}{b}" for a, b in _ORDERS):
        raise DemoFailed(f"what two people typed at one place was mixed up: {minutes!r}")
    stage.narrator.say(f"both typed at the end of the minutes, letter by letter: {minutes!r}")


async def _edit(ann: "Documents[Meeting]", bob: "Documents[Meeting]") -> float:
    """Both edit; the seconds that it takes, their own node's disk included."""
    began = time.monotonic()
    for docs in (ann, bob):
        for _ in range(LIKES):
            docs["team"].likes += 1
    with ann["team"].change("a room was free"):
        ann["team"].when = "Tuesday 09:00"
        ann["team"].tags.add("room 4")
    bob["team"].when = "Wednesday 14:00"
    for docs, typed in ((ann, ANN_TYPES), (bob, BOB_TYPES)):
        for letter in typed:
            docs["team"].minutes += letter
    bob["team"].title = "Team meeting, with cake"
    bob["team"].tags.discard("weekly")
    await asyncio.gather(ann.flush(), bob.flush())
    return time.monotonic() - began


async def _decide(stage: Stage, ann: "Documents[Meeting]", bob: "Documents[Meeting]") -> None:
    """The conflict is in both inboxes; one person ends it."""
    await _until(lambda: bool(bob.conflicts()), "both moved the meeting, and nobody was asked")
    conflict = bob.conflicts()[0]
    versions = " or ".join(f"{version.value!r} ({version.who})" for version in conflict.versions)
    stage.narrator.say(
        f"one thing asks a person: {conflict.field}, was {conflict.base!r}: {versions}"
    )
    conflict.resolve("Tuesday 09:00")
    await bob.flush()
    await _until(
        lambda: not ann.conflicts() and ann["team"].when == "Tuesday 09:00",
        "a conflict was resolved, and is still there",
    )
    stage.narrator.say("Bob takes Tuesday; the inbox is empty on both sides")


async def _compare(stage: Stage) -> None:
    """Every node's own replica must show the same."""
    found: dict[str, dict[str, Any]] = {}
    for name in stage.cluster.names:
        async with stage.at(name) as store:
            docs = await meetings_of(store)
            await _until(lambda docs=docs: docs["team"].likes == 2 * LIKES, f"{name} lacks likes")
            found[name] = docs["team"].to_dict()
    same = all(found[name] == found[stage.cluster.names[0]] for name in found)
    stage.figures["documents_equal"] = same
    if not same:
        raise DemoFailed(f"the nodes show different documents: {found}")
    stage.narrator.say(f"{', '.join(found)} show the same, and {2 * LIKES:,} likes", "green")


def _shown(docs: "Documents[Meeting]") -> str:
    note = docs["team"]
    tags = ", ".join(sorted(note.tags))
    return f"{note.title!r}, {note.when}, {int(note.likes):,} likes, tags {tags}"


async def _until(holds: Any, otherwise: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise DemoFailed(otherwise)
        await asyncio.sleep(POLL_S)
