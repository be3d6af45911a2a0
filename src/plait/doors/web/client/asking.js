/**
 * Getting what is missing: one thing is asked of one peer at a time; and answering a peer that
 * lacks something.
 *
 * A peer that answers nothing in time, or cannot, is left out for a while. A browser answers with
 * the batches that it retains, which are at least all that it wrote and that is not stable yet; only
 * a newcomer (another tab of this browser) is given a state. Mirrors graph/asking.py, pulling.py
 * and serving.py.
 */

import { BadFrame } from "./errors.js";
import { dotKey } from "./causality.js";
import { batchBytes } from "./event.js";
import { PAGE_BYTES, PAGE_BYTES_MAX } from "./messages.js";
import { Parcel, join, stateParcel } from "./parcels.js";

const PULL_S = 5.0;
const BUSY_S = 1.0;
const WINDOW = 4; // parts under way
const PARCEL_BYTES_MAX = 1 << 28;

/** A question and the parts of its answer. */
class Pull {
  constructor(peer, number, deadline) {
    this.peer = peer;
    this.number = number;
    this.deadline = deadline; // moves on with every sign of life
    this.bytes = 0;
    this.parts = [];
  }

  /** The next part arrived; raises `BadFrame` for any other. */
  add({ index, data }) {
    this.bytes += data.length;
    if (index !== this.parts.length || data.length > PAGE_BYTES_MAX) {
      throw new BadFrame(`part ${index} instead of ${this.parts.length}`);
    }
    if (this.bytes > PARCEL_BYTES_MAX) throw new BadFrame("a parcel that is too long");
    this.parts.push(data);
  }

  /** What the parts make together; raises `BadFrame`. */
  parcel() {
    const whole = new Uint8Array(this.bytes);
    let offset = 0;
    for (const part of this.parts) {
      whole.set(part, offset);
      offset += part.length;
    }
    return new Parcel(whole);
  }
}

/** What is being asked for, and what came. */
export class Asking {
  /** @param {import("./links.js").Links} links @param {string} sync auto, ops, delta, state */
  constructor(links, sync) {
    this.links = links;
    this.scope = links.scope;
    this.sync = sync;
    this.pull = null;
    this.quietSince = 0; // when something was last written or delivered
    this._numbers = 0;
    this._last = ""; // the peer that was asked last
  }

  // ----------------------------------------------------------------------------- asking

  /** Ask the next peer that has something, unless an answer is under way. */
  ask(now) {
    if (this.pull) return;
    for (const peer of this._inTurn()) {
      if (this._answersUs(peer, now) && this.scope.lacks(peer.vector)) {
        this._want(peer, now, []);
        return;
      }
    }
    this._clean(now);
  }

  _answersUs(peer, now) {
    const { standing } = peer;
    return standing !== null && (standing.member || this.scope.vector.size > 0) && now >= peer.busyUntil;
  }

  /** Ask for documents that show what was voided, if there are any. */
  _clean(now) {
    const unclean = [...this.scope.voids.unclean];
    if (!unclean.length) return;
    const peer = this._inTurn().find((one) => this._answersUs(one, now));
    if (!peer) return;
    peer.busyUntil = now + BUSY_S;
    this._want(peer, now, unclean);
  }

  /** The peers, beginning after the one that was asked last. */
  _inTurn() {
    const peers = [...this.links.peers.values()];
    const start = peers.findIndex((peer) => peer.name === this._last) + 1;
    return [...peers.slice(start), ...peers.slice(0, start)];
  }

  _want(peer, now, keys) {
    this._numbers += 1;
    this._last = peer.name;
    this.pull = new Pull(peer.name, this._numbers, now + PULL_S);
    this.links.send(peer, {
      kind: "want",
      number: this._numbers,
      since: this.scope.vector.pairs(),
      held: this.scope.quarantine.known(this.scope.vector),
      road: peer.opsOnly ? "ops" : this.sync,
      bytesMax: PAGE_BYTES,
      keys,
    });
  }

  /** A peer is gone; ask another. */
  unlinked(peer, now) {
    if (this.pull?.peer !== peer) return;
    this.pull = null;
    this.ask(now);
  }

  /** Give up waiting for an answer in the end. */
  tick(now) {
    if (!this.pull || now < this.pull.deadline) return;
    const peer = this.links.peers.get(this.pull.peer);
    if (peer) peer.busyUntil = now + PULL_S;
    this.pull = null;
    this.ask(now);
  }

  // ----------------------------------------------------------------------------- answers

