"""The notes app's page in a real browser, over a test double of the replica: what keys, pointers,
clipboards and input methods do, and what others do meanwhile."""

import random

from tests.web.browsers import SHARED
from tests.web.notes_pages import caret, delta, needs_chromium, note, page_alone, said, selection

pytestmark = [needs_chromium, *SHARED]


async def test_what_is_typed_is_what_the_text_says_and_what_is_shown():
    async with page_alone([note("")]) as (page, complaints):
        await caret(page, 0)
        await page.keyboard.type("# Plans\nfirst\n- milk\nbread\n\nend", delay=2)
        assert await said(page) == "# Plans\nfirst\n- milk\n- bread\nend"
        kinds = await page.eval_on_selector_all(
            "#writing .line", "lines => lines.map(line => line.dataset.kind)"
        )
        assert kinds == ["h1", "text", "item", "item", "text"]
        words = await page.eval_on_selector_all(
            "#writing .words", "lines => lines.map(line => line.textContent)"
        )
        assert words == ["Plans", "first", "milk", "bread", "end"]
        assert not complaints


async def test_backspace_undoes_what_a_line_is_and_then_joins_it():
    async with page_alone([note("a\n- b")]) as (page, complaints):
        await caret(page, 4)
        await page.keyboard.press("Backspace")
        assert await said(page) == "a\nb"
        await page.keyboard.press("Backspace")
        await page.keyboard.type("+")
        assert await said(page) == "a+b"
        await page.keyboard.press("Delete")
        await page.keyboard.press("Control+Backspace")
        assert await said(page) in ("", "a")
        assert not complaints


async def test_a_box_is_ticked_by_pointer_and_by_key():
    async with page_alone([note("- [ ] milk\n- [ ] tea")]) as (page, complaints):
        await page.locator(".box").first.click()
        assert await said(page) == "- [x] milk\n- [ ] tea"
        assert await page.locator(".box input").first.is_checked()
        await caret(page, 18)
        await page.keyboard.press("Control+Enter")
        assert await said(page) == "- [x] milk\n- [x] tea"
        await page.wait_for_timeout(50)
        assert "2/2" in await page.locator(".entry").first.inner_text()
        assert not complaints


async def test_words_are_marked_by_keys_and_as_they_are_typed():
    async with page_alone([note("one two")]) as (page, complaints):
        await caret(page, 4, 7)
        await page.keyboard.press("Control+b")
        assert await delta(page) == [
            {"insert": "one "},
            {"insert": "two", "attributes": {"bold": True}},
        ]
        await page.keyboard.press("Control+b")
        assert await delta(page) == [{"insert": "one two"}]
        await caret(page, 7)
        await page.keyboard.type(" **big** `x` y")
        assert await delta(page) == [
            {"insert": "one two "},
            {"insert": "big", "attributes": {"bold": True}},
            {"insert": " "},
            {"insert": "x", "attributes": {"code": True}},
            {"insert": " y"},
        ]
        assert not complaints


async def test_a_link_is_written_in_a_form_beside_its_words_and_never_runs_anything():
    async with page_alone([note("see this page")]) as (page, complaints):
        await caret(page, 4, 8)
        await page.keyboard.press("Control+k")
        await page.keyboard.type("example.org/a")
        await page.keyboard.press("Enter")
        link = page.locator("#writing a")
        assert await link.get_attribute("href") == "https://example.org/a"
        assert await link.inner_text() == "this"
        await page.evaluate(
            """fake.as('Bo', () =>
              fake.notes.get('n1').body.mark(0, 3, 'link', 'javascript:alert(1)'))"""
        )
        assert await page.locator("#writing a").count() == 1
        assert not complaints


