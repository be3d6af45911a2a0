/**
 * Going on under a fresh id: with the state as it is (`restart`: a copied or restored storage, two
 * processes with one id), or from nothing (`adopt`: retired after being away for too long, forked,
 * or folded past).
 *
 * What is adopted is fetched beside what is shown; when it is here, it is shown instead, listeners
 * are told of what is different, and what the others lack of one's own is written anew.
 *
 * Invariant: an own edit that others lack is in the journal, as an event or as `lost`, until it is
 * written anew; what cannot be is listed in the status's notices. Mirrors engines/graph/renewal.py.
 */

import { VersionVector, dotKey } from "./causality.js";
import { NotLoaded, PlaitError } from "./errors.js";
import { Op, bigOf } from "./event.js";
import { NOTED, RENAMED } from "./journal.js";
import { assigns, mergeAgain, overtaken, types, writeAgain } from "./reissue.js";
import { textAt } from "./reissue_texts.js";
import { Scope } from "./scope.js";
import { Shelf } from "./shelf.js";
import { ShelvedDocument } from "./shelved_document.js";
import { toldAnew } from "./telling.js";

const IDS_MAX = 32;
const MERGED = 3; // a kind of what is lost: [what a text was, what it was to become]

/** One replica's changes of identity. */
export class Renewal {
  /** @param {any} replica */
  constructor(replica) {
    this.lost = []; // [hlc, key, path, body, kind]: to be written anew
    this.adopting = false; // what is shown is not what is folded
    this._replica = replica;
  }

  /** How many own operations have no event that others could get. */
  get owed() {
    return this.lost.length;
  }

  /** Go on with the state as it is. `retire`: up to where others know the old id. */
  restart(reason, retire) {
    const replica = this._replica;
    if (replica.writer.drafting) replica.writer.discard();
    replica.settle();
    const fresh = replica.randomId();
    replica.scope.renamed(fresh, retire);
    replica.journal.add(RENAMED, [fresh, retire]);
    this._renamed(fresh, reason);
    replica.bind();
    replica.syncing.begin();
    replica.syncing.greetAgain();
  }

  /** Begin again empty; `lost`: own batches that the others do not have and will not take. */
  adopt(reason, lost) {
    const replica = this._replica;
    if (replica.writer.drafting) replica.writer.discard();
    const { scope } = replica;
    this.lost.push(...intentsOf(scope, lost));
    const shelf = new Shelf();
    replica.scope = new Scope(scope.lineage, replica.randomId(), scope.members.founder, shelf);
    replica.scope.clock.observe(scope.clock.last);
    this.adopting = true;
    replica.writer.bind(replica.scope, shelf);
    replica.writer.error = new NotLoaded(`documents ${replica.name} are being fetched: ${reason}`);
    this._renamed(replica.scope.replica, reason);
    replica.saver.begin();
    replica.standing.recount();
    replica.journal.checkpoint();
    replica.syncing.begin();
    replica.syncing.greetAgain();
  }

  /** Something happened: perhaps what was adopted is here, or what is owed can be written. */
  look() {
    const { scope, syncing, writer } = this._replica;
    if (!(this.adopting || this.lost.length) || !scope.writable || !syncing.caughtUp()) return;
    if (this.adopting) this._show();
    if (this.lost.length && !writer.drafting && !writer.error) this._reissue();
  }

  _renamed(fresh, reason) {
    const replica = this._replica;
    replica.ids = [...replica.ids, fresh].slice(-IDS_MAX);
    replica.journal.saved = 0;
    replica.syncing.note(`fresh id: ${reason}`);
  }

  /** Show what was adopted, and tell what is different. */
  _show() {
    const replica = this._replica;
    const before = replica.shelf.documents;
    replica.shelf = replica.scope.fold;
    this.adopting = false;
    replica.writer.error = replica.journal.error;
    replica.bind();
    const after = replica.shelf.documents;
    const tell = replica.shelf.joinObserver;
    if (!tell) return;
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      const [was, is] = [before.get(key), after.get(key) ?? new ShelvedDocument(key)];
      const shown = [was?.visible() ?? false, is.visible()];
      if (shown[0] !== shown[1]) tell(key, [], ...shown);
      for (const [path, old, now] of toldAnew(was, is)) tell(key, path, old, now);
    }
    replica.listeners.tell();
  }

  /** Write anew what was lost; what somebody set later stands. */
  _reissue() {
    const replica = this._replica;
    const lost = this.lost;
    this.lost = [];
    const done = new Set();
    for (const [stamp, key, path, body, kind] of lost) {
      const op = new Op(key, Object.freeze([...path]), body, kind);
      try {
        if (kind === MERGED) {
          mergeAgain(replica, key, op.path, body);
          continue;
        }
        const state = assigns(op) ? replica.object(key, op.path) : null;
        if (state !== null && overtaken(state, bigOf(stamp), done)) {
          replica.syncing.note(`not written anew: ${key} ${path.join("/")}: a later write stands`);
          continue;
        }
        writeAgain(replica, op);
        done.add(dotKey(replica.replica, replica.scope.nextSeq - 1));
      } catch (error) {
        if (!(error instanceof PlaitError)) throw error;
        replica.syncing.note(`not written anew: ${key} ${path.join("/")}: ${error.message}`);
      }
    }
    replica.settle();
    replica.journal.add(NOTED, ["lost", []]);
  }
}

/** What own batches were meant to do, in their order; of a text what it was and what it became. */
function intentsOf(scope, lost) {
  const found = [];
  const texts = new Map();
  for (const batch of lost) {
    batch.ops.forEach((op, index) => {
      if (!op.key || scope.voids.has(batch.replica, batch.first + index)) return;
      if (types(op)) texts.set(JSON.stringify([op.key, op.path]), op);
      else found.push([batch.hlc, op.key, op.path, op.body, op.kind]);
    });
  }
  if (!texts.size) return found;
  const without = new VersionVector(scope.vector); // what is lost is the end of the own stream
  if (lost[0].first > 1) without.set(lost[0].replica, lost[0].first - 1);
  else without.delete(lost[0].replica);
  for (const { key, path } of texts.values()) {
    const state = scope.fold.object(key, path);
    if (state === null) continue;
    found.push([0n, key, path, [textAt(state, without), state.text()], MERGED]);
  }
  return found;
}
