/**
 * What an operation did, for those who watch: values before and after, as far as it reached.
 * Mirrors types/telling.py.
 *
 * @typedef {[path: readonly string[], before: any, after: any]} Told
 */

import { DELETE } from "./event.js";
import { compareBytes } from "./codec.js";
import { touchedSlots } from "./shelf_roads.js";

/** An operation on an object; and, if it revives the document, path [] from false to true.
 * @param {import("./shelved_document.js").ShelvedDocument} document @param {any} op @param {any} event
 * @param {() => void} act @returns {Told[]} */
export function tellApply(document, op, event, act) {
  const hidden = document.hidden();
  const found = document.find(op.path);
  let told;
  if (found?.type.ofEvents) {
    const patches = found.type.watching(found.state, act);
    told = [op.path, null, patches];
  } else {
    const slots = found ? touchedSlots(found.type, op.body, event.dot) : null;
    const before = found && found.type.partial(found.state, slots);
    act();
    const object = document.find(op.path);
    if (!object) return [];
    const its = found ? slots : touchedSlots(object.type, op.body, event.dot);
    const zero = found ? before : object.type.partial(object.type.zero(), its);
    told = [op.path, zero, object.type.partial(object.state, its)];
  }
  const revived = hidden && !document.hidden();
  return /** @type {Told[]} */ (revived ? [[[], false, true], told] : [told]);
}

/** A CLEAR, object by object; or a DELETE, as path [] from true to false.
 * @param {import("./shelved_document.js").ShelvedDocument} document @param {any} op @param {any} event
 * @param {() => void} act @returns {Told[]} */
export function tellOthers(document, op, event, act) {
  if (op.kind === DELETE) {
    const before = document.visible();
    act();
    return before === document.visible() ? [] : [[[], before, !before]];
  }
  const told = document
    .below(op.path)
    .filter((object) => object.alive())
    .map((object) => ({ object, before: object.type.value(object.state) }));
  act();
  return told.map(({ object, before }) => [object.path, before, object.type.value(object.state)]);
}

/** A document was made anew: the objects that are others, with both values.
 * @param {import("./shelved_document.js").ShelvedDocument | undefined} before
 * @param {import("./shelved_document.js").ShelvedDocument} after @returns {Told[]} */
export function toldAnew(before, after) {
  /** @type {Told[]} */
  const told = [];
  const keys = new Set([...(before?.objects.keys() ?? []), ...after.objects.keys()]);
  for (const key of keys) {
    const [old, now] = [before?.objects.get(key), after.objects.get(key)];
    const one = /** @type {any} */ (old ?? now);
    const { type, path } = one;
    const [was, is] = [old, now].map((object) => object?.state ?? type.zero());
    if (compareBytes(type.encode(was), type.encode(is)))
      told.push([path, type.value(was), type.value(is)]);
  }
  return told;
}
