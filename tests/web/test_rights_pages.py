"""Doors where rights are on, over TLS: pages, where people sign in and out, may only read, or lose
rights; and clients of Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio as redis
from playwright.async_api import Browser, Locator, Page, expect
from redis.exceptions import AuthenticationError, NoPermissionError

from plait import Eventual, Leader
from plait.apps.calendar.model import Calendar, Event
from plait.apps.notes.model import Note
from plait.blocking import Store
from tests.web.browsers import SHARED, chromium
from tests.web.rights_cluster import Guarded

PATIENCE_MS = 45_000
WRITER = ("notes:read,write", "calendar*:read,write", "prices:read,write", "@cluster:read")
READER = ("notes:read", "calendar*:read", "prices:read")

pytestmark = [*SHARED, pytest.mark.slow, pytest.mark.timeout(240)]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    guarded = Guarded(tmp_path_factory.mktemp("rights"))
    try:
        guarded.begin()
        with guarded.store() as store:
            fill(store)
        yield guarded
    finally:
        guarded.close()


def fill(store: Store) -> None:
    """What the apps show, and a table."""
    note = store.documents("notes", Note, Eventual(history="forever"))["hello"]
    note.title = "Hello"
    note.body.insert(0, "What everybody may read.")
    for name, document in (("calendar", Event), ("calendars", Calendar)):
        store.documents(name, document, Eventual(history="forever"))
    store.table("prices", Leader()).put("tea", 3)
    store.flush()


@asynccontextmanager
async def window(browser: Browser) -> AsyncIterator[Page]:
    """A window of a browser profile of its own."""
    context = await browser.new_context(ignore_https_errors=True, service_workers="block")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    try:
        yield page
    finally:
        await context.close()


def dialog(page: Page, name: str = "Sign in") -> Locator:
    return page.get_by_role("dialog", name=name)


async def sign_in(page: Page, token: str) -> None:
    asking = dialog(page)
    await asking.get_by_label("Token").fill(token)
    await asking.get_by_role("button", name="Sign in").click()


async def notes_as(page: Page, site: Guarded, user: str, node: str = "n1") -> None:
    """The notes, opened by somebody who may read them."""
    await page.goto(site.url(node, "/apps/notes/#/hello"))
    await sign_in(page, site.tokens[user])
    await expect(page.locator("#writing")).to_contain_text("everybody may read")


async def typed(page: Page, words: str) -> None:
    await page.evaluate("notes.pane.editor.focus(0)")
    await page.keyboard.type(words)


async def pending(page: Page) -> int:
    found = await page.evaluate("notes.store.status.pending")
    assert isinstance(found, int)
    return found


async def saved(page: Page) -> None:
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await pending(page):
            await asyncio.sleep(0.05)


async def test_a_wrong_token_is_said_where_it_was_typed_and_a_good_one_holds_until_signed_out(
    site: Guarded,
) -> None:
    site.user("ann", *WRITER)
    async with chromium() as browser, window(browser) as page:
        await page.goto(site.url("n1"))
        await sign_in(page, "plait_wrong_token")
        await expect(dialog(page).get_by_role("alert")).to_contain_text("opens nothing here")
        await sign_in(page, site.tokens["ann"])
        await expect(page.locator("#who")).to_contain_text("ann")
        await expect(page.locator(".health")).to_contain_text("2 nodes, all well")
        notes = await page.context.new_page()
        await notes.goto(site.url("n1", "/apps/notes/#/hello"))
        await expect(notes.locator("#state")).to_have_text("Saved")
        await page.goto(site.url("n1", "/apps/calendar/"))
        await expect(page.locator("#status")).to_contain_text("Saved at n1")
        await page.get_by_role("button", name="Signed in as ann").click()
        await dialog(page, "Signed in").get_by_role("button", name="Sign out").click()
        await expect(dialog(page).get_by_label("Token")).to_be_visible()
        await expect(dialog(notes, "Signed out")).to_be_visible()
        left = await page.evaluate(
            "async () => [localStorage.getItem('plait.token'), localStorage.getItem('plait.owner')]"
        )
        assert left == [None, None]
        await notes.reload()
        await expect(dialog(notes).get_by_label("Token")).to_be_visible()
        await expect(notes.locator("#writing")).to_have_count(0)


async def test_who_may_read_is_told_that_they_may_not_write_and_who_may_not_that_they_may_not(
    site: Guarded,
) -> None:
    site.user("bob", *READER)
    site.user("eve", "prices:read")
    async with chromium() as browser, window(browser) as page:
        await notes_as(page, site, "bob")
        await expect(page.locator("#state")).to_have_text("Read only")
        await expect(page.locator("#create")).to_be_disabled()
        await expect(page.locator("#writing")).to_have_attribute("contenteditable", "false")
        await page.goto(site.url("n1", "/apps/calendar/"))
        await expect(page.locator("#status")).to_have_text("Read only")
        await expect(page.locator("#new")).to_be_disabled()
        await page.goto(site.url("n1", "/#cluster"))
        await expect(page.locator("#view-cluster")).to_contain_text("bob may not see how")
        await page.goto(site.url("n1", "/#rescued"))
        await expect(page.locator("#view-rescued")).to_contain_text("bob lacks admin on @cluster")
        await page.goto(site.url("n1", "/#data/table/prices/tea"))
        field = page.get_by_label("The value of tea, as JSON")
        await expect(field).to_have_value("3")
        await field.fill("4")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".detail .state")).to_contain_text("bob lacks write")
        await expect(field).to_have_value("4")
    async with chromium() as browser, window(browser) as page:
        await page.goto(site.url("n1", "/apps/notes/"))
        await sign_in(page, site.tokens["eve"])
        await expect(page.locator("#blank")).to_contain_text("not for you to read")
        site.user("eve", *READER)
        await expect(page.locator(".list")).to_contain_text("Hello")


async def test_edits_that_meet_a_right_that_is_gone_are_shown_refused_and_can_be_written_again(
    site: Guarded,
) -> None:
    site.user("cyd", *WRITER)
    async with chromium() as browser, window(browser) as page:
        await notes_as(page, site, "cyd")
        await page.locator("#offline").click()
        await typed(page, "Written away. ")
        await expect(page.locator("#state")).to_contain_text("kept here")
        site.user("cyd", *READER)
        await page.locator("#offline").click()
        refused = page.locator(".refused")
        await expect(refused).to_contain_text("cyd lacks write on notes")
        await expect(refused).to_contain_text("Written away.")
        await expect(page.locator("#state")).to_have_text("Read only")
        await expect(page.locator("#writing")).not_to_contain_text("Written away.")
        site.user("cyd", *WRITER)
        await expect(page.locator("#state")).to_have_text("Saved")
        await expect(page.locator("#writing")).to_have_attribute("contenteditable", "true")
        await refused.get_by_role("button", name="Write again").first.click()
        await expect(page.locator("#writing")).to_contain_text("Written away.")
        await saved(page)
        assert await page.locator(".refused").count() == 0


async def test_who_is_locked_out_with_unsent_edits_keeps_them_and_goes_on_when_let_in_again(
    site: Guarded,
) -> None:
    site.user("dan", *WRITER)
    async with chromium() as browser, window(browser) as page:
        await notes_as(page, site, "dan", "n2")
        site.user("dan", "prices:read")
        await expect(page.locator("#state")).to_contain_text("Not for you to read")
        await typed(page, "Dan wrote. ")
        await expect(page.locator("#state")).to_contain_text("kept here")
        site.user("dan", *WRITER)
        await saved(page)
        await expect(page.locator("#state")).to_have_text("Saved")
        with site.store() as store:
            shown = store.rights.show()["tokens"]
            (token,) = [one["token"] for one in shown if one["user"] == "dan"]
            store.rights.revoke_token(token)
        await expect(page.locator("#state")).to_contain_text("Sign in")
        await typed(page, "Still here. ")
        await expect(page.locator("#state")).to_contain_text("kept here")
        with site.store() as store:
            fresh = store.rights.add_token("dan")
        await page.locator("#state button").click()
        await sign_in(page, fresh)
        await expect(page.locator("#state")).to_have_text("Saved")
        await expect(page.locator("#writing")).to_contain_text("Still here. ")
    with site.store() as store:
        note = store.documents("notes", Note, create=False)["hello"]
        assert "Dan wrote. " in str(note.body)
        assert "Still here. " in str(note.body)


async def test_nobody_signs_out_or_takes_over_without_a_word_about_unsent_edits(
    site: Guarded,
) -> None:
    site.user("fay", *WRITER)
    site.user("gus", *READER)
    async with chromium() as browser, window(browser) as page:
        await notes_as(page, site, "fay")
        await page.locator("#offline").click()
        await typed(page, "Only here. ")
        await expect(page.locator("#state")).to_contain_text("kept here")
        await page.locator("#me").click()
        await page.get_by_role("button", name="Sign out").click()
        asking = dialog(page, "Are you sure?")
        await expect(asking).to_contain_text("not saved yet")
        await asking.get_by_role("button", name="Leave it").click()
        await expect(page.locator("#writing")).to_contain_text("Only here. ")
        # the token goes, not by signing out, and somebody else comes
        await page.evaluate("localStorage.removeItem('plait.token')")
        await page.goto(site.url("n1"))
        await sign_in(page, site.tokens["gus"])
        await expect(asking).to_contain_text("This browser keeps what fay had here")
        await expect(asking).to_contain_text("never saved anywhere else")
        await asking.get_by_role("button", name="Go on as gus").click()
        await expect(page.locator("#who")).to_contain_text("gus")
        assert await kept(page) == ["gus", 0]


async def test_who_is_not_on_their_own_device_leaves_nothing_behind(site: Guarded) -> None:
    site.user("hal", *WRITER)
    async with chromium() as browser, window(browser) as page:
        await page.goto(site.url("n1", "/apps/notes/#/hello"))
        await dialog(page).get_by_label("This is my device").uncheck()
        await sign_in(page, site.tokens["hal"])
        await expect(page.locator("#state")).to_have_text("Saved")
        await page.reload()
        await expect(page.locator("#state")).to_have_text("Saved")
        assert await kept(page) == [None, 0]
        assert await page.evaluate("localStorage.getItem('plait.token')") is None


async def kept(page: Page) -> object:
    """Whose copies the browser keeps, and of how many rows they are."""
    return await page.evaluate("""async () => {
      let rows = 0;
      for (const { name } of await indexedDB.databases()) {
        rows += await new Promise((resolve) => {
          const opening = indexedDB.open(name);
          opening.onsuccess = () => {
            const all = opening.result.transaction("rows").objectStore("rows").count();
            all.onsuccess = () => { opening.result.close(); resolve(all.result); };
          };
        });
      }
      return [localStorage.getItem("plait.owner"), rows];
    }""")


async def for_ever(ask: Callable[[str], Awaitable[object]], key: str) -> None:
    """Ask until that fails."""
    async with asyncio.timeout(30):
        while True:
            await ask(key)
            await asyncio.sleep(0.05)


async def test_redis_clients_sign_in_over_tls_and_hear_which_right_they_lack(site: Guarded) -> None:
    site.user("ria", "redis-0:read,write,admin", "redis-2:read")
    site.user("rob", "redis-0:read")

    def client(user: str, token: str, database: int = 0) -> redis.Redis:
        url = f"rediss://{user}:{token}@127.0.0.1:{site.resp['n1']}/{database}"
        return redis.Redis.from_url(url, ssl_ca_certs=str(site.ca), ssl_check_hostname=False)

    async with client("ria", site.tokens["ria"]) as ria, client("", site.tokens["rob"]) as rob:
        assert await ria.set("k", "tea")
        async with asyncio.timeout(30):
            while await rob.get("k") != b"tea":
                await asyncio.sleep(0.05)
        with pytest.raises(NoPermissionError, match="rob lacks write"):
            await rob.set("k", "coffee")
        with pytest.raises(NoPermissionError, match="lacks"):
            await rob.incr("n")
        async with ria.pipeline(transaction=True) as together:
            together.set("a", 1).incr("a")
            assert await together.execute() == [True, 2]
        with site.store() as store:
            (token,) = [
                one["token"] for one in store.rights.show()["tokens"] if one["user"] == "rob"
            ]
            store.rights.revoke_token(token)
        with pytest.raises((AuthenticationError, redis.ConnectionError)):
            await for_ever(rob.get, "k")
    for user, wrong in (("ria", "nonsense"), ("rob", site.tokens["ria"])):
        async with client(user, wrong) as guess:
            with pytest.raises(AuthenticationError, match="invalid username-password"):
                await guess.get("k")
    async with redis.Redis(port=site.resp["n1"], socket_timeout=5) as plain:
        with pytest.raises((redis.ConnectionError, redis.TimeoutError)):
            await plain.ping()