  /** Batches came, asked for or not. */
  ops(peer, message, now, nowMs) {
    const marks = new Map();
    const named = new Map(message.marks);
    for (const batch of message.batches) {
      peer.sent.saw(batch.replica, batch.last);
      const mark = named.get(batch.replica);
      if (mark) marks.set(dotKey(batch.replica, batch.first), mark);
      named.delete(batch.replica);
    }
    const before = this.scope.known().count();
    this.took(this.scope.receive(message.batches, nowMs, marks), peer, now);
    if (!this.pull && this.scope.voids.unclean.size) this._clean(now);
    if (!this._answers(peer, message.number)) return;
    this.pull = null;
    if (this.scope.known().count() === before) peer.busyUntil = now + BUSY_S; // nothing that helps
    this.ask(now);
  }

  /** A piece of a parcel came; the last one joins it. */
  part(peer, message, now, nowMs) {
    const { pull } = this;
    if (!this._answers(peer, message.number)) return;
    pull.add(message);
    pull.deadline = now + PULL_S;
    if (!message.last) {
      const index = pull.parts.length + WINDOW;
      this.links.send(peer, { kind: "more", number: message.number, index });
      return;
    }
    this.pull = null;
    const parcel = pull.parcel();
    const before = this.scope.vector.copy();
    const delivered = join(this.scope, parcel, nowMs);
    peer.opsOnly = delivered === null && !parcel.keys.length;
    if (delivered) this.links.out.push({ kind: "joined", parcel });
    if (!delivered || this.scope.vector.equals(before)) peer.busyUntil = now + BUSY_S;
    this.took(delivered ?? [], peer, now, delivered !== null);
    this.ask(now);
  }

  /** The peer cannot answer now. */
  nothing(peer, message, now) {
    if (!this._answers(peer, message.number)) return;
    this.pull = null;
    peer.busyUntil = now + BUSY_S;
    this.ask(now);
  }

  _answers(peer, number) {
    return this.pull !== null && this.pull.peer === peer.name && this.pull.number === number;
  }

  /** Note what was delivered, and say what is owed for it. */
  took(delivered, source, now, moved = false) {
    const { out } = this.links;
    if (delivered.length) out.push({ kind: "delivered", batches: delivered });
    if (delivered.length || moved) {
      this.quietSince = now;
      this.links.spread(delivered, source, now);
    }
    for (const notice of this.scope.notices()) this.links.out.push({ kind: "found", notice });
    if (this.scope.owed().length) this.links.out.push({ kind: "write", ops: [] });
  }

  // ----------------------------------------------------------------------------- being asked

  /** A peer asks for what it lacks. A newcomer gets nothing before it was admitted. */
  wanted(peer, want) {
    const { scope, links } = this;
    const nothing = { kind: "nothing", number: want.number };
    const isNew = !want.since.size;
    if (isNew && !scope.members.isMember(peer.replica)) return links.send(peer, nothing);
    peer.saw(want.since);
    if (want.keys.length) return links.send(peer, nothing);
    const since = want.since.merged(want.held);
    if (links.mute) since.saw(scope.replica, scope.nextSeq);
    if (!scope.history.reaches(since) && isNew && !scope.voids.unclean.size) {
      return this._sendState(peer, want.number);
    }
    const author = want.road === "own" ? scope.replica : null;
    const page = this._page(want, since, author);
    if (!page.batches.length) return links.send(peer, nothing);
    for (const batch of page.batches) peer.sent.saw(batch.replica, batch.last);
    return links.send(peer, page);
  }

  /** Retained batches after `since` (of one author only), of about `bytesMax`. */
  _page(want, since, author) {
    let left = Math.min(Math.max(want.bytesMax, 1), PAGE_BYTES_MAX);
    const batches = [];
    let more = false;
    for (const batch of this.scope.history.since(since)) {
      if (author !== null && batch.replica !== author) continue;
      if (author === null && hasUnsaid(this.scope, batch)) continue;
      const size = batchBytes(batch).length;
      if (batches.length && size > left) {
        more = true;
        break;
      }
      left -= size;
      batches.push(batch);
    }
    return this.links.opsMessage(want.number, more, batches);
  }

  _sendState(peer, number) {
    const data = stateParcel(this.scope);
    const parts = [];
    for (let at = 0; at < data.length; at += PAGE_BYTES) {
      const piece = data.slice(at, at + PAGE_BYTES);
      const last = at + PAGE_BYTES >= data.length;
      parts.push({ kind: "part", number, index: parts.length, last, data: piece });
    }
    peer.outgoing = { number, parts };
    peer.sendParts(number, WINDOW, (part) => this.links.send(peer, part));
  }
}

/** Whether something of a batch is refused, and nobody here knows who says so: it is not relayed. */
function hasUnsaid(scope, batch) {
  if (!scope.voids.known.size) return false;
  for (let seq = batch.first; seq <= batch.last; seq += 1) {
    const known = scope.voids.known.get(dotKey(batch.replica, seq));
    if (known && known.refusal.by === null) return true;
  }
  return false;
}
