"""Notes as programs see them: the fields, the samples, and the site that is mounted."""

import pytest

import plait
from plait.apps import sites
from plait.apps.notes import Note, open_notes
from plait.apps.notes.sample import SAMPLES, fill, write_marked


async def test_the_samples_are_written_once(tmp_path):
    async with plait.open(tmp_path / "data") as store:
        await fill(store)
        notes = await open_notes(store)
        assert set(notes) == {sample.key for sample in SAMPLES}
        assert len(SAMPLES) >= 12
        notes["bread"].title = "Bread"
        before = notes.to_dict()
        await fill(store)
        assert notes.to_dict() == before


async def test_the_samples_are_marked_as_they_say(tmp_path):
    async with plait.open(tmp_path / "data") as store:
        await fill(store)
        notes = await open_notes(store)
        names = {name for key in notes for _, _, marks in notes[key].body.marks() for name in marks}
        assert names == {"bold", "italic", "code", "link"}
        for key in notes:
            assert not set("*`") & set(str(notes[key].body))


async def test_marks_of_markdown_stand_where_the_words_are(tmp_path):
    async with plait.open(tmp_path / "data") as store:
        body = (await open_notes(store))["n1"].body
        body += "😀 "
        write_marked(body, "a **b c** [d](https://e.example)")
        assert str(body) == "😀 a b c d"
        assert body.marks() == [
            (4, 7, {"bold": True}),
            (8, 9, {"link": "https://e.example"}),
        ]


async def test_two_titles_at_once_wait_for_a_person(tmp_path):
    assert type(Note.title.resolve) is plait.Ask
    assert type(Note.when.resolve) is plait.Ask


async def test_notes_with_other_settings_are_opened_as_they_are(tmp_path):
    async with plait.open(tmp_path / "data") as store:
        await store.documents("notes", Note, plait.Eventual(history="stable"))
        (await open_notes(store))["n1"].title = "Hello"
        assert (await open_notes(store))["n1"].title == "Hello"


async def test_the_site_is_among_the_apps_and_prepares_its_collection(tmp_path):
    pytest.importorskip("starlette")
    site = next(site for site in sites() if site.name == "notes")
    assert site.path == "/apps/notes"
    async with plait.open(tmp_path / "data") as store:
        await site.prepare(store)
        await site.prepare(store)
        (node,) = (await store.status())["nodes"].values()
        assert "notes" in node["documents"]
