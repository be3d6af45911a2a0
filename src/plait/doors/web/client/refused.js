/**
 * Own edits that were refused elsewhere: what they were, kept until a person is done with them.
 *
 * The verdict is a void of the event, said by whoever refused it. By then the edit is rolled back
 * here, or will be as soon as a peer has sent the document as it is without it. The list is kept in
 * the journal, so a reload shows it again.
 *
 * Invariant: an edit is listed once, however often its verdict is heard. Mirrors
 * engines/graph/refused.py.
 *
 * @typedef {{number: number, key: string, ops: Op[], dots: [bigint, number][], reason: string,
 *   by: bigint, event: {replica: bigint, seq: number, hlc: bigint, who: string|null,
 *   message: string|null}}} Refusal
 */

import { dotKey } from "./causality.js";
import { Op, bigOf } from "./event.js";
import { hlcMs } from "./hlc.js";

const REFUSED_MAX = 1000; // the oldest go first

/** The refused edits of one replica, oldest first. */
export class Refused {
  /** @param {(refusals: any[]) => void} keep have the list kept */
  constructor(keep) {
    this.listeners = new Set();
    this._keep = keep;
    this._listed = new Map(); // by number
    this._places = new Map();
    this._news = new Set();
    this._numbers = 0;
  }

  /** Those that no person is done with, oldest first. @returns {Refusal[]} */
  listed() {
    return [...this._listed.values()];
  }

  /** How many there are. */
  get size() {
    return this._listed.size;
  }

  /** One of them, or undefined. */
  get(number) {
    return this._listed.get(number);
  }

  /** An own event was refused. @param {import("./event.js").Batch} batch that holds it */
  judged(batch, { dot, reason, judge }) {
    const op = batch.ops[dot[1] - batch.first];
    if (!op.key) return;
    const place = `${dotKey(batch.replica, batch.first)} ${op.key}`;
    let refusal = this._listed.get(this._places.get(place));
    if (!refusal) {
      const { replica, first, hlc, who, message } = batch;
      const event = { replica, seq: first, hlc, who, message };
      const number = (this._numbers += 1);
      refusal = { number, key: op.key, ops: [], dots: [], reason, by: judge, event, whenMs: hlcMs(hlc) };
      this._put(refusal);
    }
    if (refusal.dots.some((known) => dotKey(...known) === dotKey(...dot))) return;
    refusal.dots.push(dot);
    refusal.ops.push(op);
    this._news.add(refusal.number);
    while (this._listed.size > REFUSED_MAX) this._drop(this._listed.keys().next().value);
    this._keep(this.data());
  }

  /** A person is done with one. */
  dismiss(number) {
    if (!this._listed.has(number)) return;
    this._drop(number);
    this._keep(this.data());
  }

  /** Tell of what is new. */
  tell() {
    const news = [...this._news].map((number) => this._listed.get(number)).filter(Boolean);
    this._news.clear();
    for (const refusal of news) for (const heard of [...this.listeners]) heard(refusal);
  }

  _put(refusal) {
    this._listed.set(refusal.number, refusal);
    this._places.set(placeOf(refusal), refusal.number);
    this._numbers = Math.max(this._numbers, refusal.number);
  }

  _drop(number) {
    const known = this._listed.get(number);
    this._listed.delete(number);
    this._news.delete(number);
    if (known) this._places.delete(placeOf(known));
  }

  // ----------------------------------------------------------------------------- storage

  /** The list as stored values. */
  data() {
    return this.listed().map(({ number, key, ops, dots, reason, by, event }) => {
      const said = ops.map((op) => [op.key, op.path, op.body, op.kind]);
      const { replica, seq, hlc, who, message } = event;
      return [number, key, said, dots, reason, by, [replica, seq, hlc, who, message]];
    });
  }

  /** The list from there, in the place of this one. */
  replace(data) {
    this._listed.clear();
    this._places.clear();
    for (const [number, key, said, dots, reason, by, [replica, seq, hlc, who, message]] of data) {
      const event = { replica: bigOf(replica), seq, hlc: bigOf(hlc), who, message };
      this._put({
        number, key, reason, event,
        ops: said.map(([at, path, body, kind]) => new Op(at, Object.freeze(path), body, kind)),
        dots: dots.map(([author, n]) => [bigOf(author), n]),
        by: bigOf(by),
        whenMs: hlcMs(event.hlc),
      });
    }
  }
}

const placeOf = ({ event, key }) => `${dotKey(event.replica, event.seq)} ${key}`;

/** The words that operations would have written, in their order. @param {Op[]} ops @returns {string[]} */
export function wordsOf(ops) {
  return ops.flatMap(({ path, body }) => {
    const tag = path.length ? path[path.length - 1].split(":", 1)[0] : "";
    if (!Array.isArray(body)) return [];
    const said = { x: body, r: body.slice(0, 1), m: body.slice(1, 2), q: body.slice(1, 2) }[tag] ?? [];
    return said.filter((one) => typeof one === "string");
  });
}
