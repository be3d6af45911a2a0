/**
 * A note's versions, as a node keeps them: asked over HTTP, and gathered to stops of a slider.
 *
 * Invariant: stops are in order, the last one is the latest version. Absent: versions of what this
 * browser has not sent yet; a node does not know them.
 */

import { difference } from "./places.js";

/** @typedef {{version: string, when: number, who: string, message: string|null}} Version */

const TOGETHER_MS = 20_000; // what one person wrote with shorter pauses is one stop
const SPAN_MS = 120_000; // but no longer than this
const STOPS_MAX = 400;

/** @param {Version[]} versions oldest first @returns {(Version & {count: number})[]} */
export function stopsOf(versions) {
  const stops = [];
  let began = 0;
  for (const version of versions) {
    const last = stops.at(-1);
    const goesOn = last && last.who === version.who
      && version.when - last.when < TOGETHER_MS && version.when - began < SPAN_MS;
    if (goesOn) stops[stops.length - 1] = { ...version, count: last.count + 1 };
    else {
      stops.push({ ...version, count: 1 });
      began = version.when;
    }
  }
  if (stops.length <= STOPS_MAX) return stops;
  const step = stops.length / STOPS_MAX; // of a very long history, stops that lie evenly
  return Array.from({ length: STOPS_MAX }, (_, index) => stops[Math.ceil((index + 1) * step) - 1]);
}

/**
 * A text with what was written since another one marked as "added"; a delta.
 * @param {string} before @param {string} after
 */
export function withAdded(before, after) {
  const from = before.split("\n");
  const to = after.split("\n");
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  let tail = 0;
  while (tail < from.length - start && tail < to.length - start && from.at(-1 - tail) === to.at(-1 - tail)) tail++;
  const middle = (lines) => lines.slice(start, lines.length - tail).join("\n");
  const [old, now] = [middle(from), middle(to)];
  const at = to.slice(0, start).join("\n").length + (start && start < to.length ? 1 : 0);
  const patch = difference(old, now).find((one) => one.insert !== undefined);
  if (!patch) return after ? [{ insert: after }] : [];
  const [low, high] = [at + patch.at, at + patch.at + patch.insert.length];
  return [
    { insert: after.slice(0, low) },
    { insert: after.slice(low, high), attributes: { added: true } },
    { insert: after.slice(high) },
  ].filter((piece) => piece.insert);
}

/** Versions of a note, oldest first. @returns {Promise<Version[]>} */
export async function versionsOf(collection, key, token) {
  const found = await asked(`${placeOf(collection, key)}/history`, token);
  return found.map(({ version, when, who, message }) => ({ version, when: Date.parse(when), who: who ?? "", message }));
}

/** A note as it was. @returns {Promise<{title: string, when: string, body: string, tags: string[]}>} */
export async function noteAt(collection, key, version, token) {
  const { value } = await asked(`${placeOf(collection, key)}?version=${encodeURIComponent(version)}`, token);
  return {
    title: textOf(value.title),
    when: textOf(value.when),
    body: textOf(value.body),
    tags: Array.isArray(value.tags) ? value.tags.filter((tag) => typeof tag === "string").sort() : [],
  };
}

const textOf = (value) => (typeof value === "string" ? value : "");
const placeOf = (collection, key) => `/v1/documents/${encodeURIComponent(collection)}/items/${encodeURIComponent(key)}`;

async function asked(path, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { headers });
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail ?? problem.title ?? `the node answered ${response.status}`);
}
