/** Chance from a seed, for tests that can be repeated. */

export function chance(seed) {
  let state = (seed * 2654435761 + 88172645463325) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
  const below = (limit) => Math.floor(next() * limit);
  return { next, below, pick: (from) => from[below(from.length)] };
}
