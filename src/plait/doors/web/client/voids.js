/**
 * Refusals: events that keep their place and have no effect.
 *
 * A void always wins, whatever is concurrent with it. One that is known before its event comes
 * spares applying it; one that comes after makes the document fold again from the retained events,
 * and where those do not reach back to the beginning the document is unclean, and is taken from a
 * peer. A guest believes refusals and never says any. Mirrors graph/voids.py.
 */

import { dotKey } from "./causality.js";
import { VOID, bigOf } from "./event.js";
import { isInt } from "./members.js";

/**
 * @typedef {{reason: string, key: string, by: [bigint, number]|null}} Refusal  why an event is
 *   void, and which event says so (null: it was foretold, and its saying has not come yet)
 */

/** The event that an operation voids as {dot, reason, key}, if it is such an operation. */
export function voidedBy(op) {
  if (op.key || op.path[0] !== VOID || !Array.isArray(op.body)) return null;
  const [replica, seq, reason, key] = op.body;
  const fits = isInt(replica) && Number.isSafeInteger(seq) && typeof reason === "string";
  if (!fits || typeof key !== "string" || op.body.length !== 4) return null;
  return { dot: [bigOf(replica), seq], reason, key };
}

/** The voided events of a scope. */
export class Voids {
  constructor() {
    this.known = new Map(); // by dot: {dot, refusal}
    this.unclean = new Set(); // documents that still show what was voided
    this._late = new Set(); // documents that applied what was voided afterwards
  }

  /** Whether an event is void. */
  has(replica, seq) {
    return this.known.size > 0 && this.known.has(dotKey(replica, seq));
  }

  /** Know of a refusal. @param {Refusal} refusal */
  learn(dot, refusal) {
    this.known.set(dotKey(...dot), { dot, refusal });
  }

  /** What these void is not to be applied, even if it is delivered before them. */
  foretell(batches, vector) {
    for (const batch of batches) {
      for (const op of batch.ops) {
        const voided = op.key ? null : voidedBy(op);
        if (!voided || !voided.key || this.known.has(dotKey(...voided.dot))) continue;
        if (voided.dot[1] > (vector.get(voided.dot[0]) ?? 0)) {
          this.learn(voided.dot, { reason: voided.reason, key: voided.key, by: null });
        }
      }
    }
  }

  /** A void was delivered; whether it is the first of its event. `applied`: too late. */
  void(dot, refusal, applied) {
    const known = this.known.get(dotKey(...dot))?.refusal;
    if (!known || known.by === null || before(refusal.by, known.by)) this.learn(dot, refusal);
    if (!known && applied) this._late.add(refusal.key);
    return !known || known.by === null;
  }

  /** Whether a vector covers every void that is known of a document. */
  said(key, context) {
    for (const { refusal } of this.known.values()) {
      if (refusal.key !== key) continue;
      if (!refusal.by || refusal.by[1] > (context.get(refusal.by[0]) ?? 0)) return false;
    }
    return true;
  }

  /** Fold again the documents where something was voided too late. */
  settle(history, fold) {
    if (!this._late.size) return;
    const late = this._late;
    this._late = new Set();
    for (const key of late) {
      if (history.floor.size) this.unclean.add(key);
      else fold.refold(key, this.effective(key, history));
    }
  }

  /** The retained events of a document that are not void. Contexts are live. */
  *effective(key, history) {
    for (const [op, event] of history.replay()) {
      if (op.key === key && !this.has(event.replica, event.seq)) yield [op, event];
    }
  }

  /** Forget the voids that everybody has seen, of events that everybody has seen. */
  drop(cut) {
    for (const [name, { dot, refusal }] of [...this.known]) {
      const { by } = refusal;
      if (!by || by[1] > (cut.get(by[0]) ?? 0)) continue;
      if (dot[1] <= (cut.get(dot[0]) ?? 0)) this.known.delete(name);
    }
  }
}

const before = (one, other) =>
  one !== null && other !== null && (one[0] < other[0] || (one[0] === other[0] && one[1] < other[1]));
