/**
 * Where an object stands in its document: components `tag:name`. Mirrors types/paths.py.
 *
 * A path is an array of strings that nobody changes; where a Map needs one key it is `pathKey`.
 */

import { compareStrings } from "./codec.js";

/** @typedef {readonly string[]} Path */

/** The component of a child. @param {string} tag @param {string} name */
export const component = (tag, name) => `${tag}:${name}`;

/** The tag of a component; what has no colon is all tag. @param {string} part */
export function tagOf(part) {
  const colon = part.indexOf(":");
  return colon < 0 ? part : part.slice(0, colon);
}

/** The name in a component. @param {string} part */
export function nameOf(part) {
  const colon = part.indexOf(":");
  return colon < 0 ? "" : part.slice(colon + 1);
}

/** One string for a path; two paths have different ones. @param {Path} path */
export const pathKey = (path) => (path.length === 1 ? `1${path[0]}` : JSON.stringify(path));

/** Whether a path is at or below another. @param {Path} path @param {Path} prefix */
export function isBelow(path, prefix) {
  if (path.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (path[i] !== prefix[i]) return false;
  return true;
}

/** The order of paths. @param {Path} one @param {Path} other */
export function comparePaths(one, other) {
  const shorter = Math.min(one.length, other.length);
  for (let i = 0; i < shorter; i++) {
    const order = compareStrings(one[i], other[i]);
    if (order) return order;
  }
  return one.length - other.length;
}
