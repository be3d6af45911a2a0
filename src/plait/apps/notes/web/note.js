/**
 * One note, opened: title, day, tags, text; who else is here; what waits to be chosen.
 *
 * The title is written when one pauses, not letter by letter: it is a register that asks, and two
 * people who write it at the same time are asked which one stays.
 *
 * Invariant: what is shown is what the replica says, but for a title that I am in the middle of.
 */

import { tagOf } from "./book.js";
import { chooser } from "./chooser.js";
import { Cursors } from "./cursors.js";
import { dayName, h, icon } from "./dom.js";
import { Editor } from "./editor.js";
import { initials } from "./people.js";
import { LinkForm, Toolbar } from "./toolbar.js";

const TITLE_PAUSE_MS = 600;
const TITLE_MAX = 300;

export class NotePane {
  /**
   * @param {HTMLElement} page
   * @param {{book: import("./book.js").Book, people: import("./people.js").People,
   *   status: import("./status.js").Status, do: Record<string, (key: string) => void>}} world
   */
  constructor(page, world) {
    this.page = page;
    this.world = world;
    this.key = null;
    this.timer = 0;
    this.frame = 0;
    this.#build();
    const { book, people } = world;
    book.subscribe((keys, patches) => this.key && keys.includes(this.key) && this.#changed(patches));
    people.subscribe(() => this.key && this.#soon());
    new ResizeObserver(() => this.key && this.#soon()).observe(this.text);
  }

  // ------------------------------------------------------------------ building

  #build() {
    const { world } = this;
    const button = (name, title, act) => h("button.round", { type: "button", title, "aria-label": title, onclick: () => act(this.key) }, icon(name));
    this.body = h("div.body", {
      id: "writing", contenteditable: "true", role: "textbox", "aria-multiline": "true",
      "aria-label": "Note", spellcheck: "true", autocapitalize: "sentences",
      dataset: { placeholder: "Write something. # makes a heading, - a list, [] something to do." },
    });
    this.layer = h("div.layer", { "aria-hidden": "true" });
    this.text = h("div.text", {}, this.body, this.layer);
    this.editor = new Editor(this.body, {
      selected: () => this.#selected(), edited: () => this.#soon(), link: () => this.links.ask(),
    });
    this.editor.edited = false;
    this.cursors = new Cursors(this.layer, this.editor.surface);
    this.links = new LinkForm(this.text, this.editor);
    this.toolbar = new Toolbar((name) => this.editor.command(name));
    this.title = h("textarea.name", {
      rows: "1", maxlength: String(TITLE_MAX), placeholder: "Title", "aria-label": "Title", spellcheck: "true",
      oninput: () => this.#titleTyped(), onblur: () => this.#saveTitle(), onkeydown: (event) => this.#titleKey(event),
    });
    this.day = h("input.day", { type: "date", "aria-label": "Day", tabindex: "-1", onchange: () => this.#setDay(this.day.value) });
    this.dayButton = h("button.chip", { type: "button", onclick: () => this.#pickDay() });
    this.noDay = h("button.chip.clear", { type: "button", "aria-label": "No day", title: "No day", onclick: () => this.#setDay("") }, icon("close"));
    this.tags = h("span.owntags", { role: "list", "aria-label": "Tags" });
    this.tagInput = h("input.addtag", {
      placeholder: "Add a tag", "aria-label": "Add a tag", maxlength: "40", spellcheck: "false", list: "known-tags",
      onkeydown: (event) => this.#tagKey(event), onchange: () => this.#addTag(),
    });
    this.knownTags = h("datalist", { id: "known-tags" });
    this.faces = h("span.faces", { role: "list", "aria-label": "Who is here" });
    this.pin = button("pin", "Pin to the top (Alt+P)", world.do.pin);
    this.pin.setAttribute("aria-pressed", "false");
    this.trash = button("trash", "Delete this note", world.do.remove);
    this.choosers = h("div.choosers");
    this.head = h("header.bar", {},
      h("a.round.back", { href: "#/", title: "All notes", "aria-label": "All notes" }, icon("back")),
      this.toolbar.element,
      h("span.space"), this.faces, world.status.copy(),
      this.pin, button("history", "History (Alt+H)", world.do.history),
      button("print", "Print", () => window.print()), this.trash,
      button("help", "Keys (?)", world.do.keys));
    this.below = h("div.below"); // where the history opens
    this.article = h("article.note", {},
      h("div.refusals"), this.choosers, this.title,
      h("div.meta", {}, h("span.daybox", {}, this.dayButton, this.noDay, this.day), this.tags, this.tagInput, this.knownTags),
      this.text);
    this.scroll = h("div.scroll", { onclick: (event) => event.target === this.scroll && this.editor.focus() }, this.article);
  }

  // ------------------------------------------------------------------ opening

  /** Show a note. @param {{isNew?: boolean}} [how] */
  open(key, { isNew = false } = {}) {
    if (key === this.key) return;
    this.close();
    this.key = key;
    const { book } = this.world;
    this.note = book.notes.get(key);
    this.page.replaceChildren(this.head, this.scroll, this.below);
    this.scroll.scrollTop = 0;
    this.links.hide();
    this.editor.open(this.note.body, (make) => book.change(key, make));
    this.typing = null;
    this.allow();
    this.#draw();
    if (isNew) this.title.focus();
    this.world.people.look({ note: key });
  }

  /** Whether it may be written in: else it can be read, and nothing on it does anything. */
  allow() {
    if (!this.key) return;
    const may = this.world.book.notes.mayWrite(this.key);
    this.editor.lock(!may);
    this.title.readOnly = !may;
    this.pin.disabled = this.trash.disabled = this.dayButton.disabled = !may;
    for (const part of [this.head, this.article]) part.classList.toggle("reading", !may);
  }

  /** Put what is half written where it belongs, and show nothing. */
  close() {
    if (!this.key) return;
    this.#saveTitle();
    this.editor.close();
    this.key = null;
    this.world.people.look({ note: null });
  }

  #changed(patches) {
    const own = patchesOf(patches, this.key);
    this.editor.refresh(own);
    this.#draw();
  }

  #draw() {
    const { note, key } = this;
    const { book } = this.world;
    const summary = book.summary(key);
    if (this.typing === null) {
      if (this.title.value !== summary.title) this.title.value = summary.title;
      this.#fit();
    }
    document.title = summary.title ? `${summary.title} · Notes` : "Notes";
    this.dayButton.replaceChildren(icon("calendar"), summary.when ? dayName(summary.when) : "Day");
    this.dayButton.classList.toggle("set", Boolean(summary.when));
    this.noDay.hidden = !summary.when;
    this.day.value = summary.when;
    this.pin.setAttribute("aria-pressed", String(Boolean(note.pinned)));
    this.#drawTags(summary.tags);
    this.#drawChoosers();
    this.#soon();
  }

  #drawTags(tags) {
    if (this.tags.dataset.tags === `${this.key} ${tags.join(" ")}`) return;
    this.tags.dataset.tags = `${this.key} ${tags.join(" ")}`;
    this.tags.replaceChildren(...tags.map((tag) => h("span.chip.set", { role: "listitem" }, `#${tag}`,
      h("button.clear", { type: "button", "aria-label": `Remove the tag ${tag}`, title: "Remove", onclick: () => this.#removeTag(tag) }, icon("close")))));
    const known = new Set(this.world.book.summaries().flatMap((note) => note.tags));
    this.knownTags.replaceChildren(...[...known].filter((tag) => !tags.includes(tag)).sort().map((tag) => h("option", { value: tag })));
  }

  #drawChoosers() {
    const conflicts = this.world.book.conflictsOf(this.key);
    const looks = JSON.stringify(conflicts.map((one) => [one.field, one.siblings.map((sibling) => [sibling.value, sibling.who])]));
    if (this.choosers.dataset.looks === `${this.key} ${looks}`) return;
    this.choosers.dataset.looks = `${this.key} ${looks}`;
    const { notes } = this.world.book;
    this.choosers.replaceChildren(...chooser(conflicts, (conflict, value) => {
      this.typing = null;
      try {
        notes.resolve(conflict, value);
      } catch (error) {
        if (error.code !== "ConflictChanged") throw error;
        this.choosers.dataset.looks = ""; // somebody else was quicker: what there is now
        this.#draw();
      }
    }, this.world.people.me.name));
  }

  // ------------------------------------------------------------------ title, day, tags

  #titleTyped() {
    const plain = this.title.value.replace(/\s*\n\s*/g, " ");
    if (plain !== this.title.value) this.title.value = plain;
    this.typing = this.title.value;
    this.#fit();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#saveTitle(), TITLE_PAUSE_MS);
  }

  #titleKey(event) {
    if (event.key !== "Enter" && !(event.key === "ArrowDown" && this.title.selectionEnd === this.title.value.length)) return;
    if (event.isComposing) return;
    event.preventDefault();
    this.#saveTitle();
    this.editor.focus(this.editor.surface.lines[0]?.content ?? 0);
  }

  #saveTitle() {
    clearTimeout(this.timer);
    const title = this.typing?.trim();
    this.typing = null;
    if (title === undefined || title === (this.note.title ?? "")) return;
    this.world.book.change(this.key, (note) => (note.title = title), "title");
  }

  /** As high as its words. */
  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.title.style.height = "auto";
    this.title.style.height = `${this.title.scrollHeight}px`;
  }

  #pickDay() {
    try {
      this.day.showPicker();
    } catch {
      this.day.focus(); // where there is no picker, there is a field
    }
  }

  #setDay(day) {
    if ((this.note.when ?? "") !== day) this.world.book.change(this.key, (note) => (note.when = day), "day");
  }

  #tagKey(event) {
    if (event.key === "Enter" || event.key === "," || (event.key === " " && this.tagInput.value.trim())) {
      event.preventDefault();
      this.#addTag();
    } else if (event.key === "Backspace" && !this.tagInput.value) {
      const last = this.world.book.summary(this.key).tags.at(-1);
      if (last) this.#removeTag(last);
    }
  }

  #addTag() {
    const tag = tagOf(this.tagInput.value);
    this.tagInput.value = "";
    if (tag) this.world.book.change(this.key, (note) => note.tags.add(tag), "tag");
  }

  #removeTag(tag) {
    this.world.book.change(this.key, (note) => note.tags.delete(tag), "tag");
  }

