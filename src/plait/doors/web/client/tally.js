/**
 * Counters: totals by replica, and floors below which they do not count. Mirrors types/tally.py,
 * which says how it works, counter.py and grow_counter.py.
 *
 *     a replica's total   [run, plus, minus]      written by itself only
 *     a floor             [seq, [plus, minus]]    what the total was at `seq`, when it was reset
 *
 * Bodies: `amount` continues the run, `[amount]` begins one, `[[replica, seq, plus, minus]…]` is a
 * reset.
 */

import { dotKey } from "./causality.js";
import { CellType, Cells, compareDots, compareSlots, covered, isInt, slotKey } from "./cells.js";
import { encode } from "./codec.js";
import { BadFrame, BadValue } from "./errors.js";
import { isSeq } from "./event.js";

export const TOTAL_MAX = Number.MAX_SAFE_INTEGER;

const NO_FLOOR = [0n, 0, [0, [0, 0]]];

/** @typedef {import("./cells.js").SlotCells} SlotCells @typedef {import("./cells.js").Cell} Cell */

/** The total and the floor of a slot. @param {SlotCells} cells @returns {[Cell, any[]]} */
function parts(cells) {
  const [one, other] = cells.values();
  if (!other) return [one, NO_FLOOR];
  return one[2].length === 3 ? [one, other] : [other, one];
}

/** Whether a total does not reach beyond its floor. @param {SlotCells} cells */
function isDead(cells) {
  const [total, floor] = parts(cells);
  return total[1] <= floor[2][0];
}

/** @param {any} count */
const isCount = (count) => isInt(count) && count >= 0;

/** Whether it is [replica, seq, plus, minus]. @param {any} floor */
function isFloor(floor) {
  if (!Array.isArray(floor) || floor.length !== 4) return false;
  const [replica, seq, plus, minus] = floor;
  if (typeof replica !== "bigint" && !isInt(replica)) return false;
  return replica >= 0 && isInt(seq) && seq >= 0 && isCount(plus) && isCount(minus);
}

/** Whether a body begins a run. @param {any} body */
const begins = (body) =>
  Array.isArray(body) && body.length === 1 && (isInt(body[0]) || typeof body[0] === "bigint");

/** A sum as an exact number, or BigInt. @param {bigint} sum @returns {number | bigint} */
export function exact(sum) {
  const number = Number(sum);
  return Number.isSafeInteger(number) ? number : sum;
}

/** Totals and floors; counters say which amounts there are. */
export class Tally extends CellType {
  clearing = ["reset"];
  least = -TOTAL_MAX;

  /** The body that adds a checked amount. @param {Cells} state @param {number} amount @param {any} here */
  added(state, amount, here) {
    const cells = state.slots.get(`#${here.replica}`);
    if (!cells || (cells.size > 1 && isDead(cells))) return [amount];
    const [[, , [, plus, minus]]] = parts(cells);
    if ((amount > 0 ? plus + amount : minus - amount) > TOTAL_MAX)
      throw new BadValue(`one replica can count up to ${TOTAL_MAX} before a reset, no further`);
    return amount;
  }

  /** The body that resets all that counts here. @param {Cells} state */
  reset(state) {
    const floors = [];
    for (const slot of [...state.slots.keys()].sort(compareSlots)) {
      const [total, floor] = parts(state.at(slot));
      if (total[1] > floor[2][0]) floors.push([total[0], total[1], total[2][1], total[2][2]]);
    }
    return floors.length ? floors : undefined;
  }

  apply(state, body, event) {
    if (isInt(body)) this.add(state, body, event, false);
    else if (begins(body)) {
      if (isInt(body[0])) this.add(state, body[0], event, true);
    } else if (Array.isArray(body))
      for (const floor of body) if (isFloor(floor)) lower(state, floor, event);
  }

  /** @param {Cells} state @param {number} amount @param {any} event @param {boolean} begin */
  add(state, amount, event, begin) {
    if (!amount || amount < this.least) return;
    const { replica, seq } = event;
    const slot = `#${replica}`;
    const cells = begin ? undefined : state.slots.get(slot);
    const kept = new Map();
    let [run, plus, minus] = [seq, 0, 0];
    if (cells) {
      const [total, floor] = parts(cells);
      [run, plus, minus] = total[2];
      if (cells.size > 1) kept.set(dotKey(floor[0], floor[1]), floor);
    }
    if (amount > 0) plus += amount;
    else minus -= amount;
    if (plus > TOTAL_MAX || minus > TOTAL_MAX) return;
    kept.set(dotKey(replica, seq), [replica, seq, [run, plus, minus]]);
    state.replace(slot, kept);
  }

  /** Take away totals that the event has seen and that count: see Python's. */
  clear(state, event) {
    for (const [slot, cells] of [...state.slots]) {
      const [total, floor] = parts(cells);
      if (total[1] > floor[2][0] && event.sees(total)) state.replace(slot, new Map());
    }
  }

  value(state) {
    let value = 0n;
    for (const cells of state.slots.values()) {
      const [[, , [, plus, minus]], [, , [, [plusFloor, minusFloor]]]] = parts(cells);
      value += BigInt(plus - plusFloor) - BigInt(minus - minusFloor);
    }
    return exact(value);
  }

  alive(state) {
    for (const cells of state.slots.values()) if (!isDead(cells)) return true;
    return false;
  }

