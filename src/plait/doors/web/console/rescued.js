/* What deposed leaders had and their lines went on without: to be looked at, replayed or dropped.
 * Invariant: nothing is dropped or replayed before somebody said that they are sure.
 * Absent: editing; a suffix is applied as it is, each command at most once, or not at all. */

import { amount, bytes, line as shown } from "./format.js";
import { each, h, put, rove, say } from "./dom.js";
import { sure } from "./dialogs.js";

const EVERY_MS = 5000;

const EMPTY = () => [h("strong", {}, "Nothing was rescued."), "When a leader is replaced, what only it had is kept here."];

export class RescuedView {
  /** @param {HTMLElement} root */
  constructor(root, { api, toast, badge }) {
    this._api = api;
    this._toast = toast;
    this._badge = badge;
    this._open = "";
    this._list = h("ul", { class: "picks", "aria-label": "Rescued suffixes" });
    this._detail = h("div", { class: "detail" });
    this._empty = h("p", { class: "empty" }, ...EMPTY());
    /** Whether this person may not see it: asked again when somebody looks. */
    this._barred = false;
    this._panes = h("div", { class: "panes two" }, h("section", { class: "panel pane" }, h("header", {}, h("h2", {}, "Rescued records")), this._list), h("section", { class: "panel pane" }, this._detail));
    root.append(this._panes, this._empty);
    this._settle = rove(this._list, "button", (button) => button.click());
    this._panes.hidden = true;
    this.again();
    setInterval(() => { if (!document.hidden && !this._barred) this.again(); }, EVERY_MS);
  }

  show() {
    this.again();
  }

  _bar(why) {
    this._barred = true;
    this._panes.hidden = true;
    this._empty.hidden = false;
    this._empty.replaceChildren(h("strong", {}, "Not for you to see."), `${why}.`);
  }

  async again() {
    let found;
    try {
      found = await this._api.get("v1/rescued");
    } catch (error) {
      if (error.status === 403) this._bar(error.message);
      return; // else the notice on top says that nobody answers
    }
    if (this._barred) this._empty.replaceChildren(...EMPTY());
    this._barred = false;
    this._found = found;
    this._badge("rescued", found.length);
    this._empty.hidden = found.length > 0;
    this._panes.hidden = !found.length;
    each(this._list, found, (one) => `${one.node}/${one.rescued}`,
      (one) => h("li", {}, h("button", { type: "button", class: "pick", onclick: () => this._show(one) }, h("span", { class: "pick-title" }), h("span", { class: "pick-more" }))),
      (element, one) => {
        const [title, more] = element.firstChild.children;
        say(title, `${amount(one.records, "record")} of ${one.line}`);
        say(more, `only ${one.node} had them · epoch ${epoch(one.epoch)}, cut by ${epoch(one.cut_by)} · ${bytes(one.bytes ?? 0)}`);
        put(element.firstChild, "aria-current", `${one.node}/${one.rescued}` === this._open ? "true" : null);
      });
    this._settle();
    if (!found.some((one) => `${one.node}/${one.rescued}` === this._open)) {
      this._open = "";
      this._detail.replaceChildren(h("p", { class: "empty" }, h("strong", {}, "None of them was acknowledged by its line’s rule."), "Pick one to see its records."));
    }
  }

  async _show(one) {
    this._open = `${one.node}/${one.rescued}`;
    try {
      const full = await this._api.get(`v1/rescued/${encodeURIComponent(one.node)}/${one.rescued}`);
      this._render(one, full);
    } catch (error) {
      this._toast(error.message, true);
    }
    this.again();
  }

  _render(one, full) {
    const records = full.shown ?? [];
    const rows = records.map((record) => h("tr", {},
      h("td", { class: "mono" }, `${record.position}:${record.offset}`), h("td", { class: "mono" }, record.command ?? ""),
      h("td", { class: "mono" }, String(record.table ?? "")),
      h("td", { class: "mono wide" }, shown(record.key ?? record.keys ?? ""), record.value === undefined ? "" : ` = ${shown(record.value, 90)}`)));
    const more = one.records - records.length;
    this._detail.replaceChildren(
      h("header", { class: "detail-head" }, h("h2", {}, `${one.line}, from position ${one.start}`),
        h("div", { class: "detail-acts" },
          h("button", { type: "button", onclick: () => this._replay(one) }, "Replay"),
          h("button", { type: "button", class: "danger", onclick: () => this._drop(one) }, "Drop"))),
      h("p", { class: "muted" }, `${one.node} had ${amount(one.records, "record")} under epoch ${epoch(one.epoch)} that nobody else had; epoch ${epoch(one.cut_by)} went on without them. Replaying applies those that were not retried elsewhere, each once.`),
      h("table", { class: "records" }, h("thead", {}, h("tr", {}, ["position", "what", "table", "record"].map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows)),
      more > 0 ? h("p", { class: "muted" }, `and ${amount(more, "record")} more`) : "");
  }

  async _replay(one) {
    if (!(await sure("Replay these records?", `They are written to ${one.line} as if their clients wrote them now, over what was written since. What was retried elsewhere is left out.`, "Replay"))) return;
    await this._do(async () => {
      const counts = await this._api.post(`v1/rescued/${encodeURIComponent(one.node)}/${one.rescued}/replay`, undefined);
      this._toast(`${amount(counts.applied ?? 0, "record")} applied, ${counts.already ?? 0} were there already, ${counts.failed?.length ?? 0} failed`);
    });
  }

  async _drop(one) {
    if (!(await sure("Forget these records?", `${amount(one.records, "record")} that only ${one.node} has are gone then.`, "Forget them"))) return;
    await this._do(async () => {
      await this._api.ask("DELETE", `v1/rescued/${encodeURIComponent(one.node)}/${one.rescued}`);
      this._toast("Forgotten.");
    });
  }

  async _do(work) {
    try {
      await work();
    } catch (error) {
      this._toast(error.message, true);
    }
    await this.again();
  }

  /** @param {string} key */
  key(key) {
    const one = this._found?.find((each) => `${each.node}/${each.rescued}` === this._open);
    if (one && key === "r") this._replay(one);
    else if (one && key === "d") this._drop(one);
    else return false;
    return true;
  }

  show() {
    this.again();
  }
}

function epoch(value) {
  return Array.isArray(value) ? value.join(".") : String(value);
}
