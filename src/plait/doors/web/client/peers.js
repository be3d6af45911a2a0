/** What an exchange knows of each peer on its present connection. Mirrors graph/peers.py. */

import { VersionVector } from "./causality.js";
import { SEQ_MAX } from "./event.js";
import { Openings } from "./openings.js";

const UNKNOWN = new Openings(SEQ_MAX);

/** One linked peer; forgotten when the link breaks. */
export class Peer {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.replica = 0n; // 0n: it has not greeted yet
    this.sync = "auto";
    this.vector = new VersionVector(); // what it said it has seen
    this.sent = new VersionVector(); // that, and what it was sent: it needs no copy of these
    this.told = new VersionVector(); // what it was told that we have seen
    this.tellAt = null; // when it is to be told more
    this.toldAllAt = 0;
    this.greetedAt = 0; // the place of our own stream that it was last greeted with
    this.standing = null; // ours, there
    this.judged = null; // its, here
    this.mark = null; // a place of its own stream, and the hash there
    this.openings = UNKNOWN; // of its own stream
    this.roots = []; // why it is a member, as it says
    this.rootsTold = ""; // ours
    this.flock = 0n;
    this.twin = false; // it has the same id as this replica
    this.prevails = false; // of twins, it keeps the id
    this.joining = false; // it asks to be admitted
    this.busyUntil = 0; // it could not answer
    this.opsOnly = false; // what it offers must pass the clock batch by batch
    this.clock = null; // what its clock showed, and when it said so
    this.outgoing = null; // a parcel on its way there: {number, parts}
  }

  /** Whether it has said who it is. */
  get greeted() {
    return this.replica !== 0n;
  }

  /** It told what it has seen. @param {VersionVector} vector */
  saw(vector) {
    this.vector.merge(vector);
    this.sent.merge(vector);
  }

  /** Send the parts before `index` of the parcel on its way there. */
  sendParts(number, index, send) {
    if (this.outgoing?.number !== number) return;
    const { parts } = this.outgoing;
    while (parts.length && parts[0].index < index) send(parts.shift());
    if (!parts.length) this.outgoing = null;
  }
}
