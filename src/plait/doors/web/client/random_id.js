/**
 * Ids of replicas, and of their openings.
 *
 * Invariant: two are never the same, as far as chance goes.
 */

/** Random, 63 bits, never 0. @returns {bigint} */
export function randomId() {
  const word = crypto.getRandomValues(new BigUint64Array(1))[0];
  return (word >> 1n) || 1n;
}
