/**
 * The list of notes: what was searched for, the tags, groups by when they were edited.
 *
 * Invariant: it is made anew from summaries whenever something has changed, at most once a frame,
 * and only what differs is put on the page. Absent: sorting by anything else.
 */

import { ago, dayName, h, icon } from "./dom.js";
import { initials } from "./people.js";
import { found, grouped, highlighted, parsed, snippet, tagsOf } from "./search.js";

const SHOWN_MAX = 400; // of many notes the rest is found by searching
const TAGS_MAX = 12;

export class List {
  /**
   * @param {{list: HTMLElement, tags: HTMLElement, search: HTMLInputElement, found: HTMLElement}} parts
   * @param {import("./book.js").Book} book
   * @param {import("./people.js").People} people
   */
  constructor(parts, book, people) {
    this.parts = parts;
    this.book = book;
    this.people = people;
    this.open = null; // key of the note that is shown beside
    this.tag = null;
    this.frame = 0;
    this.looks = new WeakMap();
    parts.search.addEventListener("input", () => this.draw());
    parts.search.addEventListener("keydown", (event) => this.#searchKey(event));
    parts.list.addEventListener("keydown", (event) => this.#listKey(event));
    book.subscribe(() => this.soon());
    people.subscribe(() => this.soon());
    setInterval(() => this.soon(), 60_000); // "2 minutes ago"
  }

  get query() {
    return this.parts.search.value;
  }

  /** Draw it before the next frame. */
  soon() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  /** Which note is shown beside. */
  show(key) {
    this.open = key;
    this.draw();
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const all = this.book.summaries();
    if (this.tag !== null && !all.some((note) => note.tags.includes(this.tag))) this.tag = null;
    const shown = found(all, this.query, this.tag);
    this.shown = shown.map((note) => note.key);
    this.#drawTags(tagsOf(all));
    this.parts.found.textContent = this.query ? `${shown.length} of ${all.length} notes` : "";
    const isSearch = parsed(this.query).words.length > 0;
    const some = shown.slice(0, SHOWN_MAX);
    const groups = isSearch ? [{ name: `${shown.length} found`, notes: some }] : grouped(some, Date.now());
    const rows = groups.flatMap((group) => [
      { id: `heading ${group.name}`, looks: group.name, make: () => h("h2.group", {}, group.name) },
      ...group.notes.map((note) => this.#row(note)),
    ]);
    if (!shown.length) rows.splice(0, rows.length, this.#nothing(all.length));
    this.#put(rows);
  }

  #row(note) {
    const here = this.people.at(note.key);
    const when = ago(note.edited, Date.now());
    const looks = JSON.stringify([note, this.query, note.key === this.open, here.map((one) => [one.name, one.hue]), when]);
    return { id: note.key, looks, make: () => this.#item(note, here, when) };
  }

  #item(note, here, when) {
    const { words } = parsed(this.query);
    const body = snippet(note.plain, this.query);
    const title = note.title || note.plain.split("\n").find((line) => line.trim()) || "New note";
    const { done, all } = note.progress;
    return h(
      "a.entry", {
        href: `#/${encodeURIComponent(note.key)}`, dataset: { key: note.key },
        "aria-current": note.key === this.open ? "true" : false,
      },
      h("span.title", { dataset: { untitled: note.title ? "no" : "yes" } }, ...marked(highlighted(title, words))),
      h("span.row", {},
        note.edited ? h("time.time", { datetime: new Date(note.edited).toISOString() }, when) : null,
        h("span.snippet", {}, ...marked(note.title || note.plain ? body : [{ text: "Nothing written yet", hit: false }])),
      ),
      h("span.signs", {},
        note.conflicts ? h("span.sign.choose", {}, "Choose") : null,
        note.when ? h("span.sign", {}, icon("calendar"), dayName(note.when)) : null,
        all ? h("span.sign", { title: `${done} of ${all} done`, dataset: { done: done === all ? "yes" : "no" } },
          ring(done / all), `${done}/${all}`) : null,
        h("span.sign.tag", {}, note.tags.map((tag) => `#${tag}`).join("  ")),
        h("span.here", {}, ...here.slice(0, 4).map((one) =>
          h("span.face.small", { style: { "--hue": one.hue }, title: `${one.name} is here` }, initials(one.name)))),
      ),
    );
  }

  #nothing(total) {
    const text = !total ? ["No notes yet", "The first one is one click away."]
      : ["Nothing found", "Try fewer letters, or another tag."];
    return {
      id: "nothing", looks: text[0],
      make: () => h("div.nothing", {}, h("strong", {}, text[0]), h("span", {}, text[1])),
    };
  }

  /** Rows with the same id and looks stay as they are. */
  #put(rows) {
    const { list } = this.parts;
    const old = new Map([...list.children].map((element) => [element.dataset.id, element]));
    const hadFocus = document.activeElement?.dataset?.id;
    let before = null;
    for (const { id, looks, make } of rows.toReversed()) {
      let element = old.get(id);
      old.delete(id);
      if (!element || this.looks.get(element) !== looks) {
        const fresh = make();
        fresh.dataset.id = id;
        this.looks.set(fresh, looks);
        element?.remove();
        element = fresh;
      }
      if (element.parentNode !== list || element.nextSibling !== before) list.insertBefore(element, before);
      before = element;
    }
    for (const element of old.values()) element.remove();
    if (hadFocus && document.activeElement?.dataset?.id !== hadFocus) {
      list.querySelector(`[data-id="${CSS.escape(hadFocus)}"]`)?.focus({ preventScroll: true });
    }
  }

  #drawTags(tags) {
    const looks = JSON.stringify([tags, this.tag]);
    if (this.looks.get(this.parts.tags) === looks) return;
    this.looks.set(this.parts.tags, looks);
    const shown = tags.slice(0, TAGS_MAX);
    this.parts.tags.replaceChildren(...shown.map(([tag, count]) => h(
      "button.tag", {
        type: "button", "aria-pressed": String(tag === this.tag), title: `${count} notes`,
        onclick: () => {
          this.tag = tag === this.tag ? null : tag;
          this.draw();
        },
      }, tag, h("small", {}, String(count)))));
  }

  // ------------------------------------------------------------------ keys

  #searchKey(event) {
    if (event.key === "Escape") {
      if (this.query) event.preventDefault();
      this.parts.search.value = "";
      this.draw();
      if (event.defaultPrevented === false) this.parts.search.blur();
    } else if (event.key === "Enter" && this.shown.length) {
      location.hash = `#/${encodeURIComponent(this.shown[0])}`;
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.parts.list.querySelector(".entry")?.focus();
    }
  }

  #listKey(event) {
    const entries = [...this.parts.list.querySelectorAll(".entry")];
    const at = entries.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || at < 0) return;
    event.preventDefault();
    if (at + step < 0) this.parts.search.focus();
    else entries[Math.min(at + step, entries.length - 1)].focus();
  }

  /** The key of the note before or behind the one that is shown. */
  beside(step) {
    const at = this.shown.indexOf(this.open);
    return this.shown[at < 0 ? 0 : Math.max(0, Math.min(this.shown.length - 1, at + step))] ?? null;
  }
}

const marked = (pieces) => pieces.map(({ text, hit }) => (hit ? h("mark", {}, text) : text));

/** A small ring that is closed as far as things are done. */
function ring(share) {
  const element = h("i.ring");
  element.style.setProperty("--done", `${Math.round(share * 100)}%`);
  return element;
}
