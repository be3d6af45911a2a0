/* One document: its fields, each edited as what it is, and its history under a slider.
 * Invariant: an edit is one operation on one field (a like more, a word less), never the document as
 * a whole, so it merges with whatever others do meanwhile. Looking at the past changes nothing.
 * Absent: live typing with others; the notes app has that. */

import { compared, text } from "./difference.js";
import { h, put, say } from "./dom.js";
import { control } from "./fields.js";
import { moment } from "./format.js";
import { sure } from "./dialogs.js";

export class DocumentEditor {
  /** @param {HTMLElement} root */
  constructor(root, { api, toast, collection, key, back, changed }) {
    this._api = api;
    this._toast = toast;
    this._changed = changed;
    this._key = key;
    this._path = `v1/documents/${encodeURIComponent(collection)}/items/${encodeURIComponent(key)}`;
    this._fields = h("dl", { class: "fields" });
    this._slider = h("input", { type: "range", min: 0, max: 0, step: 1, "aria-label": "Version", oninput: () => this._travel() });
    this._when = h("p", { class: "history-when" });
    this._past = h("div", { class: "history", hidden: true }, h("div", { class: "history-bar" }, h("span", { class: "label" }, "History"), this._slider, h("button", { type: "button", class: "quiet", onclick: () => this._now() }, "Now")), this._when);
    this._add = h("form", { class: "add-field", onsubmit: (event) => this._addField(event) },
      h("input", { name: "field", placeholder: "another field", "aria-label": "Name of another field", required: true }),
      h("select", { name: "kind", "aria-label": "Its kind" }, ["register", "text", "counter", "flag", "add_wins_set", "list"].map((kind) => h("option", { value: kind }, kind.replaceAll("_", " ")))),
      h("button", {}, "Add"));
    this._drop = h("button", { type: "button", class: "danger", onclick: () => this._delete() }, "Delete");
    this._state = h("p", { class: "state", role: "status" });
    root.replaceChildren(
      h("header", { class: "detail-head" }, back, h("h2", { class: "mono-title" }, key), h("div", { class: "detail-acts" }, this._drop)),
      this._past, this._fields, this._state, this._add);
    this._drawn = "";
    /** @type {{version: string, who: string, when: string, message: string|null, paths: string[][]}[]} */
    this._versions = [];
    this._controls = new Map();
  }

  async refresh() {
    if (this._travelling) return;
    try {
      const told = await this._api.get(this._path);
      if (this._travelling) return;
      const changed = JSON.stringify(told) !== this._drawn;
      this._take(told);
      if (changed || this._asksHistory) await this._refreshHistory();
    } catch (error) {
      if (error.status === 404) this._take({ value: {}, kinds: {} });
      else say(this._state, error.message);
    }
  }

  async _refreshHistory() {
    this._asksHistory = false;
    try {
      const versions = await this._api.get(`${this._path}/history`);
      if (!this._travelling) this._takeHistory(versions);
    } catch (error) {
      if (error.status !== 410 && error.status !== 404) throw error;
      this._takeHistory([]); // nothing of it is kept any more
    }
  }

  _take(told) {
    const key = JSON.stringify(told);
    if (key === this._drawn) return;
    this._drawn = key;
    this._told = told;
    const names = Object.keys(told.value ?? {}).sort();
    if ([...this._controls.keys()].join("\n") !== names.map((name) => `${name}:${told.kinds[name]}`).join("\n")) {
      this._controls = new Map(names.map((name) => [`${name}:${told.kinds[name]}`, control(told.kinds[name] ?? "", name, (operations) => this._operate(operations))]));
      this._fields.replaceChildren(...names.flatMap((name) => {
        const kind = told.kinds[name] ?? "";
        return [h("dt", {}, name, h("span", { class: "kind" }, kind.replaceAll("_", " "))), h("dd", {}, this._controls.get(`${name}:${kind}`).element)];
      }));
      if (!names.length) this._fields.replaceChildren(h("p", { class: "muted" }, "It has no fields yet."));
    }
    for (const name of names) this._controls.get(`${name}:${told.kinds[name]}`).show(told.value[name]);
  }

