/**
 * What subscribers are told: patches that lead a page from what it shows to what there is.
 *
 *     {key, path: ["title"], kind: "value", value, before, own, who, when}
 *     {..., kind: "count", value, by}            {..., kind: "flag", value}
 *     {..., kind: "set", added, removed}         {..., kind: "document", exists}
 *     {..., kind: "text", edits: [{at, insert} | {at, delete} | {at, length, mark, value}]}
 *     {..., kind: "list", edits: [{at, delete, insert: [values]}]}
 *
 * Edits are applied one after the other; positions in texts are those of JavaScript's strings.
 * `path` has the names of fields, map keys and list elements. `own`: written by this replica.
 *
 * Kind "document" tells that one has come (it exists) or gone.
 *
 * Invariant: whoever applies a text's edits to a copy has the text. Replicas tell positions in
 * code points, and states come as a whole; so a copy of every watched text is kept, and where the
 * edits told do not make the present text of it, the difference is told.
 */

import { typeOf } from "./catalogue.js";
import { hlcMs } from "./hlc.js";
import { nameOf, pathKey, tagOf } from "./paths.js";
import { given } from "./plain.js";

/** @typedef {{key: string, path: string[], kind: string, own: boolean, who: string | null, when: Date | null} & Record<string, any>} Patch */

const TEXT = "x";
const LIST = "l";

/** Makes patches of what a replica tells. */
export class Patches {
  /** @param {any} replica */
  constructor(replica) {
    this.replica = replica;
    /** Copies of texts, as they were told. @type {Map<string, string>} */
    this.texts = new Map();
    /** The documents that are there, as it was told. @type {Set<string>} */
    this.there = new Set(replica.keys());
    for (const key of this.there) this.learn(key, []);
  }

  /** Keep copies of the texts at and below a path. @param {string} key @param {readonly string[]} path */
  learn(key, path) {
    for (const part of this.replica.children(key, path)) {
      const below = [...path, part];
      if (tagOf(part) === TEXT) this.texts.set(placeKey(key, below), this.text(key, below));
      else if (tagOf(part) === "o" || tagOf(part) === LIST) this.learn(key, below);
    }
  }

  /** @param {string} key @param {readonly string[]} path @returns {string} */
  text(key, path) {
    const state = this.replica.object(key, path);
    return state ? typeOf(TEXT).value(state) : "";
  }

  /** Patches of a batch of changes. @param {any[]} changes @returns {Patch[]} */
  of(changes) {
    /** @type {Patch[]} */
    const patches = [];
    const texts = new Map(); // the last patch of each text
    for (const change of changes) {
      const patch = this.patch(change);
      if (!patch) continue;
      patches.push(patch);
      if (patch.kind === "text") texts.set(placeKey(change.key, change.path), { change, patch });
    }
    for (const { change, patch } of texts.values()) this.catchUp(change, patch);
    const told = patches.filter((patch) => !patch.edits || patch.edits.length);
    const last = new Map(changes.map((change) => [change.key, change]));
    for (const change of last.values()) this.tellWhetherThere(change, told);
    return told;
  }

  /** A document that has come is told first, one that has gone last. @param {any} change @param {Patch[]} told */
  tellWhetherThere(change, told) {
    const { key } = change;
    const exists = this.replica.exists(key);
    if (exists === this.there.has(key)) return;
    const patch = { ...this.base(change), path: [], kind: "document", exists };
    if (exists) this.there.add(key);
    else this.there.delete(key);
    if (exists) told.unshift(patch);
    else told.push(patch);
  }

  /** What all patches have. @param {any} change */
  base({ key, path, event, own }) {
    const told = event.replica !== 0n;
    return {
      key,
      path: path.map(nameOf),
      own: own ?? false,
      who: told ? (event.who ?? this.replica.who(event.replica, event.seq)) : null,
      when: told ? new Date(hlcMs(event.hlc)) : null,
    };
  }

