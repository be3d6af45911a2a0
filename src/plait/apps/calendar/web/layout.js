/**
 * Where events go on a page: columns for those that overlap in a day, lanes for bars across days.
 *
 * Invariant: two items that overlap never share a column or a lane; the order in which items come
 * does not matter, so that a page looks the same in every window.
 * Absent: pixels; those are the views' own.
 */

const byTime = (a, b) => a.start - b.start || b.end - a.end || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/**
 * Columns: each item with `column` and `span`, out of `columns`, in units of its group's width.
 * @template {{id: string, start: number, end: number}} T
 * @param {T[]} items @param {number} least what even the shortest takes up
 * @returns {Array<{item: T, column: number, span: number, columns: number}>}
 */
export function columns(items, least = 1) {
  const placed = [];
  let group = [];
  let groupEnd = -Infinity;
  for (const item of [...items].sort(byTime)) {
    if (item.start >= groupEnd) {
      placed.push(...widened(group));
      group = [];
    }
    const end = Math.max(item.end, item.start + least);
    const taken = new Set(group.filter((other) => other.end > item.start).map((other) => other.column));
    let column = 0;
    while (taken.has(column)) column++;
    group.push({ item, start: item.start, end, column });
    groupEnd = Math.max(groupEnd, end);
  }
  placed.push(...widened(group));
  return placed;
}

/** Lets each take the free columns to its right. */
function widened(group) {
  const count = group.reduce((most, one) => Math.max(most, one.column + 1), 0);
  return group.map((one) => {
    const right = group
      .filter((other) => other.column > one.column && other.start < one.end && other.end > one.start)
      .reduce((least, other) => Math.min(least, other.column), count);
    return { item: one.item, column: one.column, span: right - one.column, columns: count };
  });
}

/**
 * Lanes for bars over the days from <= day < to; a bar is cut at the edges.
 * @template {{id: string, from: number, to: number}} T  from <= day < to
 * @param {T[]} bars
 * @returns {Array<{bar: T, lane: number, first: number, length: number, before: boolean, after: boolean}>}
 */
export function lanes(bars, from, to) {
  const order = (a, b) => a.from - b.from || b.to - a.to || (a.rank ?? 0) - (b.rank ?? 0) || (a.id < b.id ? -1 : 1);
  const ends = [];
  return bars
    .filter((bar) => bar.from < to && bar.to > from)
    .sort(order)
    .map((bar) => {
      const first = Math.max(bar.from, from);
      const last = Math.min(bar.to, to);
      let lane = ends.findIndex((end) => end <= first);
      if (lane < 0) lane = ends.length;
      ends[lane] = last;
      return { bar, lane, first, length: last - first, before: bar.from < from, after: bar.to > to };
    });
}
