// What text and lists share as graph types: operations that are events, on all three roads.
//
// The slots of a delta are operations by dot. A whole state is taken as it is, and what its sender did
// not know is put on top; see `_joinAll`. `plait.types.walker.sequence_type` is the same in Python.
//
// Invariant: what no replica can have sent is a `BadFrame`, and nothing happened.

import { byPair, descends, dotKey, NOTHING } from "./causality.js";
import { decode, encode } from "./codec.js";
import { BadFrame, Corrupt, UnknownFormat } from "./errors.js";
import { GraphType } from "./graph_type.js";
import { isCount } from "./walker_sequence.js";

export const REPLICA_MAX = (1n << 63n) - 1n;

/** A sequence that several people edit at once; see the Python module for what its methods promise. */
export class SequenceType extends GraphType {
  ofEvents = true;

  // ------------------------------------------------------------------ to be said by the type

  /** The whole state as bytes. */
  dump(_state) {
    throw new Error(`${this.tag} has no dump`);
  }

  /** The state in bytes; `Corrupt` or `BadFrame`. */
  load(_data) {
    throw new Error(`${this.tag} has no load`);
  }

  // ------------------------------------------------------------------ operations

  /** Edit the sequence as its author had seen it. */
  apply(state, body, event) {
    this._happening(() => {
      if (!Array.isArray(body) || !body.length) throw new BadFrame("no edits");
      state.happen(event, body);
    });
  }

  /** Do what changes nothing if it does not fit: whether it does is the same everywhere. */
  _happening(act) {
    try {
      try {
        act();
      } catch (error) {
        if (!(error instanceof Corrupt)) throw error;
        act(); // a peer sent history that is none; it is gone now
      }
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
    }
  }

  /** Delete what the event has seen; by an event of nobody, everything, with its history. */
  clear(state, event) {
    if (event.replica) state.clear(event);
    else state.become(this.zero());
  }

  alive(state) {
    return state.length > 0;
  }

  touched(_body, _replica) {
    return null; // not known without the operation's number
  }

  /** The operation itself. */
  eventSlots(_body, dot) {
    return [encode(dot)];
  }

  /** Which events there are. */
  stamp(state) {
    return [state.end, state.cold !== null ? -1 : state.graph.first, state.clears.size];
  }

  /** Forget the events before the last critical boundary that everybody has seen. */
  fold(state, cut) {
    state.fold(cut);
  }

  /** The patches: [position, how many items are deleted there, what is inserted]. */
  watching(state, act) {
    const patches = [];
    state.closeRun();
    const before = state.observer;
    state.observer = (pos, gone, content) => patches.push([pos, gone, content]);
    try {
      act();
      state.closeRun();
    } finally {
      state.observer = before;
    }
    return patches;
  }

  // ------------------------------------------------------------------ roads

  /** Everything as bytes; or [[[name, seq, parents, edits, clears], ...], base]. */
  delta(state, slots) {
    if (slots === null) return this.dump(state);
    if (state.cold !== null) state.thaw();
    const known = slots.map(dotOf).filter((dot) => state.has(dot));
    return [inOrder(state, known).map((dot) => rowOf(state.op(dot))), state.baseDots()];
  }

  /** Take in the operations that are not here. */
  join(state, data, mine, theirs, _whole) {
    if (data instanceof Uint8Array) {
      this._joinAll(state, this.loaded(data), mine, theirs);
      return;
    }
    if (!Array.isArray(data) || data.length !== 2) throw new BadFrame("no operations on a sequence");
    this.joinOps(state, readOps(data[0]), data[1], mine, theirs);
  }

  /** Operations that were sent with their base. `BadFrame`. */
  joinOps(state, ops, base, mine, theirs) {
    const root = new Map(readDots(base));
    checkSeen(ops, theirs);
    this._take(state, ops, root, mine);
  }

  /** The state in bytes that a peer sent. `BadFrame`. */
  loaded(data) {
    try {
      return this.load(data);
    } catch (error) {
      if (error instanceof Corrupt || error instanceof UnknownFormat) throw new BadFrame(error.message);
      throw error;
    }
  }

  /**
   * Whoever has folded more is right about what was before, and the operations of both count. All that
   * a member has folded the others have seen; so if somebody lacks some of it, that is somebody who
   * begins, or the state is older than what is here. Whoever has carried out a deletion has nothing
   * left of what was there; they are right about what they have seen.
   */
  _joinAll(state, other, mine, theirs) {
    if (!mine.size) {
      state.become(other);
      return;
    }
    if (other.isBlank() && descends(theirs, state.base)) {
      state.thaw();
      this._take(other, beyond(theirs, state.ops()), NOTHING, theirs);
      state.become(other);
      return;
    }
    if (state.isBlank() && descends(mine, other.base)) {
      other.thaw();
      const fresh = beyond(mine, other.ops());
      checkSeen(fresh, theirs);
      this._take(state, fresh, NOTHING, mine);
      return;
    }
    if (covers(theirs, state.leading())) {
      // who sent it knows all that is here
      if (!covers(theirs, other.leading())) {
        throw new BadFrame("a sequence with operations that its sender has not seen");
      }
      if (!covers(mine, other.leading())) state.become(other);
      return;
    }
    other.thaw();
    state.thaw();
    const fresh = beyond(mine, other.ops());
    checkSeen(fresh, theirs);
    if (!fresh.length && descends(mine, other.base)) return;
    if (!descends(theirs, state.base)) {
      this._take(state, fresh, other.base, mine);
      return;
    }
    this._take(other, beyond(theirs, state.ops()), state.base, theirs);
    state.become(other); // which knows all that happened here: so no place gets lost
  }