  /** @param {any} change @returns {Patch | null} */
  patch(change) {
    const { key, path, before, after } = change;
    if (!path.length) return null; // `tellWhetherThere` does
    const base = this.base(change);
    const tag = tagOf(path[path.length - 1]);
    switch (tag) {
      case "r": case "q": case "m":
        return { ...base, kind: "value", value: after, before };
      case "c": case "gc": case "b":
        return { ...base, kind: "count", value: after, by: Number(after) - Number(before) };
      case "ew": case "dw":
        return { ...base, kind: "flag", value: after };
      case "gs": case "tp": case "aw": case "rw":
        return { ...base, kind: "set", ...difference(before ?? [], after ?? []) };
      case TEXT:
        return { ...base, kind: "text", edits: this.edits(key, path, before, after) };
      case LIST:
        return { ...base, kind: "list", edits: listEdits(before, after) };
      default:
        return { ...base, kind: "other" };
    }
  }

  /** Edits of a text, which are applied to the copy. @param {string} key @param {string[]} path
   * @param {any} before @param {any} after @returns {any[]} */
  edits(key, path, before, after) {
    const place = placeKey(key, path);
    let copy = this.texts.get(place) ?? "";
    const edits = [];
    if (Array.isArray(after)) {
      for (const patch of after) {
        if (!Array.isArray(patch)) {
          const { start, stop, name, value } = patch;
          const at = unitsOf(copy, start);
          edits.push({ at, length: unitsOf(copy, stop) - at, mark: name, value: given(value) });
          continue;
        }
        const [pos, gone, content] = patch;
        const at = unitsOf(copy, pos);
        const end = unitsOf(copy, pos + gone);
        if (end > at) edits.push({ at, delete: end - at });
        if (content) edits.push({ at, insert: content });
        copy = copy.slice(0, at) + (content ?? "") + copy.slice(end);
      }
    } else if (typeof after === "string") {
      edits.push(...textDifference(copy, after));
      copy = after;
    }
    this.texts.set(place, copy);
    return edits;
  }

  /** Tell what is missing to the present text. @param {any} change @param {Patch} patch */
  catchUp({ key, path }, patch) {
    const place = placeKey(key, path);
    const text = this.text(key, path);
    const copy = this.texts.get(place) ?? "";
    if (copy === text) return;
    patch.edits.push(...textDifference(copy, text));
    this.texts.set(place, text);
  }
}

const placeKey = (/** @type {string} */ key, /** @type {readonly string[]} */ path) => `${key}\u0000${pathKey(path)}`;

/** Where so many code points end, in units of a JavaScript string. @param {string} text @param {number} points */
function unitsOf(text, points) {
  let at = 0;
  for (let left = points; left > 0 && at < text.length; left--) {
    const unit = text.charCodeAt(at);
    at += unit >= 0xd800 && unit < 0xdc00 && at + 1 < text.length ? 2 : 1;
  }
  return at;
}

/** One deletion and one insertion that lead from one text to another. @param {string} from @param {string} to */
function textDifference(from, to) {
  const shorter = Math.min(from.length, to.length);
  let head = 0;
  while (head < shorter && from[head] === to[head]) head++;
  if (head && isHalf(from, head)) head--; // never within a surrogate pair
  let tail = 0;
  while (tail < shorter - head && from[from.length - 1 - tail] === to[to.length - 1 - tail]) tail++;
  if (tail && isHalf(from, from.length - tail)) tail--;
  const edits = [];
  if (from.length - head - tail) edits.push({ at: head, delete: from.length - head - tail });
  const insert = to.slice(head, to.length - tail);
  if (insert) edits.push({ at: head, insert });
  return edits;
}

/** Whether a place is within a surrogate pair. @param {string} text @param {number} at */
function isHalf(text, at) {
  const before = text.charCodeAt(at - 1);
  return before >= 0xd800 && before < 0xdc00;
}

/** @param {any[]} before @param {any[]} after stored elements */
function difference(before, after) {
  const [was, is] = [before.map(given), after.map(given)];
  const lacks = (/** @type {any[]} */ all) => {
    const known = new Set(all.map((one) => JSON.stringify(one)));
    return (/** @type {any} */ one) => !known.has(JSON.stringify(one));
  };
  return { added: is.filter(lacks(was)), removed: was.filter(lacks(is)) };
}

/** @param {any} before @param {any} after patches, or values */
function listEdits(before, after) {
  if (before === null)
    return (after ?? []).map((/** @type {any} */ [at, gone, values]) => ({ at, delete: gone, insert: values.map(given) }));
  return before?.length || after?.length ? [{ at: 0, delete: before?.length ?? 0, insert: (after ?? []).map(given) }] : [];
}
