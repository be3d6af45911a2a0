/**
 * Who this replica is to its peers: greetings, admission, and when its id is used up.
 *
 * Each side greets with the end of its own stream, and is told how that stands at the other side.
 * An author that learns of more than it wrote, or of something else, gives its id up: `restart` if
 * its state is good, `adopt` if it is not, or if it was retired. So a copied storage, a restored
 * one and one that was away for too long go on under an id of their own.
 *
 * Mirrors graph/identity.py and standing.py; absent: what only a node does for copies of stores.
 */

import { BadFrame } from "./errors.js";
import { GENESIS, SEQ_MAX, sameBytes } from "./event.js";
import { FINE, FORKED, BEHIND } from "./messages.js";
import { NONE, Openings, parted } from "./openings.js";
import { AHEAD_MS_MAX } from "./quarantine.js";

const JOIN_S = 1.0;
const TAIL_MAX = 4096;
const CLOCKS_MIN = 2;
const UNKNOWN = new Openings(SEQ_MAX);

/** This replica's standing at its peers, and theirs here. */
export class Identity {
  /**
   * @param {import("./links.js").Links} links @param {string} name when it is admitted
   * @param {bigint} incarnation random, for each process
   */
  constructor(links, sync, name, incarnation) {
    this.links = links;
    this.scope = links.scope;
    this.sync = sync;
    this.name = name;
    this.incarnation = incarnation;
    this.givenUp = false;
    this._compare = false; // somebody has something else under our dots: greet again
    this._joinAt = 0;
    this._joinLast = ""; // the peer that was asked last
  }

  // ----------------------------------------------------------------------------- greetings

  /** Tell a peer who we are, to be told how we stand there. */
  greet(peer, nowMs, mark = null) {
    const greeting = this.greeting(nowMs, mark);
    peer.greetedAt = greeting.seq;
    this.links.send(peer, greeting);
  }

  /** Who we are; `mark`: another place of our own stream than its end. */
  greeting(nowMs, mark = null) {
    const { scope } = this;
    const stream = scope.streams.get(scope.replica);
    const [seq, digest] = mark ?? (stream ? [stream.last, stream.digest] : [0, GENESIS]);
    return {
      kind: "greeting",
      replica: scope.replica,
      vector: scope.vector.pairs(),
      held: scope.quarantine.known(scope.vector),
      seq,
      digest,
      roots: scope.members.roots(scope.replica),
      neighbours: [], // a leaf relays nothing, so a node is to tell it what its tabs write, too
      sync: this.sync,
      incarnation: this.incarnation,
      nowMs,
      flock: scope.members.flock(),
      openings: stream ? stream.openings : NONE,
    };
  }

  /** A peer said who it is. */
  greeted(peer, message, now, nowMs) {
    peer.replica = message.replica;
    peer.sync = message.sync;
    peer.vector = message.vector;
    peer.sent = message.vector.merged(message.held);
    peer.mark = [message.seq, message.digest];
    peer.openings = message.openings ?? UNKNOWN;
    if (!peer.openings.fits(SEQ_MAX)) throw new BadFrame("openings that cannot be");
    peer.roots = message.roots;
    peer.flock = message.flock;
    if (message.replica === this.scope.replica) {
      const mine = this.scope.nextSeq - 1;
      peer.twin = true;
      peer.prevails =
        mine < message.seq || (mine === message.seq && this.incarnation >= message.incarnation);
    }
    this.clock(peer, message.nowMs, now, nowMs);
    this.judge(peer);
  }

  /** Tell a peer how it stands here. */
  judge(peer) {
    peer.judged = this._standing(peer);
    this.links.send(peer, peer.judged);
  }

  _standing(peer) {
    const { scope } = this;
    const stream = scope.streams.get(peer.replica);
    const last = stream ? stream.last : 0;
    let verdict = FINE;
    let tail = [];
    if (stream && last && peer.mark) {
      verdict = verdictOf(scope, peer.replica, last, peer.mark);
      const shared = parted(stream.openings, last, peer.openings, peer.mark[0]);
      if (shared !== null) verdict = FORKED;
      if (verdict === FORKED) {
        tail = scope.history.tail(peer.replica, TAIL_MAX);
        if (shared) tail.push([shared, new Uint8Array(0)]);
      }
    }
    const told = [...peer.vector].filter(([replica]) => replica !== peer.replica);
    const final = scope.writable && scope.members.final(peer.replica, scope.streams);
    return {
      kind: "standing",
      member: scope.members.isMember(peer.replica),
      retired: final ? scope.members.retired.get(peer.replica).last : null,
      verdict,
      seq: last,
      digest: stream ? stream.digest : GENESIS,
      complete: !scope.lacks(told),
      tail,
      about: peer.replica,
    };
  }

  /** A peer said what time it is. */
  clock(peer, theirsMs, now, nowMs) {
    peer.clock = [theirsMs, now];
    this._compareClocks(now, nowMs);
  }

  /** Whether our clock is out of bounds, by what the linked peers' show now. */
  _compareClocks(now, nowMs) {
    const clocks = [...this.links.peers.values()].map((peer) => peer.clock).filter(Boolean);
    const offsets = clocks.map(([theirs, heard]) => nowMs - theirs - Math.trunc((now - heard) * 1000));
    const ahead = offsets.filter((offset) => offset > AHEAD_MS_MAX).length;
    const wrong = offsets.length >= CLOCKS_MIN && 2 * ahead > offsets.length;
    this.scope.clockWrong = wrong ? "this machine's clock is more than a minute ahead" : "";
  }

  // ----------------------------------------------------------------------------- how we stand