  /** Operations on top; those without parents follow what `base` leads. */
  _take(state, ops, base, known) {
    const fresh = beyond(known, ops);
    if (!fresh.length) return;
    state.thaw();
    state.closeRun();
    const root = state.graph.versionOf(base);
    for (const op of fresh) {
      const version = op.parents.length ? state.versionOfDots(op.parents) : root;
      try {
        state.add(op.name, op.seq, op.edits, version, true);
      } catch (error) {
        if (!(error instanceof BadFrame)) throw error;
        continue; // it follows what was folded here: nobody honest sends it
      }
      if (op.clears) state.clears.set(dotKey(op.name, op.seq), [op.name, op.seq]);
    }
  }

  // ------------------------------------------------------------------ bytes

  encode(state) {
    return this.dump(state);
  }

  decode(data) {
    return this.load(data);
  }

  /** What there is, and the operations beyond the cut; but not clears, for who has carried out a
   * deletion has nothing to clear. */
  canonical(state, cut) {
    const copy = this.load(this.dump(state));
    copy.fold(cut);
    copy.thaw();
    const ops = copy.ops().sort((a, b) => byPair([a.name, a.seq], [b.name, b.seq]));
    const skipped = new Map();
    for (const op of ops) if (op.clears) skipped.set(dotKey(op.name, op.seq), op.parents);
    const listed = beyond(cut, ops)
      .filter((op) => !op.clears)
      .map((op) => [op.name, op.seq, parentsPast(op.parents, skipped, cut), this.listed(op.edits)]);
    return encode([this.image(copy), listed]);
  }

  /** What there is, for `canonical`. */
  image(state) {
    return this.value(state);
  }

  /** Edits as `canonical` lists them. */
  listed(edits) {
    return edits;
  }

  mark(state) {
    return state.beginDraft();
  }

  rollback(state, mark) {
    state.discardDraft(mark);
    return state;
  }

  keep(state, mark) {
    state.keepDraft(mark);
  }
}

/** Dots in the order in which their operations stand in the graph. */
export function inOrder(state, dots) {
  const places = new Map(dots.map((dot) => [dot, state.graph.lastSeen(dot[0], dot[1])]));
  return [...dots].sort((a, b) => places.get(a) - places.get(b));
}

/** Whether a vector covers all of these. */
function covers(vector, dots) {
  return dots.every(([name, seq]) => seq <= (vector.get(name) ?? 0));
}

/** Those that a vector does not cover. */
function beyond(known, ops) {
  return ops.filter((op) => op.seq > (known.get(op.name) ?? 0));
}

/** Parents beyond the cut, past those that are left out. */
function parentsPast(parents, skipped, cut) {
  const found = new Map();
  const waiting = [...parents];
  while (waiting.length) {
    const dot = waiting.pop();
    const key = dotKey(dot[0], dot[1]);
    if (skipped.has(key)) waiting.push(...skipped.get(key));
    else if (dot[1] > (cut.get(dot[0]) ?? 0)) found.set(key, dot);
  }
  return [...found.values()].sort(byPair);
}

function checkSeen(ops, theirs) {
  for (const { name, seq } of beyond(theirs, ops)) {
    throw new BadFrame(`operation (${name}, ${seq}), which its sender has not seen`);
  }
}

// ----------------------------------------------------------------------------- data from outside

function rowOf(op) {
  return [op.name, op.seq, op.parents, op.edits, op.clears];
}

/** The dot that a slot names. */
export function dotOf(slot) {
  return readDot(decode(slot));
}

/** Operations from what `delta` gave. */
function readOps(rows) {
  if (!Array.isArray(rows)) throw new BadFrame("no operations on a sequence");
  return rows.map((row) => {
    if (!Array.isArray(row) || row.length !== 5) throw new BadFrame("no operation on a sequence");
    const [name, seq] = readDot(row);
    if (!Array.isArray(row[3]) || !row[3].length) throw new BadFrame("no edits");
    return { name, seq, parents: readDots(row[2]), edits: [...row[3]], clears: row[4] === true };
  });
}

/** Dots from outside. `BadFrame`. */
export function readDots(data) {
  if (!Array.isArray(data)) throw new BadFrame("no list of operations");
  return data.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new BadFrame("no name of an operation");
    return readDot(pair);
  });
}

/** A dot from the first two values of an array from outside. `BadFrame`. */
export function readDot([name, seq]) {
  if (!isReplica(name)) throw new BadFrame(`${String(name)} is no replica`);
  if (!isCount(seq) || seq < 1) throw new BadFrame(`${String(seq)} is no number of an operation`);
  return [BigInt(name), seq];
}

/** Whether a value from outside can be the id of a replica. */
export function isReplica(name) {
  if (typeof name === "bigint") return name >= 1n && name <= REPLICA_MAX;
  return isCount(name) && name >= 1;
}
