/**
 * How things stand, said quietly: saved, on its way, offline; and what was refused.
 *
 * Invariant: "Saved" is only said when a node has everything. Absent: alarms. Being offline is
 * nothing to worry about here.
 */

import { h, icon } from "./dom.js";

const WAIT_MS = 700; // what is saved sooner is not worth a word

export class Status {
  /**
   * @param {object} store  of client.js @param {object} notes
   * @param {{state: HTMLElement, offline: HTMLElement}} parts
   * @param {(refused: object[]) => void} tell
   */
  constructor(store, notes, parts, tell) {
    Object.assign(this, { store, notes, parts, tell });
    this.timer = 0;
    this.copies = [];
    parts.offline.addEventListener("click", () => this.toggle());
    store.subscribe(() => this.draw());
    notes.subscribe(() => this.draw());
    this.draw();
  }

  /** Go offline, or come back. */
  toggle() {
    this.store.offline = !this.store.offline;
    remember(this.store.offline);
    this.draw();
  }

  /** What is to be said, and how it looks. @returns {{kind: string, text: string, title: string}} */
  words() {
    const { online, node, pending } = this.store.status;
    const kept = pending === 1 ? "1 edit kept here" : `${pending} edits kept here`;
    if (this.store.offline) {
      return { kind: "off", text: pending ? `Offline · ${kept}` : "Offline", title: "Switched off. Everything you write is kept in this browser" };
    }
    if (!online) {
      return { kind: "away", text: pending ? `No connection · ${kept}` : "No connection", title: "No node can be reached. Trying again; keep writing" };
    }
    if (pending) return { kind: "busy", text: "Saving …", title: `${pending} edits are on their way to ${node ?? "a node"}` };
    return { kind: "saved", text: "Saved", title: `Everything is on the disk of ${node ?? "a node"}` };
  }

  draw() {
    const words = this.words();
    clearTimeout(this.timer);
    if (words.kind === "busy" && this.shown === "saved") this.timer = setTimeout(() => this.#show(words), WAIT_MS);
    else this.#show(words);
    const on = !this.store.offline;
    this.parts.offline.setAttribute("aria-checked", String(on));
    document.documentElement.dataset.offline = on ? "no" : "yes";
    this.tell(this.notes.refused());
  }

  #show({ kind, text, title }) {
    this.shown = kind;
    for (const element of [this.parts.state, ...this.copies]) {
      if (element.textContent !== text) element.textContent = text;
      element.dataset.kind = kind;
      element.title = title;
    }
  }

  /** Another place where the same is said. */
  copy() {
    const element = h("span.state");
    this.copies = [...this.copies.filter((one) => one.isConnected), element];
    this.draw();
    return element;
  }
}

const KEPT = "plait.notes.offline";

/** Whether this window was switched off before it was reloaded. */
export function wasOffline() {
  try {
    return sessionStorage.getItem(KEPT) === "yes";
  } catch {
    return false;
  }
}

function remember(offline) {
  try {
    sessionStorage.setItem(KEPT, offline ? "yes" : "no");
  } catch {
    return; // then it is forgotten when the page is reloaded
  }
}

/** Edits that a node refused, and why, until somebody has seen it. @param {object[]} refused */
export function refusals(refused, dismiss, titleOf) {
  if (!refused.length) return null;
  return h("section.refused", { "aria-label": "Refused edits" },
    h("p", {}, h("strong", {}, refused.length === 1 ? "An edit was refused" : `${refused.length} edits were refused`),
      ", and taken back here. Nothing of it is seen by others."),
    h("ul", {}, ...refused.slice(0, 5).map((one) => h("li", {},
      h("span", {}, `${titleOf(one.key)}: ${one.reason ?? "not allowed"}`),
      h("button.round", { type: "button", "aria-label": "Dismiss", title: "Dismiss", onclick: () => dismiss(one) }, icon("close"))))));
}