  /** A peer told how we stand there, perhaps under the id that was given up since. */
  stands(peer, message, now, nowMs) {
    if (message.about && message.about !== this.scope.replica) return;
    peer.standing = message;
    if (this.givenUp || (peer.twin && !peer.prevails)) return;
    const { scope } = this;
    const mine = scope.nextSeq - 1;
    const here = scope.history.digestAt([scope.replica, message.seq]);
    const floor = scope.floor.get(scope.replica) ?? 0;
    if (message.verdict === FORKED) {
      this.links.mute = true;
      scope.disputed = true;
      if (message.complete) {
        const reason = "another process wrote under this replica's id";
        this.giveUp({ kind: "adopt", reason, lost: this.lostAfter(message.tail), peer: peer.name });
      }
    } else if (message.seq > mine && peer.greetedAt < mine) {
      this.links.mute = true; // what was written since is perhaps something else there
      this.greet(peer, nowMs);
    } else if (message.seq > mine) {
      const reason = `a peer has this replica's stream up to ${message.seq}`;
      this.giveUp({ kind: "restart", reason, retire: peer.twin ? 0 : message.seq });
    } else if (message.seq && !(here && sameBytes(here, message.digest)) && (here || message.seq > floor)) {
      this.links.mute = true; // let it compare there, and tell where the streams part
      const mark = [message.seq, here ?? GENESIS];
      this.greet(peer, nowMs, mark);
    } else if (peer.twin) {
      this.giveUp({ kind: "restart", reason: "another process runs under this replica's id", retire: 0 });
    } else if (message.retired !== null) {
      if (message.complete) {
        const lost = this.lostAfter([[message.retired, new Uint8Array(0)]]);
        this.giveUp({ kind: "adopt", reason: "this replica was retired", lost, peer: peer.name });
      }
    } else if (!message.member) {
      this.askIn(now);
    }
  }

  /** The own batches after the latest of the marks that the own stream shares. */
  lostAfter(tail) {
    const { scope } = this;
    let shared = 0;
    for (const [seq, digest] of tail) {
      const here = scope.history.digestAt([scope.replica, seq]);
      if (!digest.length || (here && sameBytes(here, digest))) shared = Math.max(shared, seq);
    }
    return scope.history.ofAuthor(scope.replica, shared);
  }

  /** Ask the next peer to admit us, if we are no member. */
  askIn(now) {
    if (this.scope.members.names.has(this.scope.replica) || now < this._joinAt) return;
    let peers = [...this.links.peers.values()].filter((one) => one.standing && !one.standing.member);
    const firm = peers.filter((one) => !one.flock);
    if (firm.length) peers = firm;
    if (!peers.length) return;
    const after = peers.findIndex((one) => one.name === this._joinLast) + 1;
    const peer = peers[after % peers.length];
    this._joinLast = peer.name;
    this._joinAt = now + JOIN_S;
    this.links.send(peer, { kind: "join", name: this.name });
  }

  /** A peer (another tab) asks to be admitted: it is told when that is written. */
  askedIn(peer, message) {
    const { members } = this.scope;
    if (members.names.has(peer.replica) || !this.scope.writable) return this.judge(peer);
    peer.joining = true;
    const name = members.names.get(this.scope.replica) || message.name;
    this.links.out.push({ kind: "write", ops: [this.scope.admit(peer.replica, name)] });
  }

  /** Tell those who asked and are members now. */
  admitted() {
    for (const peer of this.links.peers.values()) {
      if (peer.joining && this.scope.members.isMember(peer.replica)) {
        peer.joining = false;
        this.judge(peer);
      }
    }
  }

  /** Ask again to be admitted; judge again those who wait for our verdict. */
  tick(now, nowMs) {
    this._compareClocks(now, nowMs);
    this.askIn(now);
    const { scope, links } = this;
    const roots = String(scope.members.roots(scope.replica));
    const compare = this._compare;
    this._compare = false;
    for (const peer of links.peers.values()) {
      const unwelcome = peer.standing && !peer.standing.member && roots !== peer.rootsTold;
      if (peer.greeted && (compare || unwelcome)) {
        peer.rootsTold = roots;
        this.greet(peer, nowMs);
      }
      const { judged } = peer;
      const fine = judged && judged.member && judged.complete;
      if (!judged || (fine && scope.members.isMember(peer.replica))) continue;
      const standing = this._standing(peer);
      if (["member", "retired", "complete"].some((field) => standing[field] !== judged[field])) {
        this.judge(peer);
      }
    }
  }

  /** Something was found that may concern this replica's id. */
  noticed(notice) {
    const { scope } = this;
    if (notice.kind === "behind" && !this._compare) {
      const reason = `somebody has this replica's stream up to ${notice.seq}`;
      this.giveUp({ kind: "restart", reason, retire: notice.seq });
    } else if (notice.kind === "forked" && notice.replica === scope.replica) {
      this._compare = !this.givenUp;
    } else if (notice.kind === "below" && !(this._compare || scope.disputed)) {
      const reason = "the others have folded what this replica has not seen";
      this.giveUp({ kind: "adopt", reason, lost: scope.history.ofAuthor(scope.replica, 0), peer: "" });
    }
  }

  /** Say once that the id is used up. */
  giveUp(effect) {
    if (this.givenUp) return;
    this.givenUp = this.links.mute = true;
    this.links.out.push(effect);
  }
}

/** A stream that ends at `mark` at home, and at `last` here. */
function verdictOf(scope, replica, last, [seq, digest]) {
  if (seq > last) return FINE; // it will be asked for, and checked batch by batch
  const known = seq === last ? scope.streams.get(replica).digest : scope.history.digestAt([replica, seq]);
  if (seq && known && !sameBytes(known, digest)) return FORKED;
  if (seq && !known && seq > (scope.floor.get(replica) ?? 0)) return FORKED;
  return seq === last ? FINE : BEHIND;
}
