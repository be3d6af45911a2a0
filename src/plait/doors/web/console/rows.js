/* One row of a table, as JSON, changed by compare-and-set.
 * Invariant: what is saved replaces the version that was read, and no other; if somebody was faster,
 * both values are shown, and a person chooses.
 * Absent: the row's past; tables have it where a node keeps history. */

import { h, put, say } from "./dom.js";
import { compared, text } from "./difference.js";
import { sure } from "./dialogs.js";

export class RowEditor {
  /** @param {HTMLElement} root */
  constructor(root, { api, toast, collection, key, back, changed }) {
    this._api = api;
    this._toast = toast;
    this._changed = changed;
    this._path = `v1/tables/${encodeURIComponent(collection)}/rows/${encodeURIComponent(key)}`;
    this._key = key;
    this._field = h("textarea", { class: "json", spellcheck: "false", "aria-label": `The value of ${key}, as JSON`, oninput: () => this._typed(), onkeydown: (event) => this._pressed(event) });
    this._state = h("p", { class: "state", role: "status" });
    this._version = h("span", { class: "muted mono" });
    this._save = h("button", { type: "button", class: "primary", onclick: () => this.save() }, "Save", h("kbd", {}, "Ctrl ↵"));
    this._revert = h("button", { type: "button", onclick: () => this._take() }, "Revert");
    this._drop = h("button", { type: "button", class: "danger", onclick: () => this._delete() }, "Delete");
    this._clash = h("div", { class: "clash", hidden: true });
    root.replaceChildren(
      h("header", { class: "detail-head" }, back, h("h2", { class: "mono-title" }, key), this._version),
      this._field, this._state, h("div", { class: "detail-acts" }, this._save, this._revert, this._drop), this._clash);
    /** @type {any} */
    this._value = undefined;
    this._tag = null;
    this._known = "";
    this._typed();
  }

  get dirty() {
    return this._field.value !== this._known;
  }

  async refresh() {
    if (this._saving) return;
    try {
      const { value, headers } = await this._api.ask("GET", this._path);
      if (headers.get("etag") === this._tag) return;
      if (this._tag !== null && this.dirty) {
        say(this._state, "It was changed meanwhile; saving will ask which to keep.");
        return;
      }
      this._tag = headers.get("etag");
      this._value = value;
      this._take();
    } catch (error) {
      if (error.status !== 404) {
        say(this._state, error.message);
        return;
      }
      if (this._tag !== null && !this.dirty) say(this._state, "It was deleted.");
      if (this._tag === null && !this._field.value) this._field.value = this._known = "{\n  \n}";
      this._tag = null;
      this._typed();
    }
  }

  _take() {
    this._known = JSON.stringify(this._value, null, 2) ?? "";
    this._field.value = this._known;
    this._clash.hidden = true;
    this._typed();
  }

  _typed() {
    say(this._version, this._tag ? `version ${this._tag.replaceAll('"', "")}` : "not stored yet");
    let wrong = "";
    try { JSON.parse(this._field.value); } catch (error) { wrong = this._field.value.trim() ? error.message : ""; }
    put(this._field, "aria-invalid", wrong ? "true" : null);
    say(this._state, wrong);
    put(this._state, "class", wrong ? "state alarm" : "state");
    this._save.disabled = Boolean(wrong) || (!this.dirty && this._tag !== null);
    this._revert.disabled = !this.dirty;
    this._drop.disabled = this._tag === null;
    this._field.rows = Math.min(28, Math.max(6, this._field.value.split("\n").length + 1));
  }

  _pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.save();
    } else if (event.key === "Escape") this._field.blur();
  }

  /** @param {string|null} over a version; by default the one that was read */
  async save(over = this._tag) {
    let value;
    try { value = JSON.parse(this._field.value); } catch { return; }
    this._saving = true;
    try {
      const headers = over ? { "If-Match": over } : { "If-None-Match": "*" };
      const answer = await this._api.ask("PUT", this._path, { body: value, headers });
      this._tag = answer.headers.get("etag");
      this._value = value;
      this._take();
      say(this._state, `Saved: ${answer.value.acks} acknowledged it, at ${answer.value.line} ${answer.value.position}.`);
      this._changed();
    } catch (error) {
      if (error.status === 412) await this._ask();
      else say(this._state, error.message);
      put(this._state, "class", "state alarm");
    } finally {
      this._saving = false;
    }
  }

  /** Somebody was faster: which of the two? */
  async _ask() {
    const { value, headers } = await this._api.ask("GET", this._path).catch(() => ({ value: undefined, headers: new Headers() }));
    const tag = headers.get("etag");
    say(this._state, "Somebody changed it meanwhile.");
    this._clash.hidden = false;
    this._clash.replaceChildren(h("div", { class: "versions" },
      h("article", { class: "version" }, h("header", {}, h("strong", {}, "What is there now")), h("div", { class: "version-value" }, compared(text(this._value), text(value))),
        h("footer", {}, h("span"), h("button", { type: "button", onclick: () => { this._tag = tag; this._value = value; this._take(); } }, "Take it"))),
      h("article", { class: "version" }, h("header", {}, h("strong", {}, "What you wrote")), h("div", { class: "version-value" }, compared(text(this._value), this._field.value)),
        h("footer", {}, h("span"), h("button", { type: "button", class: "primary", onclick: () => this.save(tag) }, "Keep mine")))));
  }

  async _delete() {
    if (!(await sure("Delete this row?", `${this._key} is gone then, on every node.`, "Delete"))) return;
    try {
      await this._api.ask("DELETE", this._path, { headers: this._tag ? { "If-Match": this._tag } : {} });
      this._toast(`${this._key} is deleted.`);
      this._changed();
      this._known = this._field.value;
      await this.refresh();
    } catch (error) {
      if (error.status === 412) await this._ask();
      else this._toast(error.message, true);
    }
  }
}
