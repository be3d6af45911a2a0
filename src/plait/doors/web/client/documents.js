/**
 * Handles on one collection: documents by key, with a property for each field of the schema.
 *
 *     const notes = await store.documents("notes", { title: register(), likes: counter() });
 *     const note = notes.get(notes.create());
 *     notes.change(() => { note.title = "Groceries"; note.likes.increment(); }, "first draft");
 *
 * Reading and writing are plain calls on this page's own replica: they wait for nobody.
 *
 * Invariant: what `change` wrote is one batch, or nothing if its function threw.
 * Absent: the past of documents (a node has it: GET .../history).
 */

import { BadCall, ChangeOpen } from "./errors.js";
import { conflicts, isOwn, unmerged } from "./conflicts.js";
import { hlcMs } from "./hlc.js";
import { Patches } from "./patches.js";
import { nameOf } from "./paths.js";
import { Access, Place } from "./place.js";
import { given } from "./plain.js";
import { PresenceView } from "./presence_view.js";
import { wordsOf } from "./refused.js";
import { Fields, checkedFields, fieldAt, handleOf } from "./schema.js";
import { Undo } from "./undo.js";

const HANDLES_MAX = 10_000;

/** @typedef {import("./patches.js").Patch} Patch */

/** One document: a handle that is always of what there is now. */
export class Document extends Fields {
  /** @param {Documents} documents @param {string} key */
  constructor(documents, key) {
    super(new Place(documents.access, key, []));
    Object.defineProperty(this, "_documents", { value: documents });
  }

  /** @returns {string} */
  get key() {
    // @ts-ignore - defined in Fields
    return this._place.key;
  }

  /** Whether it is there: something was written, and it is not deleted. */
  get exists() {
    // @ts-ignore - defined above
    return this._documents.has(this.key);
  }

  /** Delete it; an edit elsewhere that has not seen this brings it back. */
  delete() {
    // @ts-ignore
    this._documents.delete(this.key);
  }

  /** Be told of its changes. @param {(patches: Patch[]) => void} tell @returns {() => void} how to stop */
  subscribe(tell) {
    // @ts-ignore
    return this._documents.subscribe(({ patches }) => {
      const mine = patches.filter((/** @type {Patch} */ patch) => patch.key === this.key);
      if (mine.length) tell(mine);
    });
  }

  /** Take back the last own step that touched it; false if there is none. */
  undo() {
    // @ts-ignore
    return this._documents.undo(this.key);
  }

  /** Do again what was taken back last; false if there is nothing. */
  redo() {
    // @ts-ignore
    return this._documents.redo(this.key);
  }

  /** What waits for a decision in it. */
  conflicts() {
    // @ts-ignore
    return this._documents.conflicts(this.key);
  }

  /** Who wrote a register's value and when, and what lost against it: {value, who, when, losers}.
   * @param {string} name of a field */
  written(name) {
    const { field, place } = this.at(name);
    const state = place.state();
    if (!state || !["r", "q", "m"].includes(field.tag)) return null;
    const { replica } = place.access;
    const told = (/** @type {any} */ dot, /** @type {bigint} */ hlc, /** @type {any} */ value) => ({
      value, who: replica.who(dot[0], dot[1]), when: new Date(hlcMs(hlc)), own: isOwn(replica, dot),
    });
    if (field.tag === "r") {
      const winner = field.type.winner(state);
      if (!winner) return null;
      const losers = field.type.losers(state).map((/** @type {any} */ one) => told(one[0], one[1], one[2]));
      return { ...told(winner, winner[2][0], given(winner[2][1])), losers };
    }
    const heads = field.type.siblings(state).heads.map((/** @type {any} */ one) => told(one.dot, one.hlc, one.value));
    const last = heads.pop();
    return last ? { ...last, losers: heads.reverse() } : null;
  }
}

export class Documents {
  /** @param {any} replica @param {Record<string, import("./schema.js").Field>} schema */
  constructor(replica, schema) {
    this.replica = replica;
    this.schema = checkedFields(schema);
    this.access = new Access(replica, new Undo(), replica.name);
    this.presence = new PresenceView(replica);
    this._Document = handleOf(this.schema, Document);
    /** @type {Map<string, any>} */
    this._handles = new Map();
    /** @type {Set<(told: {keys: string[], patches: Patch[]}) => void>} */
    this._subscribers = new Set();
    this._stop = null;
    // what takes back an edit that was rolled back fits nothing any more
    replica.onRefused((/** @type {any} */ one) => this.access.undo.forget(one.key));
  }

  /** The collection's name. */
  get name() {
    return this.access.name;
  }

  // ------------------------------------------------------------------ documents

  /** The keys of the documents that are there, in order. @param {{start?: string, stop?: string}} [range]
   * @returns {string[]} */
  keys({ start, stop } = {}) {
    return this.replica.keys(start ?? null, stop ?? null);
  }

  /** @param {string} key */
  has(key) {
    return this.replica.exists(key);
  }

  /** How many documents are there. @returns {number} */
  get size() {
    return this.replica.count();
  }

  /** The document with this key, whether it is there or not: writing makes it. @param {string} key @returns {any} */
  get(key) {
    let handle = this._handles.get(key);
    if (!handle) {
      if (typeof key !== "string" || !key) throw new BadCall("a document's key is a string");
      handle = new this._Document(this, key);
      if (this._handles.size >= HANDLES_MAX) this._handles.clear();
      this._handles.set(key, handle);
    }
    return handle;
  }

  *[Symbol.iterator]() {
    for (const key of this.keys()) yield this.get(key);
  }