  *dots(state) {
    for (const cells of state.slots.values()) {
      const [total, floor] = parts(cells);
      if (total[1] > floor[2][0]) yield total;
    }
  }

  touched(body, replica) {
    if (!Array.isArray(body) || begins(body)) return [replica];
    return body.filter(isFloor).map((floor) => BigInt(floor[0]));
  }

  fold(state, cut) {
    for (const [slot, cells] of [...state.slots])
      if (cells.size > 1 && isDead(cells) && covered(parts(cells)[1], cut))
        state.replace(slot, new Map());
  }

  /** The encoding without what is dead. */
  canonical(state, cut) {
    const living = [...state.slots].filter(([, cells]) => !isDead(cells));
    return encode(this.delta(state, living.map(([, cells]) => parts(cells)[0][0])));
  }

  /** The latest total, and the greatest floor of its run. */
  joined(slot, cells) {
    const totals = [...cells.values()].filter((cell) => cell[2].length === 3);
    if (totals.length === cells.size && cells.size <= 1) return cells;
    if (!totals.length) return new Map();
    const total = totals.reduce((a, b) => (compareDots(a, b) > 0 ? a : b));
    const result = new Map([[dotKey(total[0], total[1]), total]]);
    let greatest = null;
    for (const floor of cells.values())
      if (floor[2].length === 2)
        if (!greatest || (floor[2][0] - greatest[2][0] || compareDots(floor, greatest)) > 0)
          greatest = floor;
    if (greatest && greatest[2][0] >= total[2][0])
      result.set(dotKey(greatest[0], greatest[1]), greatest);
    return result;
  }

  checkSlot(key) {
    if (key[0] !== "#") throw new BadFrame("the slots of a counter are replicas");
  }

  payload(slot, payload) {
    if (!Array.isArray(payload)) throw new BadFrame("no total");
    const isTotal = payload.length === 3;
    if (!isTotal && !(payload.length === 2 && Array.isArray(payload[1]) && payload[1].length === 2))
      throw new BadFrame("no total");
    const [plus, minus] = isTotal ? payload.slice(1) : payload[1];
    if (!isCount(plus) || !isCount(minus) || !isSeq(payload[0])) throw new BadFrame("no total");
    return payload;
  }

  checked(slot, cells) {
    if (!cells.size) return cells;
    const [total, ...floors] = [...cells.values()].sort((a, b) => b[2].length - a[2].length);
    let good = total[2].length === 3 && `#${total[0]}` === slot;
    good &&= total[2][0] <= total[1] && floors.length <= 1;
    for (const [, , floor] of floors) {
      good &&= floor.length === 2 && total[2][0] <= floor[0] && floor[0] <= total[1];
      good &&= floor[1][0] <= total[2][1] && floor[1][1] <= total[2][2];
    }
    if (!good) throw new BadFrame(`no total and floor of ${slot}`);
    return cells;
  }
}

/** Let a replica's total count from here on only, unless it is of another run by now.
 * @param {Cells} state @param {any[]} floor @param {any} event */
function lower(state, [replica, seq, plus, minus], event) {
  const slot = slotKey(BigInt(replica));
  const cells = state.slots.get(slot);
  if (!cells || !event.sees([BigInt(replica), seq])) return;
  const [total, old] = parts(cells);
  const [run, plusNow, minusNow] = total[2];
  const fits = run <= seq && seq <= total[1] && plus <= plusNow && minus <= minusNow;
  if (!fits || (seq - old[2][0] || compareDots(event.dot, old)) <= 0) return;
  state.replace(
    slot,
    new Map([
      [dotKey(total[0], total[1]), total],
      [dotKey(event.replica, event.seq), [event.replica, event.seq, [seq, [plus, minus]]]],
    ]),
  );
}

/** An amount; `BadValue` for what is no int, or is too large. @param {any} amount @returns {number} */
export function checkAmount(amount) {
  if (!isInt(amount)) throw new BadValue(`a counter counts in integers up to ${TOTAL_MAX}, not ${amount}`);
  return amount;
}

/** A counter that goes up and down: ["add", amount] and ["reset"]. */
export class Counter extends Tally {
  tag = "c";

  prepare(state, mutation, here) {
    if (mutation[0] === "add" && mutation.length === 2) {
      const amount = checkAmount(mutation[1]);
      return amount ? this.added(state, amount, here) : undefined;
    }
    if (mutation[0] === "reset" && mutation.length === 1) return this.reset(state);
    throw this.unknown(mutation);
  }

  before(state, mutation, dot) {
    const amount = mutation[0] === "reset" ? this.value(state) : -mutation[1];
    return isInt(amount) && amount ? ["add", amount] : null;
  }
}

/** A counter that only grows: ["add", amount]; ["reset"] only for clears. */
export class GrowCounter extends Tally {
  tag = "gc";
  least = 1;

  prepare(state, mutation, here) {
    if (mutation[0] === "add" && mutation.length === 2) {
      const amount = checkAmount(mutation[1]);
      if (amount < 0) throw new BadValue(`a counter that only grows takes no ${amount}`);
      return amount ? this.added(state, amount, here) : undefined;
    }
    if (mutation[0] === "reset" && mutation.length === 1) return this.reset(state);
    throw this.unknown(mutation);
  }
}

