"""Two people in one text, through real nodes and without await."""

import asyncio
from pathlib import Path

from members import Members

import plait
import plait.blocking
from plait import Document, Text
from plait.node.local import Local


class Note(Document):
    body = Text()


async def test_two_people_type_in_one_text_through_real_nodes(tmp_path: Path):
    members = Members(tmp_path)
    await members.start()
    try:
        async with plait.connect(members.url) as maker:
            await maker.documents("notes", Note)
        async with asyncio.timeout(20):
            while not all(node.graphs.replicas() for node in members.nodes.values()):
                await asyncio.sleep(0.01)
        stores = [plait.Store(Local(members.nodes[name])) for name in ("n1", "n2")]
        ann, bob = [(await store.documents("notes", Note))["n"].body for store in stores]
        ann += "[]"
        async with asyncio.timeout(20):
            while bob != "[]":
                await asyncio.sleep(0.01)
        copy = str(bob)
        async with bob.watch() as watch:
            cursors = [text.cursor(1) for text in (ann, bob)]
            for letters in zip("anns own words ", "what bob says: ", strict=True):
                for cursor, letter in zip(cursors, letters, strict=True):
                    cursor.insert(letter)
                await asyncio.sleep(0.001)
            async with asyncio.timeout(20):
                while str(ann) != str(bob) or len(ann) != 32:
                    await asyncio.sleep(0.01)
            while copy != bob:
                for index, deleted, inserted in (await anext(watch)).patches:
                    copy = copy[:index] + inserted + copy[index + deleted :]
        assert "anns own words " in ann  # whole, wherever
        assert "what bob says: " in ann
    finally:
        await members.close()


def test_a_text_without_await(tmp_path: Path):
    with plait.blocking.open(tmp_path / "a") as store:
        notes = store.documents("notes", Note, author="Ann")
        note = notes["n"]
        note.body += "Hello"
        note.body.insert(5, " world")
        note.body[0:5] = "Bye"
        assert str(note.body) == f"{note.body}" == "Bye world"
        assert "> " + note.body == "> Bye world"
        assert note.body[-5:] == "world"
        cursor = note.body.cursor(4)
        note.body.insert(0, ">> ")
        assert cursor.index == 7
        branch = note.body.fork()
        branch += "!"
        note.body.merge(branch)
        assert note.body == ">> Bye world!"
        assert [blame.who for blame in note.body.blame()] == ["Ann"]
        with note.body.watch() as watch:
            note.body.delete(0, 3)
            assert next(watch).patches == ((0, 3, ""),)
        assert notes.undo()
    with plait.blocking.open(tmp_path / "a") as store:
        assert store.documents("notes", Note)["n"].body == ">> Bye world!"
