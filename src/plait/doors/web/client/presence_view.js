/**
 * Who is here now, and what they say of themselves: told to everybody, never stored.
 *
 * @typedef {{replica: bigint, who: string, value: any, own: boolean}} Present
 */

import { given, taken } from "./plain.js";

export class PresenceView {
  /** @param {any} replica */
  constructor(replica) {
    this._replica = replica;
  }

  /** Tell everybody `value` (JSON) of this page; it is forgotten when this page is gone.
   * @param {any} value null to leave */
  set(value) {
    this._replica.present(value === null ? null : taken(value));
  }

  /** The others, and this page if it said something. @returns {Present[]} */
  entries() {
    const mine = this._replica.replica;
    return [...this._replica.everybody()].map(([replica, value]) => ({
      replica, who: this._replica.who(replica), value: given(value), own: replica === mine,
    }));
  }

  /** The others. */
  others() {
    return this.entries().filter(({ own }) => !own);
  }

  /** Be told of every change. @param {(entries: Present[]) => void} tell @returns {() => void} how to stop */
  subscribe(tell) {
    return this._replica.onPresence(() => tell(this.entries()));
  }
}
