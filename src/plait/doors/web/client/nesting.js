/**
 * Nesting: maps, documents in documents, JSON objects; all of it is in the paths. Mirrors
 * types/nesting.py.
 *
 * A component with the tag `o` is an object that holds others by name and has no state of its own:
 * it is there while anything in it is. A list (`l`) has a state, and holds objects as well.
 *
 * Invariant: a parent has a component iff something was written at or below it and not dropped.
 */

import { compareStrings, isWellFormed } from "./codec.js";
import { BadCall } from "./errors.js";
import { PATH_MAX } from "./event.js";
import { pathKey, tagOf } from "./paths.js";

export const NEST = "o";
export const PATH_BYTES_MAX = 4096;

/** @typedef {import("./paths.js").Path} Path */

/** Which children objects have. */
export class Nesting {
  constructor() {
    /** @type {Map<string, Set<string>>} */
    this.components = new Map();
  }

  /** There is an object at `path`. @param {Path} path */
  add(path) {
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const parent = pathKey(path.slice(0, depth));
      const children = this.components.get(parent);
      if (!children) this.components.set(parent, new Set([path[depth]]));
      else if (children.has(path[depth])) return;
      else children.add(path[depth]);
    }
  }

  /** There is no object at `path` any more. @param {Path} path @param {Map<string, any>} objects */
  drop(path, objects) {
    for (let at = path; at.length; at = at.slice(0, -1)) {
      const key = pathKey(at);
      if (this.components.has(key) || objects.has(key)) return;
      const parent = pathKey(at.slice(0, -1));
      const children = /** @type {Set<string>} */ (this.components.get(parent));
      children.delete(at[at.length - 1]);
      if (children.size) return;
      this.components.delete(parent);
    }
  }

  /** Paths at and below this one, parents first. @param {Path} path @returns {Generator<Path>} */
  *below(path) {
    const waiting = [path];
    for (let next; (next = waiting.pop()); ) {
      yield next;
      for (const part of this.components.get(pathKey(next)) ?? []) waiting.push([...next, part]);
    }
  }

  /** Components of the children that are alive, sorted.
   * @param {Path} path @param {(path: Path) => boolean} alive */
  children(path, alive) {
    const parts = [...(this.components.get(pathKey(path)) ?? [])].sort(compareStrings);
    return parts.filter((part) => {
      for (const below of this.below([...path, part])) if (alive(below)) return true;
      return false;
    });
  }
}

/** Length in code points, as Python counts. @param {string} text */
function lengthOf(text) {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xdc00 || unit > 0xdfff) length++;
  }
  return length;
}

/** Whether an object with a state can stand at this path: what is written elsewhere has no effect.
 * @param {Path} path */
export function holds(path) {
  if (!path.length || path.length > PATH_MAX) return false;
  let length = 0;
  for (let i = 0; i < path.length; i++) {
    length += lengthOf(path[i]);
    if (i === path.length - 1) continue;
    const part = path[i];
    if (!part.startsWith("o:") && !(part.startsWith("l:") && path[i + 1].startsWith("o:"))) return false;
  }
  const last = path[path.length - 1];
  const tag = tagOf(last);
  return length <= PATH_BYTES_MAX && tag !== NEST && tag !== "" && last.includes(":");
}

/** Raise `BadCall` for a path at which nothing can be written. @param {Path} path */
export function checkPath(path) {
  if (!path.every(isWellFormed)) throw new BadCall("a name is not valid Unicode");
  if (!holds(path)) throw new BadCall(`nothing can be written at ${JSON.stringify(path).slice(0, 200)}`);
}
