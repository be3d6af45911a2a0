/**
 * Hybrid logical clocks: stamps that never contradict causality and stay near the wall clock.
 *
 * A stamp is one BigInt: 48 bits of milliseconds since 1970 and 16 bits of counter.
 *
 * Invariant: every stamp given is greater than every stamp given or observed before. Absent: the
 * bound on how far ahead a stamp may be (`quarantine.js`). Mirrors base/hlc.py.
 */

const COUNTER_BITS = 16n;
export const HLC_MAX = (1n << 64n) - 1n;

/** The stamp at `ms` milliseconds. @param {number} ms */
export function hlcOf(ms, counter = 0) {
  return (BigInt(Math.floor(ms)) << COUNTER_BITS) | BigInt(counter);
}

/** The milliseconds since 1970 in a stamp. @param {bigint} hlc @returns {number} */
export function hlcMs(hlc) {
  return Number(hlc >> COUNTER_BITS);
}

/** How many milliseconds a stamp is ahead of the wall clock (negative: behind). */
export function aheadMs(hlc, nowMs) {
  return hlcMs(hlc) - nowMs;
}

/** Gives stamps; time is an argument. */
export class HybridClock {
  /** @param {bigint} last the greatest stamp given or observed */
  constructor(last = 0n) {
    this.last = last;
  }

  /** A stamp greater than all before, at `nowMs` if that is possible. @returns {bigint} */
  stamp(nowMs) {
    const physical = hlcOf(nowMs);
    // a full counter carries into the milliseconds, which keeps the order
    this.last = physical > this.last ? physical : this.last + 1n;
    return this.last;
  }

  /** A stamp was seen: later ones given here are greater. */
  observe(hlc) {
    if (hlc > this.last) this.last = hlc;
  }
}
