/**
 * Who else is here, and where: names, colours, carets. Told by presence, never stored.
 *
 * Everybody says of themselves: {page, name, hue, note, at, head, since}; `page` is drawn anew by
 * every window, so two windows of one person are two. Places are cursors of the text, which mean the
 * same character at every replica.
 *
 * Invariant: what others say is only ever shown, and only if it is what it should be. Absent: any
 * proof that people are who they say.
 */

const KEPT = "plait.notes.me";
const SAY_EVERY_MS = 50;
const HUES = [172, 24, 262, 340, 210, 88, 46, 300];
const FIRST = ["Quiet", "Early", "Bright", "Gentle", "Curious", "Nimble", "Patient", "Sunny"];
const LAST = ["Heron", "Otter", "Swift", "Hare", "Marten", "Wren", "Lynx", "Finch"];

/** @typedef {{page: string, name: string, hue: number, note: string|null, at: unknown, head: unknown, moves: number}} Person */

/** My name and colour; kept in this browser. */
export class Me {
  constructor() {
    this.page = Array.from(crypto.getRandomValues(new Uint8Array(8)), (one) => one.toString(16).padStart(2, "0")).join("");
    const asked = new URLSearchParams(location.search);
    const kept = read();
    this.name = nameOf(asked.get("name") ?? kept.name) || `${pick(FIRST)} ${pick(LAST)}`;
    this.hue = hueOf(kept.hue, this.name);
    this.chosen = Boolean(kept.chosen || asked.get("name"));
    if (!asked.get("name")) this.keep();
  }

  /** @param {string} name @param {number} hue */
  become(name, hue) {
    this.name = nameOf(name) || this.name;
    this.hue = hue;
    this.chosen = true;
    this.keep();
  }

  keep() {
    const { name, hue, chosen } = this;
    try {
      localStorage.setItem(KEPT, JSON.stringify({ name, hue, chosen }));
    } catch {
      return; // a browser that keeps nothing: another name next time
    }
  }
}

/** Everybody in the collection. */
export class People {
  /** @param {object} presence  of client.js @param {Me} me */
  constructor(presence, me) {
    this.presence = presence;
    this.me = me;
    this.looking = { note: null, at: null, head: null };
    this.moves = 0;
    this.timer = 0;
    this.listeners = new Set();
    this.unsubscribe = presence.subscribe(() => this.listeners.forEach((listener) => listener()));
    this.say();
  }

  /** @param {() => void} listener */
  subscribe(listener) {
    this.listeners.add(listener);
  }

  /** I look at a note, and have my caret there. @param {{note: string|null, at?: unknown, head?: unknown}} where */
  look({ note, at = null, head = null }) {
    const same = note === this.looking.note && at === this.looking.at && head === this.looking.head;
    if (same) return;
    this.looking = { note, at, head };
    this.moves += 1;
    this.timer ||= setTimeout(() => this.say(), SAY_EVERY_MS);
  }

  /** Say all of it now. */
  say() {
    clearTimeout(this.timer);
    this.timer = 0;
    const { page, name, hue } = this.me;
    this.presence.set({ page, name, hue, moves: this.moves, ...this.looking });
  }

  /** Everybody else, each window once. @returns {Person[]} */
  others() {
    const found = new Map();
    for (const { value } of this.presence.entries()) {
      if (!value || typeof value !== "object" || typeof value.page !== "string") continue;
      if (value.page === this.me.page) continue;
      found.set(value.page, {
        page: value.page,
        name: nameOf(value.name) || "Somebody",
        hue: hueOf(value.hue, value.page),
        note: typeof value.note === "string" ? value.note : null,
        at: value.at,
        head: value.head,
        moves: Number(value.moves) || 0,
      });
    }
    return [...found.values()].sort((one, other) => (one.page < other.page ? -1 : 1));
  }

  /** Those who look at a note. @param {string} key */
  at(key) {
    return this.others().filter((person) => person.note === key);
  }
}

/** Colours to choose from. */
export const hues = () => [...HUES];

/** The letters that stand for somebody. @param {string} name */
export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  return words.slice(0, 2).map((word) => String.fromCodePoint(word.codePointAt(0))).join("").toUpperCase() || "?";
}

const pick = (from) => from[Math.floor(Math.random() * from.length)];
const nameOf = (value) => (typeof value === "string" ? value.replace(/\s+/g, " ").trim().slice(0, 40) : "");

function hueOf(value, seed) {
  if (Number.isFinite(value)) return ((Math.round(value) % 360) + 360) % 360;
  let sum = 0;
  for (const char of seed) sum = (sum * 31 + char.codePointAt(0)) >>> 0;
  return HUES[sum % HUES.length];
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}") ?? {};
  } catch {
    return {};
  }
}
