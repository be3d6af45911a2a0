/* What is stored: collections, their keys, and one row or document to be read and changed.
 * Invariant: the address says what is open (#data/table/cities/2950159), so it can be kept and sent.
 * Absent: how a row (rows.js) or a document (documents.js) is shown and edited. */

import { askKey } from "./dialogs.js";
import { each, h, put, rove, say } from "./dom.js";
import { DocumentEditor } from "./documents.js";
import { line } from "./format.js";
import { RowEditor } from "./rows.js";

const PAGE = 60;
const EVERY_MS = 2000;

export class DataView {
  /** @param {HTMLElement} root */
  constructor(root, { api, toast }) {
    this._root = root;
    this._api = api;
    this._toast = toast;
    this._collections = h("ul", { class: "picks", "aria-label": "Collections" });
    this._search = h("input", { type: "search", placeholder: "keys that begin with …", "aria-label": "Keys that begin with", oninput: () => this._searched() });
    this._new = h("button", { type: "button", onclick: () => this._create() }, "New", h("kbd", {}, "n"));
    this._keys = h("ul", { class: "picks keys-list", "aria-label": "Keys" });
    this._more = h("button", { type: "button", class: "more", onclick: () => this._load(true) }, "More");
    this._title = h("h2", {}, "Keys");
    this._editor = h("div", { class: "detail" });
    this._panes = h("div", { class: "panes three" },
      h("section", { class: "panel pane first-pane" }, h("header", {}, h("h2", {}, "Collections")), this._collections),
      h("section", { class: "panel pane second-pane" }, h("header", {}, back("#data"), this._title, this._new), h("div", { class: "search" }, this._search), this._keys, this._more),
      h("section", { class: "panel pane third-pane" }, this._editor));
    root.append(this._panes);
    this._settle = [rove(this._collections, "a"), rove(this._keys, "a")];
    this._shown = false;
    setInterval(() => { if (this._shown && !document.hidden) this._refresh(); }, EVERY_MS);
  }

  /** @param {string} rest "table/cities/2950159" */
  show(rest) {
    this._shown = true;
    const [kind, name, ...key] = rest.split("/");
    const before = this._name;
    this._kind = kind === "documents" ? "documents" : "table";
    this._name = name ? decodeURIComponent(name) : "";
    this._key = key.length ? decodeURIComponent(key.join("/")) : "";
    put(this._panes, "data-depth", this._key ? 3 : this._name ? 2 : 1);
    if (this._name !== before) {
      this._search.value = "";
      this._pages = 1;
      this._keys.replaceChildren();
      this._keys["_each"] = undefined;
    }
    this._list();
    this._load(false);
    this._openEditor();
  }

  hide() {
    this._shown = false;
  }

  again() {
    this._open = null;
    this._name = undefined;
    this._editor.replaceChildren();
  }

  _refresh() {
    this._list();
    if (this._pages === 1 && this._keys.parentElement.scrollTop < 40) this._load(false);
    this._open?.refresh();
  }

  // ------------------------------------------------------------------------ collections

  async _list() {
    const found = await this._try(async () => {
      const [tables, documents] = await Promise.all([this._api.get("v1/tables"), this._api.get("v1/documents")]);
      return [
        ...tables.map((one) => ({ kind: "table", name: one.name, more: one.mode === "consensus" ? "consensus" : `leader, ${one.acks}` })),
        ...documents.map((one) => ({ kind: "documents", name: one.name, more: "documents" })),
      ];
    }, true);
    if (!found) return;
    each(this._collections, found, (one) => `${one.kind}/${one.name}`,
      (one) => h("li", {}, h("a", { class: "pick", href: address(one.kind, one.name) }, h("span", { class: "pick-title" }, one.name), h("span", { class: "pick-more" }))),
      (element, one) => {
        say(element.firstChild.lastChild, one.more);
        put(element.firstChild, "aria-current", one.name === this._name && one.kind === this._kind ? "true" : null);
      });
    this._settle[0]();
    if (!this._name && found.length && innerWidth > 900) location.replace(address(found[0].kind, found[0].name));
  }

  // ------------------------------------------------------------------------------- keys

  _searched() {
    clearTimeout(this._soon);
    this._soon = setTimeout(() => { this._pages = 1; this._load(false); }, 120);
  }

  /** @param {boolean} more the next page, too */
  async _load(more) {
    const name = this._name;
    if (!name) return;
    say(this._title, name);
    const prefix = this._search.value;
    if (more) this._pages++;
    const query = new URLSearchParams({ limit: String(Math.min(1000, PAGE * this._pages)) });
    if (prefix) query.set("prefix", prefix);
    const page = await this._try(() => (this._kind === "table"
      ? this._api.get(`v1/tables/${encodeURIComponent(name)}/rows?${query}`)
      : this._api.get(`v1/documents/${encodeURIComponent(name)}/keys?${query}`)), !more);
    if (!page || name !== this._name || prefix !== this._search.value) return;
    const rows = page.rows ?? page.keys.map((key) => ({ key }));
    each(this._keys, rows, (row) => row.key,
      (row) => h("li", {}, h("a", { class: "pick", href: address(this._kind, name, row.key) }, h("span", { class: "pick-title mono" }, row.key), h("span", { class: "pick-more" }))),
      (element, row) => {
        say(element.firstChild.lastChild, row.value === undefined ? "" : preview(row.value));
        put(element.firstChild, "aria-current", row.key === this._key ? "true" : null);
      });
    this._settle[1]();
    this._more.hidden = !(page.cursor ?? page.after) || rows.length >= 1000;
  }

  async _create() {
    if (!this._name) return;
    const key = await askKey(this._kind === "table" ? "The key of the new row" : "The key of the new document", Math.random().toString(36).slice(2, 10));
    if (key) location.hash = address(this._kind, this._name, key);
  }

  // ------------------------------------------------------------------------------ editor

  _openEditor() {
    const which = this._key ? `${this._kind}/${this._name}/${this._key}` : "";
    if (this._open?.which === which) return;
    if (!which) {
      this._open = null;
      this._editor.replaceChildren(h("p", { class: "empty" }, h("strong", {}, "Pick a key."), "What is stored there can be read and changed here."));
      return;
    }
    const Editor = this._kind === "table" ? RowEditor : DocumentEditor;
    this._open = new Editor(this._editor, { api: this._api, toast: this._toast, collection: this._name, key: this._key, back: back(address(this._kind, this._name)), changed: () => this._load(false) });
    this._open.which = which;
    this._open.refresh();
  }

  /** @param {string} key */
  key(key) {
    if (key === "/") this._search.focus();
    else if (key === "n") this._create();
    else if (key === "Escape" && (this._key || this._name)) location.hash = this._key ? address(this._kind, this._name) : "#data";
    else return this._open?.key?.(key) ?? false;
    return true;
  }

  async _try(work, quietly = false) {
    try {
      return await work();
    } catch (error) {
      if (!quietly || error.status === 404) this._toast(error.message, true);
      return null;
    }
  }
}

function address(kind, name, key) {
  return `#data/${kind}/${encodeURIComponent(name)}${key === undefined ? "" : `/${encodeURIComponent(key)}`}`;
}

function back(href) {
  return h("a", { class: "button back", href, "aria-label": "Back" }, "←");
}

function preview(value) {
  if (value && typeof value === "object" && !Array.isArray(value)) return line(Object.entries(value).map(([name, each]) => `${name} ${typeof each === "string" ? each : JSON.stringify(each)}`).join(" · "), 110);
  return line(value, 110);
}
