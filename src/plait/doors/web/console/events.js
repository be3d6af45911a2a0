/* What happened, the newest first: changes that were seen, and the demo's story.
 * Invariant: the last `KEPT` are kept. What changes for the worse is also said aloud, politely.
 * Absent: what happened before the page was opened; the nodes' logs have that. */

import { clock } from "./format.js";
import { h } from "./dom.js";

const KEPT = 120;

export class Events {
  constructor() {
    this._list = h("ol", { class: "events-list", tabindex: 0, "aria-label": "What happened, the newest first" });
    this._aloud = h("p", { class: "visually-hidden", "aria-live": "polite" });
    this._first = h("li", { class: "muted" }, "Nothing yet. It is quiet.");
    this._list.append(this._first);
    this.element = h("section", { class: "panel events", "aria-label": "What happened" },
      h("header", {}, h("h2", {}, "What happened")), this._list, this._aloud);
  }

  /** @param {{text: string, bad?: boolean, scene?: boolean, dye?: number}} event @param {number} at */
  add(event, at = Date.now()) {
    this._first.remove();
    const mark = h("span", { class: "dot", style: event.dye === undefined ? {} : { "--dye": `var(--dye-${event.dye})` } });
    this._list.prepend(h("li", { class: event.scene ? "scene" : event.bad ? "bad" : "" }, h("time", { class: "mono" }, clock(at)), mark, h("span", {}, event.text)));
    while (this._list.childElementCount > KEPT) this._list.lastElementChild?.remove();
    if (event.bad) this._aloud.textContent = event.text;
  }
}