async def test_what_others_write_leaves_my_caret_where_it_was():
    async with page_alone([note("Hello world")]) as (page, complaints):
        await caret(page, 6)
        await page.evaluate("fake.as('Bo', () => fake.notes.get('n1').body.insert(0, 'Oh. '))")
        assert await selection(page) == [10, 10]
        await page.evaluate("fake.as('Bo', () => fake.notes.get('n1').body.insert(10, 'big '))")
        assert await selection(page) == [10, 10]
        await page.keyboard.type("my ")
        assert await said(page) == "Oh. Hello my big world"
        await page.evaluate(
            """fake.as('Bo', () => {
              const { body } = fake.notes.get('n1');
              body.insert(0, '# '); body.delete(6, 6); body.insert(body.length, '!');
            })"""
        )
        await page.keyboard.type("x")
        assert "x" in await said(page)
        assert not complaints


async def test_undo_takes_back_what_is_mine_and_leaves_what_others_wrote():
    async with page_alone([note("")]) as (page, complaints):
        await caret(page, 0)
        await page.keyboard.type("mine ")
        await page.evaluate("fake.as('Bo', () => fake.notes.get('n1').body.insert(2, 'THEIRS'))")
        await page.keyboard.press("Control+z")
        assert await said(page) == "THEIRS"
        await page.keyboard.press("Control+Shift+z")
        assert sorted(await said(page)) == sorted("mine THEIRS")
        await page.keyboard.press("Control+z")
        await page.keyboard.type("- [] x")
        assert "- [ ] x" in await said(page) or "[] x" in await said(page)
        assert not complaints


async def test_an_input_method_writes_and_others_write_meanwhile():
    async with page_alone([note("ab")]) as (page, complaints):
        await caret(page, 1)
        client = await page.context.new_cdp_session(page)
        compose = {"selectionStart": 1, "selectionEnd": 1}
        await client.send("Input.imeSetComposition", {"text": "に", **compose})
        await page.evaluate("fake.as('Bo', () => fake.notes.get('n1').body.insert(0, 'XX'))")
        await client.send(
            "Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2}
        )
        await client.send("Input.insertText", {"text": "日本"})
        await page.wait_for_timeout(50)
        assert await said(page) == "XXa日本b"
        assert await page.locator("#writing .words").first.inner_text() == "XXa日本b"
        await page.keyboard.type("!")
        assert await said(page) == "XXa日本!b"
        await page.keyboard.press("Control+z")
        await page.keyboard.press("Control+z")
        assert await said(page) == "XXab"
        assert not complaints


async def test_paste_is_plain_text_and_copies_are_markdown():
    async with page_alone([note("- [ ] milk")]) as (page, complaints):
        await caret(page, 10)
        await page.evaluate(
            """() => {
              const data = new DataTransfer();
              data.setData('text/plain', ' and\\r\\n- tea <b>now</b>');
              data.setData('text/html', '<img src=x onerror=alert(1)>');
              const how = {clipboardData: data, bubbles: true, cancelable: true};
              const event = new ClipboardEvent('paste', how);
              document.getElementById('writing').dispatchEvent(event);
            }"""
        )
        assert await said(page) == "- [ ] milk and\n- tea <b>now</b>"
        await page.keyboard.press("Control+a")
        copied = await page.evaluate(
            """() => {
              const data = new DataTransfer();
              const how = {clipboardData: data, bubbles: true, cancelable: true};
              const event = new ClipboardEvent('copy', how);
              document.getElementById('writing').dispatchEvent(event);
              return data.getData('text/plain');
            }"""
        )
        assert copied.endswith("milk and\n- tea <b>now</b>")
        assert not complaints


async def test_carets_of_others_are_drawn_where_they_are_and_go_when_they_leave():
    async with page_alone([note("Hello world")]) as (page, complaints):
        await page.evaluate(
            """() => { const { body } = fake.notes.get('n1');
              const at = body.cursor(5);
              fake.here('p2', {name: 'Bo', hue: 24, note: 'n1', at, head: at}) }"""
        )
        spot = page.locator('.caret[data-who="Bo"]')
        await spot.wait_for(state="attached")
        first = await spot.bounding_box()
        await page.evaluate("fake.as('Bo', () => fake.notes.get('n1').body.insert(0, 'WWWWWW '))")
        await page.wait_for_timeout(300)
        assert (await spot.bounding_box())["x"] > first["x"] + 40
        await page.evaluate(
            "fake.here('p3', {name: '<img src=x>', hue: 'x', note: 'n1', at: 7, head: {a: 1}})"
        )
        await page.evaluate("fake.left('p2')")
        await spot.wait_for(state="detached")
        assert not complaints


