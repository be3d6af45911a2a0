/**
 * Telling listeners what took effect: nothing is built while nobody listens.
 *
 * What came as a state, not by operations, is told object by object, as an event of nobody (replica
 * 0n): a state does not say who wrote what. Mirrors engines/graph/telling.py; a change also says
 * whether it is `own`.
 *
 * @typedef {{key: string, path: readonly string[], op: import("./event.js").Op,
 *   event: import("./event.js").Event, before: any, after: any, last: boolean, own: boolean}} Changed
 */

import { Event, Op } from "./event.js";

/** The listeners of one replica, and what they have not been told yet. */
export class Listeners {
  constructor() {
    this._listeners = new Set();
    this._changes = [];
    this._shelf = null;
    this._scope = null;
  }

  /** From here on, this is the shelf, and this the scope. */
  watch(shelf, scope) {
    this._shelf = shelf;
    this._scope = scope;
    this._watch();
  }

  /** Tell `listener` from now on; returns how to stop. @param {(changes: Changed[]) => void} listener */
  listen(listener) {
    this._listeners.add(listener);
    this._watch();
    return () => {
      this._listeners.delete(listener);
      this._watch();
    };
  }

  /** A batch, or several, took effect; `sealed`: it is this own one. */
  tell(sealed = null) {
    if (!this._changes.length) return;
    const noted = this._changes;
    this._changes = [];
    noted.forEach((change, index) => {
      const next = noted[index + 1];
      change.last = !next || next.event.hlc !== change.event.hlc || next.event.replica !== change.event.replica;
      if (sealed && change.own) {
        change.event.who = sealed.who;
        change.event.message = sealed.message;
      }
    });
    for (const listener of [...this._listeners]) {
      try {
        listener(noted);
      } catch (error) {
        reportError(error); // a listener's mistake is nobody else's
      }
    }
  }

  /** What was noted did not happen. */
  forget() {
    this._changes = [];
  }

  _watch() {
    if (!this._shelf) return;
    const on = this._listeners.size > 0;
    this._shelf.observer = on ? (...told) => this._note(...told) : null;
    this._shelf.joinObserver = on ? (...told) => this._joined(...told) : null;
  }

  _note(key, path, op, event, before, after) {
    const own = event.replica === this._scope.replica;
    this._changes.push({ key, path, op, event, before, after, last: false, own });
  }

  _joined(key, path, before, after) {
    const event = new Event(0n, 0, this._scope.clock.last, new Map());
    const op = new Op(key, path, null);
    this._changes.push({ key, path, op, event, before, after, last: false, own: false });
  }
}

/** Have an error seen without stopping anybody. */
function reportError(error) {
  queueMicrotask(() => {
    if (typeof globalThis.reportError === "function") globalThis.reportError(error);
    else console.error(error);
  });
}
