/**
 * A counter that never goes below its minimum. Mirrors types/bounded_counter.py.
 *
 *     slot of replica i     [plus, minus]   what it added and spent
 *     slot of (i, j)        given           what i gave to j; the slot is MessagePack of [i, j]
 *
 * Bodies: `amount` (negative: spent), `[to, amount]` (a transfer). A replica spends only its own
 * rights. Absent: a clear.
 */

import { dotKey } from "./causality.js";
import { CellType, Cells, compareDots, isInt, onlyCell, slotOf } from "./cells.js";
import { decode, encode, sameBytes } from "./codec.js";
import { BadFrame, BadValue, RightsElsewhere } from "./errors.js";
import { REPLICA_MAX } from "./event.js";
import { TOTAL_MAX, checkAmount, exact } from "./tally.js";

/** A replica id in a body or slot; null for what is none. @param {any} id @returns {bigint | null} */
function replicaOf(id) {
  const replica = isInt(id) ? BigInt(id) : id;
  return typeof replica === "bigint" && replica >= 1n && replica <= REPLICA_MAX ? replica : null;
}

/** @param {any} body */
const isTransfer = (body) =>
  Array.isArray(body) && body.length === 2 && replicaOf(body[0]) !== null && isInt(body[1]) && body[1] > 0;

/** The slot of what one gives to another, as its key. @param {bigint} giver @param {bigint} receiver */
function pairKey(giver, receiver) {
  return "b" + String.fromCharCode(...encode([giver, receiver]));
}

/** @param {string} slot @returns {bigint[]} */
function ends(slot) {
  const pair = decode(/** @type {Uint8Array} */ (slotOf(slot)));
  if (!Array.isArray(pair) || pair.length !== 2) throw new BadFrame("no pair of replicas");
  const replicas = pair.map(replicaOf);
  if (replicas.includes(null)) throw new BadFrame("no pair of replicas");
  return /** @type {bigint[]} */ (replicas);
}

/** @param {Cells} state @param {bigint} replica @returns {[number, number]} */
function totals(state, replica) {
  const cells = state.slots.get(`#${replica}`);
  return cells ? onlyCell(cells)[2] : [0, 0];
}

/** @param {Cells} state @param {string} pair @returns {number} */
function givenOf(state, pair) {
  const cells = state.slots.get(pair);
  return cells ? onlyCell(cells)[2] : 0;
}

/** @param {number} total */
function checkTotal(total) {
  if (total > TOTAL_MAX)
    throw new BadValue(`one replica adds, spends and gives up to ${TOTAL_MAX}, not ${total}`);
}

/** ["add", n], ["spend", n] and ["transfer", replica, n], with n >= 0. */
export class BoundedCounter extends CellType {
  tag = "b";
  clears = false;

  prepare(state, mutation, here) {
    const [name] = mutation;
    const moves = name === "transfer" && mutation.length === 3;
    if (!moves && !((name === "add" || name === "spend") && mutation.length === 2))
      throw this.unknown(mutation);
    const to = moves ? replicaOf(mutation[1]) : null;
    if (moves && (to === null || to === here.replica))
      throw new BadValue(`${mutation[1]} is no other replica`);
    const amount = checkAmount(mutation[mutation.length - 1]);
    if (amount < 0) throw new BadValue(`${name} takes an amount >= 0, not ${amount}`);
    if (!amount) return undefined;
    const [plus, minus] = totals(state, here.replica);
    if (name === "add") {
      checkTotal(plus + amount);
      return amount;
    }
    const mine = this.rights(state).get(here.replica) ?? 0n;
    if (mine < BigInt(amount))
      throw new RightsElsewhere(`this replica may spend ${mine}, not ${amount}`);
    if (to === null) {
      checkTotal(minus + amount);
      return -amount;
    }
    checkTotal(givenOf(state, pairKey(here.replica, to)) + amount);
    return [to, amount];
  }

  apply(state, body, event) {
    const { replica, seq } = event;
    const put = (/** @type {string} */ slot, /** @type {any} */ payload) =>
      state.replace(slot, new Map([[dotKey(replica, seq), [replica, seq, payload]]]));
    if (isInt(body) && body) {
      let [plus, minus] = totals(state, replica);
      if (body > 0) plus += body;
      else minus -= body;
      if (plus <= TOTAL_MAX && minus <= TOTAL_MAX) put(`#${replica}`, [plus, minus]);
    } else if (isTransfer(body)) {
      const pair = pairKey(replica, /** @type {bigint} */ (replicaOf(body[0])));
      const given = givenOf(state, pair) + body[1];
      if (given <= TOTAL_MAX) put(pair, given);
    }
  }

  clear() {}

  /** What was added and not spent; whoever declares a minimum adds it. */
  value(state) {
    let value = 0n;
    for (const [slot, cells] of state.slots)
      if (slot[0] === "#") {
        const [plus, minus] = onlyCell(cells)[2];
        value += BigInt(plus) - BigInt(minus);
      }
    return exact(value);
  }

  /** The units that each replica may spend, as far as this one has seen; only those > 0.
   * @param {Cells} state @returns {Map<bigint, bigint>} */
  rights(state) {
    const rights = new Map();
    const add = (/** @type {bigint} */ replica, /** @type {bigint} */ units) =>
      rights.set(replica, (rights.get(replica) ?? 0n) + units);
    for (const [slot, cells] of state.slots) {
      const payload = onlyCell(cells)[2];
      if (slot[0] === "#") add(BigInt(slot.slice(1)), BigInt(payload[0]) - BigInt(payload[1]));
      else {
        const [giver, receiver] = ends(slot);
        add(giver, -BigInt(payload));
        add(receiver, BigInt(payload));
      }
    }
    for (const [replica, units] of rights) if (units <= 0n) rights.delete(replica);
    return rights;
  }

  touched(body, replica) {
    if (!isTransfer(body)) return [replica];
    return [encode([replica, replicaOf(body[0])])];
  }

  joined(slot, cells) {
    if (cells.size <= 1) return cells;
    const last = [...cells.values()].reduce((a, b) => (compareDots(a, b) > 0 ? a : b));
    return new Map([[dotKey(last[0], last[1]), last]]);
  }

  checkSlot(key, slot) {
    if (key[0] === "#") return;
    const [giver, receiver] = ends(key);
    if (giver === receiver || !sameBytes(encode([giver, receiver]), slot))
      throw new BadFrame("no pair of replicas");
  }

  payload(slot, payload) {
    const isPair = Array.isArray(payload) && payload.length === 2;
    if (slot[0] === "#" && !isPair) throw new BadFrame("no totals");
    const counts = slot[0] === "#" ? payload : [payload];
    if (!counts.every((/** @type {any} */ total) => isInt(total) && total >= 0))
      throw new BadFrame("no totals");
    return payload;
  }

  checked(slot, cells) {
    const owner = slot[0] === "#" ? BigInt(slot.slice(1)) : ends(slot)[0];
    if (cells.size > 1 || [...cells.values()].some((cell) => cell[0] !== owner))
      throw new BadFrame(`no cells of ${owner}`);
    return cells;
  }

  before(state, mutation, dot) {
    if (mutation[0] === "add") return ["spend", mutation[1]];
    return mutation[0] === "spend" ? ["add", mutation[1]] : null;
  }
}
