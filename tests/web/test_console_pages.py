"""The console in Chromium: what it shows, its keys, edits, decisions, and a demo's cut."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Route, expect
from rich.console import Console

import plait
from plait import Ask, Consensus, Document, Eventual, Leader, Register, Text
from plait.cli.demo.cluster import DemoCluster
from plait.cli.demo.narrator import Narrator
from plait.cli.demo.pages import open_pages
from plait.doors.http.serving import listening
from tests.web.browsers import SHARED, chromium

PATIENCE_MS = 30_000
WIDE, NARROW = (1440, 900), (390, 844)

pytestmark = SHARED

expect.set_options(timeout=PATIENCE_MS)


class Meeting(Document):
    title = Register(str)
    when = Register(str, resolve=Ask())
    minutes = Text()


class Seen:
    """What a page did that it should not: errors, requests to others."""

    def __init__(self, page: Page, allowed: tuple[str, ...]) -> None:
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: self.wrong.append(said.text) if said.type == "error" else None,
        )
        page.on("request", lambda request: self._check(request.url, allowed))

    def _check(self, url: str, allowed: tuple[str, ...]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in allowed:
            self.wrong.append(f"asked for {url}")


@contextlib.asynccontextmanager
async def served(tmp_path: Path) -> AsyncIterator[tuple[plait.Store, str]]:
    """A store with a little in it, and where its console is."""
    async with plait.open(tmp_path / "data") as store:
        films = await store.table("films", Leader())
        await films.put_many({f"f{number}": {"title": f"Film {number}"} for number in range(1, 80)})
        await store.table("accounts", Consensus())
        meetings = await store.documents("meetings", Meeting, Eventual(history="forever"))
        meetings["team"].title = "Weekly"
        meetings["team"].minutes += "Minutes. "
        await store.flush()
        async with listening(plait.asgi(store), "127.0.0.1:0") as bound:
            yield store, f"http://{bound}/"


@contextlib.asynccontextmanager
async def opened(
    browser: Browser, url: str, size: tuple[int, int] = WIDE, scheme: str = "light"
) -> AsyncIterator[tuple[Page, Seen]]:
    """A page that is at `url`."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    seen = Seen(page, (urlsplit(url).netloc,))
    await page.goto(url)
    try:
        yield page, seen
    finally:
        await context.close()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_cluster_is_shown_and_nobody_else_is_asked_for_anything(
    tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    async with (
        chromium() as browser,
        served(tmp_path) as (_, url),
        opened(browser, url, size, scheme) as (page, seen),
    ):
        await expect(page.locator(".graph .node .name")).to_have_text(["n1"])
        await expect(page.locator(".rope-row h3")).to_contain_text(["consensus"])
        await expect(page.locator(".rope-row.graph h3")).to_have_text(["meetings"])
        await expect(page.locator(".health")).to_have_text("One node, and it is well.")
        assert await page.locator(".hand").is_hidden()  # nobody has a hand on a real cluster
        over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, "the page is wider than the window"
        assert seen.wrong == []


async def test_everything_is_reached_with_the_keyboard(tmp_path: Path) -> None:
    async with (
        chromium() as browser,
        served(tmp_path) as (_, url),
        opened(browser, url) as (page, _),
    ):
        await expect(page.locator(".graph .node")).to_have_count(1)
        await page.keyboard.press("?")
        await expect(page.locator("dialog")).to_contain_text("Keys")
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog")).to_have_count(0)
        await page.keyboard.press("2")
        films = page.get_by_role("link", name="films")
        await films.focus()
        await page.keyboard.press("Enter")
        first = page.locator(".keys-list a").first
        await expect(first).to_contain_text("f1")
        await first.focus()
        await page.keyboard.press("ArrowDown")
        assert await page.evaluate("document.activeElement.textContent.startsWith('f10')")
        await page.keyboard.press("Enter")
        await expect(page.locator(".json")).to_have_value('{\n  "title": "Film 10"\n}')
        await page.keyboard.press("/")
        await page.keyboard.type("f7")
        await expect(page.locator(".keys-list a")).to_have_count(11)
        scheme = "document.documentElement.dataset.scheme"
        await page.keyboard.press("t")  # in a field it is a letter
        assert await page.evaluate(scheme) is None
        await page.locator("#main").focus()
        await page.keyboard.press("t")
        assert await page.evaluate(scheme) == "dark"


async def test_a_row_is_edited_and_who_was_faster_is_not_overwritten(tmp_path: Path) -> None:
    async with chromium() as browser, served(tmp_path) as (store, url):
        films = await store.table("films")
        async with opened(browser, f"{url}#data/table/films/f7") as (page, _):
            field = page.locator(".json")
            await expect(field).to_have_value('{\n  "title": "Film 7"\n}')
            await field.fill('{"title": "Seven"')
            await expect(field).to_have_attribute("aria-invalid", "true")
            await field.fill('{"title": "Seven"}')
            await field.press("Control+Enter")
            await expect(page.locator(".detail .state")).to_contain_text("Saved")
            assert await films.get("f7") == {"title": "Seven"}
            await field.fill('{"title": "mine"}')
            await films.put("f7", {"title": "theirs"})
            await field.press("Control+Enter")
            await expect(page.locator(".clash .version")).to_have_count(2)
            assert await films.get("f7") == {"title": "theirs"}
            await page.get_by_role("button", name="Keep mine").click()
            await expect(page.locator(".clash")).to_be_hidden()
            assert await films.get("f7") == {"title": "mine"}


async def test_a_document_is_edited_field_by_field_and_its_past_is_shown(tmp_path: Path) -> None:
    async with chromium() as browser, served(tmp_path) as (store, url):
        meetings = await store.documents("meetings", Meeting, create=False)
        async with opened(browser, f"{url}#data/documents/meetings/team") as (page, _):
            title = page.get_by_role("textbox", name="title")
            await expect(title).to_have_value("Weekly")
            await title.fill("Monthly")
            await title.press("Enter")
            minutes = page.get_by_role("textbox", name="minutes")
            await minutes.fill("Minutes. All is well.")
            await minutes.press("Control+Enter")
            await expect(page.locator(".prose button")).to_be_hidden()
            async with asyncio.timeout(30):
                while str(meetings["team"].minutes) != "Minutes. All is well.":
                    await asyncio.sleep(0.02)
            assert meetings["team"].title == "Monthly"
            slider = page.get_by_role("slider", name="Version")
            await expect(page.locator(".history-when")).to_contain_text("Now. 3 changes are kept")
            await slider.focus()
            await slider.press("Home")
            await expect(page.locator(".fields.past dd").last).to_have_text("Weekly")
            await slider.press("ArrowRight")
            await expect(page.locator(".fields.past ins")).to_have_text("Monthly")
            await page.get_by_role("button", name="Now").click()
            await expect(title).to_have_value("Monthly")


async def test_a_conflict_is_resolved_in_the_inbox(tmp_path: Path) -> None:
    async with chromium() as browser, served(tmp_path) as (store, url):
        meetings = await store.documents("meetings", Meeting, create=False)
        meetings["team"].when = "Monday"
        await store.flush()
        shared = tmp_path / "shared"
        shared.mkdir()
        async with plait.open(tmp_path / "other") as other:
            one = await store.sync_folder(shared, every_s=0.05)
            two = await other.sync_folder(shared, every_s=0.05)
            async with asyncio.timeout(30):
                while not any(info.name == "meetings" for info in await other.collections()):
                    await asyncio.sleep(0.05)
                theirs = await other.documents("meetings", Meeting, author="Bob", create=False)
                while theirs["team"].when != "Monday":
                    await asyncio.sleep(0.05)
                await asyncio.gather(one.close(), two.close())
                meetings["team"].when, theirs["team"].when = "Tuesday", "Wednesday"
                await asyncio.gather(store.flush(), other.flush())
                one = await store.sync_folder(shared, every_s=0.05)
                two = await other.sync_folder(shared, every_s=0.05)
                while not meetings.conflicts():
                    await asyncio.sleep(0.05)
                await asyncio.gather(one.close(), two.close())
        async with opened(browser, f"{url}#conflicts") as (page, _):
            await expect(page.locator("#count-conflicts")).to_have_text("1")
            await expect(page.locator(".version ins")).to_have_count(2)
            index = [v.value for v in meetings.conflicts()[0].versions].index("Wednesday")
            await page.keyboard.press("ab"[index])
            await expect(page.locator("#view-conflicts .empty").first).to_be_visible()
            assert meetings["team"].when == "Wednesday"
            assert meetings.conflicts() == []


async def test_who_is_not_known_is_asked_once_and_shown_everything_with_a_token(
    tmp_path: Path,
) -> None:
    async def guard(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer secret":
            await route.continue_()
        else:
            problem = '{"title": "Who is this?", "detail": "show a token"}'
            kind = "application/problem+json"
            await route.fulfill(status=401, content_type=kind, body=problem)

    async with chromium() as browser, served(tmp_path) as (_, url):
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        await page.route("**/v1/**", guard)
        await page.goto(url)
        await expect(page.locator("dialog")).to_have_count(1)
        await page.keyboard.press("Escape")
        await page.locator("#notice").get_by_role("button", name="Sign in").click()
        await page.get_by_label("Token").fill("secret")
        await page.keyboard.press("Enter")
        await expect(page.locator(".health")).to_have_text("One node, and it is well.")
        await expect(page.locator("#notice")).to_be_hidden()


@pytest.mark.slow
async def test_a_node_that_is_cut_off_in_the_demo_is_seen_and_so_is_what_each_guarantee_does(
    tmp_path: Path,
) -> None:
    cluster = DemoCluster(tmp_path, 3, pages=True)
    narrator = Narrator(Console(file=io.StringIO()))
    async with chromium() as browser:
        try:
            await cluster.start()
            async with open_pages(cluster, narrator) as pages:
                await pages.hand_over()
                async with opened(browser, pages.console) as (page, seen):
                    await expect(page.locator(".health")).to_have_text("3 nodes, all well.")
                    await page.locator('.graph [data-pick="n1"]').focus()
                    await page.keyboard.press("Enter")
                    await page.keyboard.press("c")
                    await expect(page.locator(".graph .link.cut")).to_have_count(2)
                    consensus, _, eventual = await page.locator(".verdict").all()
                    await expect(consensus).to_contain_text("no acknowledgement beside n1")
                    await expect(eventual).to_contain_text("not seen everywhere")
                    await page.keyboard.press("h")
                    await expect(page.locator(".graph .link.cut")).to_have_count(0)
                    await expect(consensus).to_have_text("every write is acknowledged")
                    await expect(eventual).to_contain_text("seen everywhere")
                    assert seen.wrong == []
        finally:
            await cluster.close()
