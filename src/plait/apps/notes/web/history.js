/**
 * The history slider: how a note got to where it is, and back to any of it.
 *
 * Invariant: looking at the past changes nothing; bringing back is an edit like any other, which
 * keeps what is there in the history. Absent while offline: the past is at the nodes.
 */

import { ago, h, icon } from "./dom.js";
import { runsOf } from "./inline.js";
import { linesOf } from "./lines.js";
import { noteAt, stopsOf, versionsOf, withAdded } from "./past.js";
import { COLLECTION } from "./schema.js";
import { Surface } from "./surface.js";

const PLAY_MS = 220;
const KEPT_MAX = 500; // versions that were looked at

export class History {
  /**
   * @param {import("./note.js").NotePane} pane
   * @param {{token: string|null, canAsk: () => boolean, restore: (key: string, past: object) => void}} world
   */
  constructor(pane, world) {
    Object.assign(this, { pane, world, key: null, stops: [], playing: 0, wanted: 0, busy: false });
    /** @type {Map<string, Promise<object>>} */
    this.kept = new Map();
    this.range = h("input", { type: "range", min: "0", "aria-label": "Version", oninput: () => this.#show(Number(this.range.value)) });
    this.words = h("span.words", { role: "status" });
    this.restore = h("button.quiet.strong", { type: "button", onclick: () => this.#restore() }, "Bring this back");
    this.play = h("button.quiet", { type: "button", onclick: () => this.#play() }, "Play");
    this.bar = h("section.past", { "aria-label": "History" },
      h("div.line1", {}, icon("history"), this.words, h("span.space"), this.play, this.restore,
        h("button.round", { type: "button", "aria-label": "Close the history", title: "Close (Esc)", onclick: () => this.close() }, icon("close"))),
      this.range);
    this.body = h("div.body.old", { "aria-label": "The note as it was" });
    this.title = h("p.name.old");
    this.tags = h("p.meta.old");
    this.view = h("div.oldview", {}, this.title, this.tags, this.body);
    this.surface = new Surface(this.body);
    this.bar.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
  }

  get isOpen() {
    return this.key !== null;
  }

  /** Open it for a note, or close it. */
  async toggle(key) {
    if (this.isOpen) return this.close();
    if (!this.world.canAsk()) return undefined;
    this.key = key;
    this.pane.below.replaceChildren(this.bar);
    this.words.textContent = "Looking …";
    this.range.disabled = this.restore.disabled = this.play.disabled = true;
    try {
      const versions = await versionsOf(COLLECTION, key, this.world.token);
      if (this.key !== key) return undefined;
      this.stops = stopsOf(versions);
    } catch (error) {
      this.words.textContent = `The history cannot be shown: ${error.message}`;
      return undefined;
    }
    if (!this.stops.length) {
      this.words.textContent = "No history yet: nothing of this note has reached a node.";
      return undefined;
    }
    this.range.disabled = this.play.disabled = this.stops.length < 2;
    this.range.max = String(this.stops.length - 1);
    this.range.value = this.range.max;
    this.range.focus();
    await this.#show(this.stops.length - 1);
    return undefined;
  }

  close() {
    if (!this.isOpen) return;
    clearInterval(this.playing);
    this.playing = 0;
    this.key = null;
    this.kept.clear();
    this.pane.below.replaceChildren();
    this.view.remove();
    this.pane.article.classList.remove("earlier");
    this.pane.editor.refresh();
  }

  #at(index) {
    const { version } = this.stops[index];
    let found = this.kept.get(version);
    if (!found) {
      if (this.kept.size >= KEPT_MAX) this.kept.clear();
      found = noteAt(COLLECTION, this.key, version, this.world.token);
      found.catch(() => this.kept.delete(version));
      this.kept.set(version, found);
    }
    return found;
  }

  /** Show a stop; while one is on its way, only the last that was asked for is shown after it. */
  async #show(index) {
    this.wanted = index;
    this.#say(this.stops[index], index);
    if (this.busy) return;
    this.busy = true;
    const { key } = this;
    try {
      for (let shown = -1; key === this.key && shown !== this.wanted; ) {
        shown = this.wanted;
        const [past, before] = await Promise.all([this.#at(shown), shown ? this.#at(shown - 1) : { body: "" }]);
        if (key === this.key) this.#draw(past, before, shown);
      }
    } catch (error) {
      if (key === this.key) this.words.textContent = `This version cannot be shown: ${error.message}`;
    } finally {
      this.busy = false;
    }
  }

  #say(stop, index) {
    const when = new Date(stop.when);
    const age = Date.now() - stop.when;
    const time = age < 3600e3 ? ago(stop.when, Date.now())
      : age < 864e5 ? when.toLocaleTimeString(undefined, { timeStyle: "short" })
      : when.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    const now = index === this.stops.length - 1 ? "Now · " : "";
    this.words.replaceChildren(
      h("strong", {}, `${now}${stop.who || "Somebody"}`), ` · ${time}`,
      h("small", { title: when.toLocaleString() }, ` · ${index + 1} of ${this.stops.length}`));
    this.range.setAttribute("aria-valuetext", this.words.textContent);
    this.range.style.setProperty("--at", `${(100 * index) / Math.max(1, this.stops.length - 1)}%`);
    this.restore.disabled = index === this.stops.length - 1;
  }

  #draw(past, before, index) {
    this.past = past;
    const lines = linesOf(past.body);
    this.surface.render(lines, runsOf(withAdded(before.body, past.body), lines));
    for (const box of this.body.querySelectorAll("input")) box.disabled = true;
    this.title.textContent = past.title || "Title";
    this.title.dataset.empty = past.title ? "no" : "yes";
    this.tags.textContent = past.tags.map((tag) => `#${tag}`).join("  ");
    this.pane.article.classList.add("earlier");
    this.pane.article.append(this.view);
    this.view.dataset.version = String(index);
    this.body.querySelector("ins")?.scrollIntoView({ block: "nearest" });
  }

  /** From here (or the beginning) to now, as it happened. */
  #play() {
    if (this.playing) {
      clearInterval(this.playing);
      this.playing = 0;
      this.play.textContent = "Play";
      return;
    }
    if (Number(this.range.value) === this.stops.length - 1) this.range.value = "0";
    this.play.textContent = "Pause";
    this.playing = setInterval(() => {
      const next = Number(this.range.value) + 1;
      if (next >= this.stops.length) return this.#play();
      this.range.value = String(next);
      return this.#show(next);
    }, PLAY_MS);
  }

  #restore() {
    const { key, past } = this;
    this.close();
    this.world.restore(key, past);
  }
}
