/**
 * All notes, as the list shows them: a summary each, made anew when the note has changed.
 *
 * Invariant: a summary is what the replica says now. Absent: anything kept between visits; the
 * replica does that.
 */

import { plainOf, progressOf } from "./lines.js";

/** @typedef {import("./search.js").Summary} Summary */

const EDITED_EVERY_MS = 30_000;
const TAG_MAX = 40;

export class Book {
  /** @param {object} notes  a collection of client.js */
  constructor(notes) {
    this.notes = notes;
    /** @type {Map<string, Summary>} */
    this.known = new Map();
    this.listeners = new Set();
    this.conflicted = null; // conflicts by key
    notes.subscribe(({ keys, patches }) => {
      for (const key of keys) this.known.delete(key);
      this.conflicted = null;
      for (const listener of this.listeners) listener([...keys], patches);
    });
  }

  /** Tell `listener` which notes have changed. @param {(keys: string[], patches: object) => void} listener */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** @returns {Summary[]} */
  summaries() {
    return [...this.notes.keys()].map((key) => this.summary(key));
  }

  /** @returns {Summary} */
  summary(key) {
    const kept = this.known.get(key);
    if (kept) return kept;
    const note = this.notes.get(key);
    const body = String(note.body);
    const summary = {
      key,
      title: stringOf(note.title),
      when: stringOf(note.when),
      plain: plainOf(body),
      tags: [...note.tags].filter((tag) => typeof tag === "string").sort(),
      pinned: Boolean(note.pinned),
      edited: Number(note.edited ?? note.made ?? 0) || 0,
      progress: progressOf(body),
      conflicts: this.conflictsOf(key).length,
    };
    this.known.set(key, summary);
    return summary;
  }

  /** What waits to be chosen in a note. */
  conflictsOf(key) {
    if (!this.conflicted) {
      this.conflicted = new Map();
      for (const conflict of this.notes.conflicts()) {
        const others = this.conflicted.get(conflict.key) ?? [];
        this.conflicted.set(conflict.key, [...others, conflict]);
      }
    }
    return this.conflicted.get(key) ?? [];
  }

  /** A new note. @param {{tag?: string|null}} how @returns {string} its key */
  create({ tag = null } = {}) {
    const key = this.notes.create();
    const note = this.notes.get(key);
    this.notes.change(() => {
      note.made = note.edited = Date.now();
      if (tag) note.tags.add(tag);
    }, "new note");
    return key;
  }

  /** Everything that makes a note, to bring it back. */
  copyOf(key) {
    const note = this.notes.get(key);
    const { title, when, pinned, made, edited } = note;
    return { title, when, pinned, made, edited, tags: [...note.tags], delta: note.body.toDelta() };
  }

  /** A note like one that there was, under a new key. @returns {string} */
  restore(copy) {
    const key = this.notes.create();
    const note = this.notes.get(key);
    this.notes.change(() => {
      for (const name of ["title", "when", "made", "edited"]) if (copy[name]) note[name] = copy[name];
      if (copy.pinned) note.pinned = true;
      for (const tag of copy.tags) note.tags.add(tag);
      const pieces = copy.delta.map((piece) => piece.insert);
      if (pieces.length) note.body.insert(0, pieces.join(""));
      let at = 0;
      for (const { insert, attributes = {} } of copy.delta) {
        for (const [name, value] of Object.entries(attributes)) note.body.mark(at, at + insert.length, name, value);
        at += insert.length;
      }
    }, "brought back");
    return key;
  }

  /** Do something to a note as one change, which says that it was edited. @param {() => void} make */
  change(key, make, message) {
    const note = this.notes.get(key);
    this.notes.change(() => {
      make(note);
      if (Date.now() - (note.edited ?? 0) > EDITED_EVERY_MS) note.edited = Date.now();
    }, message);
  }
}

/** A tag as it is kept: small letters, no blanks. @returns {string} empty if there is none in it */
export function tagOf(typed) {
  return typed.trim().replace(/^#+/, "").replace(/[\s,#]+/g, "-").toLowerCase().slice(0, TAG_MAX);
}

const stringOf = (value) => (typeof value === "string" ? value : "");
