/**
 * A register that holds the last value assigned to it. Mirrors types/last_writer_wins.py.
 *
 * An assignment takes away the ones that it has seen. Among concurrent ones the greatest (stamp,
 * replica, sequence number) is read; the others stay until they are stable.
 *
 * One slot, cells `[stamp, value]`. Body: `[value]`, or `[]` to unset (only undoing does that).
 */

import { dotKey } from "./causality.js";
import { CellType, Cells, compareDots, covered, keptOf } from "./cells.js";
import { BadFrame } from "./errors.js";
import { bigOf } from "./event.js";
import { HLC_MAX } from "./hlc.js";
import { given, taken } from "./plain.js";

export const SLOT = "b"; // the empty slot
const TOUCHED = [new Uint8Array(0)];

/** @typedef {import("./cells.js").Cell} Cell */

/** By (stamp, replica, sequence number). @param {Cell} one @param {Cell} other */
function compareWrites(one, other) {
  const [a, b] = [one[2][0], other[2][0]];
  return a < b ? -1 : a > b ? 1 : compareDots(one, other);
}

/** @param {Iterable<Cell>} cells @returns {Cell | undefined} */
function greatest(cells) {
  let found;
  for (const cell of cells) if (!found || compareWrites(cell, found) > 0) found = cell;
  return found;
}

/** A stamp that came from outside; raises `BadFrame`. @param {any} stamp @returns {bigint} */
export function checkedStamp(stamp) {
  const hlc = bigOf(stamp);
  if (hlc < 0n || hlc > HLC_MAX) throw new BadFrame(`no stamp: ${stamp}`);
  return hlc;
}

/** The greatest of the concurrent assignments. */
export class LastWriterWins extends CellType {
  tag = "r";

  /** ["set", value], or ["restore", dot or null, wasSet, stored value], as undoing says. */
  prepare(state, mutation, here) {
    if (mutation[0] === "set" && mutation.length === 2) return [taken(mutation[1])];
    if (mutation[0] === "restore" && mutation.length === 4) {
      const winner = this.winner(state);
      const dot = mutation[1];
      if (dot === null ? winner : !winner || compareDots(winner, dot)) return undefined;
      return mutation[2] ? [mutation[3]] : [];
    }
    throw this.unknown(mutation);
  }

  apply(state, body, event) {
    if (!Array.isArray(body) || body.length > 1) return;
    const left = new Map(keptOf(state.at(SLOT), (cell) => !event.sees(cell)));
    if (body.length) {
      const { replica, seq, hlc } = event;
      left.set(dotKey(replica, seq), [replica, seq, [hlc, body[0]]]);
    }
    state.replace(SLOT, left);
  }

  /** @param {Cells} state */
  winner(state) {
    return greatest(state.at(SLOT).values());
  }

  value(state) {
    const winner = this.winner(state);
    return winner ? given(winner[2][1]) : null;
  }

  /** [dot, stamp, value] of the concurrent assignments that lost, greatest first. @param {Cells} state */
  losers(state) {
    const cells = [...state.at(SLOT).values()].sort(compareWrites).reverse();
    return cells.slice(1).map(([replica, seq, [stamp, value]]) => [[replica, seq], stamp, given(value)]);
  }

  /** Of the stable assignments keep the greatest. */
  fold(state, cut) {
    const cells = state.at(SLOT);
    if (cells.size < 2) return;
    const stable = [...cells.values()].filter((cell) => covered(cell, cut));
    if (stable.length < 2) return;
    const keep = greatest(stable);
    state.replace(SLOT, keptOf(cells, (cell) => cell === keep || !covered(cell, cut)));
  }

  touched() {
    return TOUCHED;
  }

  payload(slot, payload) {
    if (slot !== SLOT || !Array.isArray(payload) || payload.length !== 2)
      throw new BadFrame("no cell of a register");
    return [checkedStamp(payload[0]), payload[1]];
  }

  before(state, mutation, dot) {
    const winner = this.winner(state);
    if (mutation[0] !== "restore") return ["restore", dot, !!winner, winner ? winner[2][1] : null];
    if (mutation[1] === null ? winner : !winner || compareDots(winner, mutation[1])) return null;
    return ["restore", mutation[2] ? dot : null, !!winner, winner ? winner[2][1] : null];
  }
}

export const LAST_WRITER_WINS = new LastWriterWins();