SOUND = """() => {
  const { editor } = notes.pane;
  const { writing, surface } = editor;
  const text = String(fake.notes.get('n1').body);
  if (writing.text !== text) return `the editor has ${JSON.stringify(writing.text)}`;
  const lines = surface.lines.map(line => text.slice(line.content, line.end));
  const page = [...editor.root.children].map(line => line.lastElementChild.textContent);
  if (JSON.stringify(lines) !== JSON.stringify(page)) return `the page has ${JSON.stringify(page)}`;
  for (const place of writing.select) {
    if (!(place >= 0 && place <= text.length)) return `selected ${place} of ${text.length}`;
    const back = surface.place(...surface.spot(place));
    const line = surface.lines.find(one => one.start <= place && place <= one.end);
    if (back !== Math.max(place, line.content)) return `${place} is shown at ${back}`;
  }
  return '';
}"""


async def test_whatever_is_pressed_and_whatever_others_do_the_page_shows_the_text():
    keys = [
        "Enter", "Enter", "Backspace", "Backspace", "Delete", "Tab", "Shift+Tab", "Control+b",
        "Control+i", "Control+z", "Control+z", "Control+Shift+z", "Control+Enter", "ArrowLeft",
        "ArrowUp", "ArrowRight", "Shift+ArrowLeft", "Shift+ArrowUp", "Home", "End", "Control+a",
        "Control+Backspace", "Control+Alt+1", "Control+Alt+8", "Control+Alt+9", "Control+e",
    ]  # fmt: skip
    words = ["a", "# ", "- ", "[] ", "1. ", "> ", "**b**", "`c` ", "é😀", " ", "word "]
    others = """([kind, share, words]) => fake.as('Bo', () => {
      const { body } = fake.notes.get('n1');
      const at = Math.floor(share * (body.length + 1));
      const stop = Math.min(body.length, at + 4);
      if (kind === 0) body.insert(at, words);
      else if (kind === 1 && at < stop) body.delete(at, stop - at);
      else if (at < stop) body.mark(at, stop, 'bold', true);
    })"""
    chance = random.Random(20261122)
    async with page_alone([note("# One\n- two\n- [ ] three")]) as (page, complaints):
        await caret(page, 5)
        done = []
        for _ in range(260):
            if chance.random() < 0.3:
                what = [chance.randrange(3), chance.random(), chance.choice(words)]
                await page.evaluate(others, what)
            elif chance.random() < 0.5:
                what = chance.choice(words)
                await page.keyboard.insert_text(what)
            else:
                what = chance.choice(keys)
                await page.keyboard.press(what)
            done.append(what)
            wrong = await page.evaluate(SOUND)
            assert not wrong, (wrong, done[-8:])
        for _ in range(200):
            await page.keyboard.press("Control+z")
        assert not await page.evaluate(SOUND)
        assert not complaints


async def test_a_long_note_is_written_in_without_waiting():
    text = "\n".join(f"- item {index} with some words in it" for index in range(3000))
    async with page_alone([note(text)]) as (page, complaints):
        await caret(page, 60_000)
        took = await page.evaluate(
            """() => {
              const times = [];
              for (let i = 0; i < 15; i++) {
                const from = performance.now();
                const how = {inputType: 'insertText', data: 'x', bubbles: true, cancelable: true};
                const event = new InputEvent('beforeinput', how);
                document.getElementById('writing').dispatchEvent(event);
                times.push(performance.now() - from);
              }
              return times.sort((a, b) => a - b)[7];
            }"""
        )
        assert "xxxxx" in await said(page)
        assert took < 150, took  # on a machine that has other things to do
        assert not complaints