  // ------------------------------------------------------------------ carets

  #selected() {
    this.toolbar.show(this.editor.writing.state());
    this.#tellCaret();
    this.#soon();
  }

  #tellCaret() {
    const { writing } = this.editor;
    if (!this.editor.focused) return;
    const [at, head] = writing.select.map((place) => this.note.body.cursor(place));
    this.world.people.look({ note: this.key, at, head });
  }

  /** Draw what depends on others and on the page's layout, before the next frame. */
  #soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.key) this.#drawPeople();
    });
  }

  #drawPeople() {
    const here = this.world.people.at(this.key);
    this.cursors.draw(here, (token) => this.#placeOf(token));
    const looks = JSON.stringify(here.map((one) => [one.name, one.hue]));
    if (this.faces.dataset.looks === looks) return;
    this.faces.dataset.looks = looks;
    this.faces.replaceChildren(...here.slice(0, 5).map((one) => h("span.face", {
      role: "listitem", style: { "--hue": one.hue }, title: `${one.name} is here`, "aria-label": one.name,
    }, initials(one.name))));
  }

  #placeOf(token) {
    if (token === null || token === undefined) return null;
    try {
      const place = this.note.body.position(token);
      return Number.isInteger(place) ? Math.max(0, Math.min(place, this.editor.writing.text.length)) : null;
    } catch {
      return null; // a place that is not known here (yet, or any more)
    }
  }
}

/** What happened to one note's body, out of all that a subscription tells. */
function patchesOf(patches, key) {
  const mine = patches.filter((one) => one.key === key && one.kind === "text" && one.path[0] === "body");
  return mine.flatMap((one) => one.edits).filter((edit) => edit.mark === undefined);
}
