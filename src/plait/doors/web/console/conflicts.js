/* The inbox of what two people wrote at the same time: side by side, and one choice.
 * Invariant: a decision names the versions that were seen; if there are others by then it is
 * refused, and the inbox shows the new ones.
 * Absent: merging by itself; that is what the fields in here asked not to happen. */

import { line, moment } from "./format.js";
import { each, h, put, rove, say } from "./dom.js";
import { compared } from "./difference.js";

const EVERY_MS = 3000;

export class ConflictsView {
  /** @param {HTMLElement} root */
  constructor(root, { api, toast, badge }) {
    this._api = api;
    this._toast = toast;
    this._badge = badge;
    this._open = "";
    this._list = h("ul", { class: "picks", "aria-label": "Conflicts" });
    this._detail = h("div", { class: "detail" });
    this._empty = h("p", { class: "empty" }, h("strong", {}, "Nothing waits for a decision."), "When two people change the same asked field at the same time, both versions come here.");
    this._panes = h("div", { class: "panes two" }, h("section", { class: "panel pane" }, h("header", {}, h("h2", {}, "Two versions, choose")), this._list), h("section", { class: "panel pane" }, this._detail));
    root.append(this._panes, this._empty);
    this._settle = rove(this._list, "button", (button) => button.click());
    this._panes.hidden = true;
    this.again();
    setInterval(() => { if (!document.hidden) this.again(); }, EVERY_MS);
  }

  show() {
    this.again();
  }

  async again() {
    let found;
    try {
      found = await this._api.get("v1/conflicts");
    } catch {
      return; // the notice on top says that nobody answers
    }
    this._found = found;
    this._badge("conflicts", found.length);
    this._empty.hidden = found.length > 0;
    this._panes.hidden = !found.length;
    each(this._list, found, name,
      () => h("li", {}, h("button", { type: "button", class: "pick" }, h("span", { class: "pick-title" }), h("span", { class: "pick-more" }))),
      (element, one) => {
        const button = element.firstChild;
        button.onclick = () => this._choose(name(one));
        say(button.children[0], `${one.field}`);
        say(button.children[1], `${one.collection} · ${one.key} · ${one.siblings.map((each) => each.who || "somebody").join(", ")}`);
        put(button, "aria-current", name(one) === this._open ? "true" : null);
      });
    this._settle();
    if (found.length && !found.some((one) => name(one) === this._open)) this._choose(name(found[0]), false);
    else if (JSON.stringify(this._current()) !== this._drawn) this._render();
  }

  _current() {
    return this._found?.find((one) => name(one) === this._open);
  }

  _choose(which, redraw = true) {
    this._open = which;
    this._render();
    for (const button of this._list.querySelectorAll("button")) button.removeAttribute("aria-current");
    if (redraw) this.again();
  }

  _render() {
    const one = this._current();
    this._drawn = JSON.stringify(one);
    if (!one) return this._detail.replaceChildren();
    const base = one.base === undefined ? null : one.base;
    const cards = one.siblings.map((version, index) => {
      const letter = String.fromCharCode(97 + index);
      return h("article", { class: "version", "aria-label": `Version ${letter}, by ${version.who || "somebody"}` },
        h("header", {}, h("strong", {}, version.who || "somebody"), h("time", { class: "muted" }, moment(Date.parse(version.when)))),
        h("div", { class: "version-value" }, compared(base, version.value)),
        h("footer", {}, same(version.value, one.shown) ? h("span", { class: "pill" }, "shown for now") : h("span"),
          h("button", { type: "button", class: "primary", onclick: () => this._resolve(one, version.value) }, "Keep this", h("kbd", {}, letter))));
    });
    this._own = h("textarea", { rows: 3, "aria-label": "Another value", value: text(one.shown) });
    this._detail.replaceChildren(
      h("header", { class: "detail-head" }, h("h2", {}, one.field), h("p", { class: "muted" }, `${one.collection} · `, h("code", {}, one.key))),
      h("p", { class: "before" }, h("span", { class: "label" }, "Before"), " ", base === null ? h("em", { class: "muted" }, "nothing") : h("span", {}, line(base, 400))),
      h("div", { class: "versions" }, cards),
      h("details", { class: "own" }, h("summary", {}, "Neither: write another value ", h("kbd", {}, "e")),
        h("div", { class: "own-form" }, this._own, h("button", { type: "button", onclick: () => this._resolve(one, parsed(this._own.value, one.shown)) }, "Keep what I wrote"))));
  }

  async _resolve(one, value) {
    try {
      await this._api.post(`v1/documents/${encodeURIComponent(one.collection)}/conflicts/resolve`, { key: one.key, path: one.path, value, siblings: one.siblings.map((version) => version.value) });
      this._toast(`${one.field} of ${one.key} is decided.`);
    } catch (error) {
      this._toast(error.message, true);
    }
    this._open = "";
    await this.again();
    this._list.querySelector("button")?.focus();
  }

  /** @param {string} key */
  key(key) {
    const one = this._current();
    if (!one) return false;
    if (key === "e") {
      this._detail.querySelector("details").open = true;
      this._own.focus();
      return true;
    }
    const index = key.length === 1 ? key.charCodeAt(0) - 97 : -1;
    if (index < 0 || index >= one.siblings.length) return false;
    this._resolve(one, one.siblings[index].value);
    return true;
  }
}

function name(one) {
  return `${one.collection}/${one.key}/${one.path.join(".")}`;
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

function text(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** What somebody typed: text where text was, else JSON if it is some. */
function parsed(typed, before) {
  if (typeof before === "string") return typed;
  try { return JSON.parse(typed); } catch { return typed; }
}
