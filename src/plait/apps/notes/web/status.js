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
   * @param {{refused: (refused: object[]) => void, rights: () => void, signIn: () => void}} tell
   */
  constructor(store, notes, parts, tell) {
    Object.assign(this, { store, notes, parts, tell });
    this.timer = 0;
    this.copies = [];
    parts.offline.addEventListener("click", () => this.toggle());
    store.subscribe(() => this.draw());
    notes.subscribe(() => this.draw());
    notes.onStatus(() => this.draw());
    queueMicrotask(() => this.draw());
  }

  /** Go offline, or come back. */
  toggle() {
    this.store.offline = !this.store.offline;
    remember(this.store.offline);
    this.draw();
  }

  /** What is to be said, and how it looks. @returns {{kind: string, text: string, title: string}} */
  words() {
    const { online, node, pending, error, who } = this.store.status;
    const kept = pending === 1 ? "1 edit kept here" : `${pending} edits kept here`;
    if (this.store.offline) {
      return { kind: "off", text: pending ? `Offline · ${kept}` : "Offline", title: "Switched off. Everything you write is kept in this browser" };
    }
    const and = pending ? ` · ${kept}` : "";
    if (error?.code === "NotSignedIn") {
      return { kind: "unknown", text: `Sign in${and}`, title: `No node knows who you are: ${error.message}. Nothing that you wrote is lost` };
    }
    if (error?.code === "NotAllowed") {
      return { kind: "barred", text: `Not for you to read${and}`, title: `${error.message}. What was here stays, and goes on when you may read it again` };
    }
    if (!online) {
      return { kind: "away", text: pending ? `No connection · ${kept}` : "No connection", title: "No node can be reached. Trying again; keep writing" };
    }
    if (this.notes.status.writes?.length === 0) {
      return { kind: "reading", text: "Read only", title: `${who ?? "You"} may read these notes, and not change them` };
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
    this.tell.refused(this.notes.refused());
    this.tell.rights();
  }

  #show({ kind, text, title }) {
    this.shown = kind;
    for (const element of [this.parts.state, ...this.copies]) {
      if (element.textContent !== text || element.dataset.kind !== kind) {
        if (kind === "unknown") element.replaceChildren(h("button", { type: "button", onclick: () => this.tell.signIn() }, text));
        else element.textContent = text;
      }
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

/**
 * Edits that a node refused, and why, until somebody is done with them: those of one note together.
 * @param {object[]} refused
 * @param {{titleOf: (key: string) => string, may: (key: string) => boolean, again: (ones: object[]) => void, dismiss: (ones: object[]) => void}} acts
 */
export function refusals(refused, { titleOf, may, again, dismiss }) {
  if (!refused.length) return null;
  const notes = [...Map.groupBy(refused, (one) => one.key)];
  return h("section.refused", { "aria-label": "Refused edits" },
    h("p", {}, h("strong", {}, refused.length === 1 ? "An edit was refused" : `${refused.length} edits were refused`),
      ", and taken back here. Nobody else saw any of it; it is kept until you are done with it."),
    h("ul", {}, ...notes.slice(0, 5).map(([key, ones]) => h("li", {},
      h("span", {}, h("b", {}, titleOf(key)), ` ${ones[0].reason ?? "not allowed"}`, wrote(ones)),
      h("button.quiet", { type: "button", disabled: !may(key), onclick: () => again(ones) }, "Write again"),
      h("button.round", { type: "button", "aria-label": "Dismiss", title: "Dismiss", onclick: () => dismiss(ones) }, icon("close"))))));
}

/** What it would have written, as far as that is words. */
function wrote(ones) {
  const words = ones.flatMap(({ texts = [] }) => texts).join("").trim();
  return words ? h("q", {}, words.length > 2000 ? `${words.slice(0, 2000)}…` : words) : null;
}