  async _operate(operations, message = null) {
    try {
      const told = await this._api.post(`${this._path}/operations`, { operations, ...(message ? { message } : {}) });
      this._take(told);
      say(this._state, "");
      put(this._state, "class", "state");
      this._changed();
      await this._refreshHistory();
    } catch (error) {
      put(this._state, "class", "state alarm");
      say(this._state, error.message);
      this._drawn = "";
    }
  }

  _addField(event) {
    event.preventDefault();
    const { field, kind } = Object.fromEntries(new FormData(event.target));
    const first = { register: { op: "set", value: "" }, text: { op: "apply_diff", text: "…" }, counter: { op: "add", value: 1 }, flag: { op: "enable" }, add_wins_set: { op: "add", value: "new" }, list: { op: "append", value: "new" } }[String(kind)];
    this._operate([{ ...first, path: [field], kind }]);
    event.target.reset();
  }

  async _delete() {
    if (!(await sure("Delete this document?", `${this._key} disappears for everybody, unless somebody edits it at the same time.`, "Delete"))) return;
    try {
      await this._api.ask("DELETE", this._path);
      this._toast(`${this._key} is deleted.`);
      this._changed();
      await this.refresh();
    } catch (error) {
      this._toast(error.message, true);
    }
  }

  // ------------------------------------------------------------------------------- history

  _takeHistory(versions) {
    const there = versions.length > 0;
    this._past.hidden = !there;
    this._versions = versions;
    this._slider.max = String(versions.length);
    this._slider.value = String(versions.length);
    const last = versions[versions.length - 1];
    if (there) say(this._when, `Now. ${versions.length === 1 ? "One change is" : `${versions.length} changes are`} kept, the last by ${last.who || "somebody"}, ${moment(Date.parse(last.when))}.`);
  }

  async _travel() {
    const index = Number(this._slider.value);
    if (index >= this._versions.length) return this._now();
    this._travelling = true;
    const one = this._versions[index];
    const asked = (this._asked = Symbol(one.version));
    const paths = one.paths.map((path) => path.join(".")).join(", ");
    say(this._when, `${index + 1} of ${this._versions.length}: ${one.who || "somebody"}, ${moment(Date.parse(one.when))}${one.message ? `, “${one.message}”` : ""}${paths ? ` · ${paths}` : ""}`);
    put(this._slider, "aria-valuetext", this._when.textContent);
    try {
      const [then, before] = await Promise.all([this._at(index), index ? this._at(index - 1) : null]);
      if (asked === this._asked && this._travelling) this._showPast(then, before);
    } catch (error) {
      if (asked === this._asked) say(this._state, error.message);
    }
  }

  async _at(index) {
    try {
      return (await this._api.get(`${this._path}?version=${encodeURIComponent(this._versions[index].version)}`)).value;
    } catch (error) {
      if (error.status === 404) return {};
      throw error;
    }
  }

  _showPast(then, before) {
    this._controls = new Map();
    this._drawn = "";
    put(this._fields, "class", "fields past");
    this._add.hidden = this._drop.hidden = true;
    const names = [...new Set([...Object.keys(then ?? {}), ...Object.keys(before ?? {})])].sort();
    this._fields.replaceChildren(...names.flatMap((name) => {
      const [now, was] = [then?.[name], before?.[name]];
      const changed = JSON.stringify(now) !== JSON.stringify(was);
      return [h("dt", {}, name), h("dd", { class: changed ? "changed" : "" }, changed && was !== undefined ? compared(was, now) : text(now))];
    }));
  }

  _now() {
    this._travelling = false;
    this._asksHistory = true;
    this._asked = null;
    this._drawn = "";
    this._controls = new Map([["", null]]);
    put(this._fields, "class", "fields");
    this._add.hidden = this._drop.hidden = false;
    this.refresh();
  }
}