  /** A key that no other document has, here or anywhere. */
  create() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Delete a document; an edit elsewhere that has not seen this brings it back. @param {string} key */
  delete(key) {
    if (!this.has(key)) return;
    this.access.undo.cleared(this.replica, key, []);
    this.replica.delete(key);
  }

  // ------------------------------------------------------------------ changes

  /**
   * Everything that `act` writes is one change: delivered, or refused, as one; discarded if it throws.
   * @template T @param {(documents: Documents) => T} act at once, not async
   * @param {string | null} [message] for the history
   * @returns {T}
   */
  change(act, message = null) {
    if (this.access.changing) return act(this);
    const { undo } = this.access;
    this.replica.begin(message);
    this.access.changing = true;
    undo.open();
    let result;
    try {
      result = act(this);
      // @ts-ignore - asking
      if (typeof result?.then === "function") throw new BadCall("a change is written at once: no async function");
    } catch (error) {
      this.access.changing = false;
      undo.drop();
      this.replica.discard();
      throw error;
    }
    this.access.changing = false;
    try {
      this.replica.commit();
    } catch (error) {
      undo.drop();
      throw error;
    }
    undo.close();
    return result;
  }

  /** Take back the last own step, of one document or of all; false if there is none. What others
   * have overwritten meanwhile is left alone. @param {string | null} [key] */
  undo(key = null) {
    return this._replay(key, false);
  }

  /** Do again what `undo` took back last; false if there is nothing. @param {string | null} [key] */
  redo(key = null) {
    return this._replay(key, true);
  }

  _replay(/** @type {string | null} */ key, /** @type {boolean} */ again) {
    if (this.access.changing) throw new ChangeOpen("nothing is undone inside a change");
    return this.access.undo.replay(this.replica, key, again);
  }

  /** @param {string | null} [key] */
  canUndo(key = null) {
    return this.access.undo.has(key, false);
  }

  /** @param {string | null} [key] */
  canRedo(key = null) {
    return this.access.undo.has(key, true);
  }

  // ------------------------------------------------------------------ being told

  /** Be told of everything that takes effect here, own writes too (`patch.own`), after it has.
   * @param {(told: {keys: string[], patches: Patch[]}) => void} tell @returns {() => void} how to stop */
  subscribe(tell) {
    this._subscribers.add(tell);
    if (!this._stop) {
      const patches = new Patches(this.replica);
      this._stop = this.replica.listen((/** @type {any[]} */ changes) => this._tell(patches.of(changes)));
    }
    return () => {
      this._subscribers.delete(tell);
      if (this._subscribers.size || !this._stop) return;
      this._stop();
      this._stop = null;
    };
  }

  _tell(/** @type {Patch[]} */ patches) {
    const keys = [...new Set(patches.map((patch) => patch.key))];
    for (const tell of keys.length ? [...this._subscribers] : []) {
      try {
        tell({ keys, patches });
      } catch (error) {
        queueMicrotask(() => {
          throw error; // a subscriber's mistake is its own
        });
      }
    }
  }

  /** {online, pending, saved, refused, ...} of this collection. */
  get status() {
    return this.replica.status;
  }

  /** Be told when the status is another one. @param {(status: any) => void} tell @returns {() => void} how to stop */
  onStatus(tell) {
    return this.replica.subscribe(tell);
  }

  /** Whether a node would take an edit of this document, as far as is known: what may not be written
   * is refused when it gets there. @param {string} key */
  mayWrite(key) {
    return this.replica.mayWrite(key);
  }

  // ------------------------------------------------------------------ what waits for a person

  /** Registers whose concurrent values wait for a decision. @param {string | null} [key] */
  conflicts(key = null) {
    return conflicts(this.access, key);
  }

  /** Decide: `value` replaces all siblings. `ConflictChanged` if there are others by now.
   * @param {import("./conflicts.js").Conflict} conflict @param {any} value */
  resolve(conflict, value) {
    conflict.resolve(value);
  }

  /** `merge()` fields that show one of several values here. @param {string | null} [key] */
  unmerged(key = null) {
    return unmerged(this.access, key);
  }

  /** Own edits that were refused elsewhere and rolled back here, oldest first.
   * @returns {{number: number, key: string, reason: string, by: string, when: Date, message: string | null, fields: string[],
   *   texts: string[]}[]} `texts`: the words that it would have written */
  refused() {
    return this.replica.refused().map((/** @type {any} */ one) => this._refusal(one));
  }

  _refusal(/** @type {any} */ { number, key, reason, by, event, ops }) {
    const fields = ops.map((/** @type {any} */ op) => op.path.map(nameOf).join("."));
    const when = new Date(hlcMs(event.hlc));
    const names = [...new Set(fields.filter(Boolean))];
    return { number, key, reason, by: this.replica.who(by), when, message: event.message, fields: names, texts: wordsOf(ops) };
  }

  /** A person is done with a refused edit. @param {{number: number}} refusal */
  dismiss(refusal) {
    this.replica.dismiss(refusal.number);
  }

  /** Write a refused edit once more, on what there is now. @param {{number: number}} refusal */
  again(refusal) {
    this.replica.again(refusal.number);
  }

  /** Be told of every edit that is refused from now on. @param {(refusal: any) => void} tell */
  onRefused(tell) {
    return this.replica.onRefused((/** @type {any} */ one) => tell(this._refusal(one)));
  }

  /** Resolves when everything written so far is durable here. */
  flush() {
    return this.replica.flush();
  }

  /** The field of the schema that a path of components leads to. @param {readonly string[]} path */
  fieldAt(path) {
    return fieldAt(this.schema, path);
  }
}

