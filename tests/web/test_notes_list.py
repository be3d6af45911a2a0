"""What is around a note, in a real browser over a test double of the replica: titles to choose
from, the list, search and tags, offline, a narrow window."""

from tests.web.notes_pages import needs_chromium, note, page_alone

pytestmark = needs_chromium


async def test_two_titles_are_shown_side_by_side_and_one_is_chosen():
    async with page_alone([note("x")]) as (page, complaints):
        await page.evaluate(
            """() => {
              const when = Date.now();
              const siblings = [{value: 'A', who: 'Ann', when}, {value: 'B', who: 'Bo', when}];
              fake.conflicts.push({key: 'n1', field: 'title', base: 'One', shown: 'B', siblings});
              fake.as('Bo', () => (fake.notes.get('n1').title = 'B'));
            }"""
        )
        assert await page.locator(".version").count() == 2
        assert "Choose" in await page.locator(".entry").first.inner_text()
        await page.get_by_role("button", name="Keep A").click()
        assert await page.locator(".version").count() == 0
        assert await page.evaluate("fake.notes.get('n1').title") == "A"
        assert await page.locator("textarea.name").input_value() == "A"
        assert not complaints


async def test_searching_tagging_and_walking_through_the_list_by_keys():
    notes = [
        note("nothing here", key="a", title="Bread", tags=["recipes"], edited=3),
        note("Café by the river", key="b", title="Lisbon", tags=["travel"], edited=2),
    ]
    async with page_alone(notes) as (page, complaints):
        await page.keyboard.press("Escape")
        await page.keyboard.press("/")
        await page.keyboard.type("cafe")
        entries = page.locator(".entry")
        await page.wait_for_timeout(50)
        assert await entries.count() == 1
        assert await page.locator(".entry mark").first.inner_text() == "Café"
        await page.keyboard.press("Enter")
        await page.wait_for_timeout(50)
        assert await page.locator("textarea.name").input_value() == "Lisbon"
        await page.locator("#search").fill("")
        await page.locator("button.tag", has_text="recipes").click()
        assert await entries.count() == 1
        await page.locator("button.tag", has_text="recipes").click()
        await page.locator(".addtag").fill("By The Sea")
        await page.keyboard.press("Enter")
        assert (
            await page.evaluate("[...fake.notes.get('b').tags].sort().join()")
            == "by-the-sea,travel"
        )
        assert not complaints


async def test_a_note_is_made_named_deleted_and_brought_back():
    async with page_alone([]) as (page, complaints):
        assert "No notes yet" in await page.locator(".list").inner_text()
        await page.locator("#create").click()
        await page.keyboard.type("Plans")
        await page.keyboard.press("Enter")
        await page.keyboard.type("words")
        await page.wait_for_timeout(50)
        assert "Plans" in await page.locator(".entry").inner_text()
        page.on("dialog", lambda dialog: dialog.accept())
        await page.get_by_role("button", name="Delete this note").click()
        assert await page.locator(".entry").count() == 0
        await page.get_by_role("button", name="Bring back").click()
        await page.wait_for_timeout(50)
        assert "Plans" in await page.locator(".entry").inner_text()
        assert await page.locator("#writing").inner_text() == "words"
        assert not complaints


async def test_offline_is_said_quietly_and_what_was_refused_is_shown():
    async with page_alone([note("x")]) as (page, complaints):
        await page.locator("#offline").click()
        assert await page.locator("#state").inner_text() == "Offline"
        assert await page.get_by_role("button", name="History").is_disabled()
        await page.evaluate("fake.status({pending: 3})")
        assert "3 edits kept here" in await page.locator("#state").inner_text()
        await page.locator("#offline").click()
        await page.evaluate("fake.status({pending: 0})")
        assert await page.locator("#state").inner_text() == "Saved"
        await page.evaluate(
            "fake.refused.push({key: 'n1', reason: 'n1 is not yours'}), fake.status({})"
        )
        assert "n1 is not yours" in await page.locator(".refused").inner_text()
        await page.get_by_role("button", name="Dismiss").click()
        assert await page.locator(".refused").count() == 0
        assert not complaints


async def test_a_narrow_window_shows_the_list_or_the_note():
    async with page_alone([note("x")], width=390, height=800) as (page, complaints):
        assert await page.locator(".side").is_visible()
        assert not await page.locator("#page").is_visible()
        await page.locator(".entry").click()
        assert await page.locator("#page").is_visible()
        assert not await page.locator(".side").is_visible()
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        await page.get_by_role("link", name="All notes").click()
        assert await page.locator(".side").is_visible()
        assert not complaints
