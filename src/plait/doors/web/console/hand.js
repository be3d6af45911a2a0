/* The hand on the demo's world: what can be done to what is picked in the picture.
 * Invariant: what is offered can be done as things are; what was refused is said.
 * Absent: outside the demo nothing of this exists. */

import { h, put, say } from "./dom.js";

const SLOW_MS = 120; // less than an election's patience: slow, and not down
const LOADS = [0, 100, 1000, 3000];

export class Hand {
  /** @param {import("./api.js").Api} api @param {(text: string, bad?: boolean) => void} toast */
  constructor(api, toast) {
    this._api = api;
    this._toast = toast;
    this.picked = null;
    this._what = h("p", { class: "hand-what" });
    this._buttons = h("div", { class: "hand-buttons", role: "group", "aria-label": "The hand on the world" });
    this._load = h("select", { "aria-label": "Load, records a second", onchange: () => this.act("load", { records_per_s: Number(this._load.value) }) },
      LOADS.map((rate) => h("option", { value: rate }, rate ? `${rate.toLocaleString("en")} records/s` : "no load")));
    this._heal = h("button", { type: "button", class: "heal", onclick: () => this.act("heal", {}) }, "Heal everything", h("kbd", {}, "h"));
    this.element = h("div", { class: "hand" }, h("div", { class: "hand-one" }, this._what, this._buttons), h("div", { class: "hand-all" }, this._load, this._heal));
    this._key = "";
  }

  /** @param {{node?: string, link?: [string, string]}|null} picked */
  pick(picked) {
    this.picked = picked;
    this._show();
  }

  /** @param {any} state */
  update(state) {
    this._state = state;
    if (document.activeElement !== this._load) this._load.value = String(LOADS.includes(state.load) ? state.load : 0);
    put(this._load, "disabled", state.free ? null : "");
    const world = state.world;
    const wrong = world.links.some((link) => link.cut || link.delay_s) || Object.values(world.nodes).some((node) => /** @type {any} */ (node).state !== "up");
    put(this._heal, "class", wrong ? "heal primary" : "heal");
    put(this._heal, "disabled", state.free && wrong ? null : "");
    this._show();
  }

  _show() {
    if (!this._state) return;
    const offered = this._offered();
    const key = JSON.stringify([this.picked, offered.map((one) => one.label), this._state.free]);
    if (key === this._key) return;
    this._key = key;
    say(this._what, !this._state.free ? "The story is being told; then the hand is yours." : this.picked?.node ?? this.picked?.link?.join(" – ") ?? "Pick a node or a link: cut it, slow it, pause it, kill it.");
    const had = this._buttons.contains(document.activeElement) ? document.activeElement?.getAttribute("data-act") : null;
    this._buttons.replaceChildren(...offered.map((one) =>
      h("button", { type: "button", "data-act": one.what, class: one.danger ? "danger" : "", disabled: this._state.free ? null : "", onclick: () => this.act(one.what, one.body) }, one.label, h("kbd", {}, one.key))));
    if (had) (this._buttons.querySelector(`[data-act="${had}"]`) ?? this._buttons.firstElementChild)?.focus();
  }

  /** What can be done to what is picked. */
  _offered() {
    const { picked } = this;
    const world = this._state.world;
    if (picked?.link) {
      const link = world.links.find((one) => picked.link?.every((end) => one.ends.includes(end)));
      const body = { link: picked.link };
      return [
        link?.cut ? { what: "heal", label: "Mend", key: "c", body } : { what: "cut", label: "Cut", key: "c", body, danger: true },
        link?.delay_s ? { what: "slow", label: "Full speed", key: "s", body: { ...body, delay_ms: 0 } } : { what: "slow", label: `Slow by ${SLOW_MS} ms`, key: "s", body: { ...body, delay_ms: SLOW_MS } },
      ];
    }
    if (!picked?.node) return [];
    const body = { node: picked.node };
    const state = world.nodes[picked.node]?.state;
    const own = world.links.filter((link) => link.ends.includes(picked.node));
    const cut = own.length > 0 && own.every((link) => link.cut);
    const offered = [cut ? { what: "heal", label: "Mend links", key: "c", body } : { what: "cut", label: "Cut off", key: "c", body, danger: true }];
    if (state === "up") offered.push({ what: "pause", label: "Pause", key: "p", body, danger: true });
    if (state === "paused") offered.push({ what: "resume", label: "Go on", key: "p", body });
    if (state === "dead") offered.push({ what: "restart", label: "Start again", key: "x", body });
    else if (state !== "starting") offered.push({ what: "kill", label: "Kill -9", key: "x", body, danger: true });
    return offered;
  }

  /** A key was pressed; whether it meant something. @param {string} key */
  key(key) {
    if (!this._state?.free) return false;
    if (key === "h") {
      this.act("heal", {});
      return true;
    }
    const found = this._offered().find((one) => one.key === key);
    if (found) this.act(found.what, found.body);
    return Boolean(found);
  }

  /** @param {string} what @param {any} body */
  async act(what, body) {
    try {
      const answer = await this._api.post(`v1/demo/${what}`, body, { home: true, patience: 40_000 });
      if (this._state) this.update({ ...this._state, ...answer });
    } catch (error) {
      this._toast(error.message, true);
    }
  }
}
