/**
 * Plait in the browser: a replica of one's own, which works offline and syncs with any node.
 *
 *     import { connect, register, ask, counter, text, addWinsSet } from "/client.js";
 *
 *     const store = await connect({ name: "Ann" });
 *     const notes = await store.documents("notes", { title: register(), when: ask(), likes: counter() });
 *     const note = notes.get(notes.create());
 *     note.title = "Groceries";
 *     notes.subscribe(({ keys, patches }) => render(keys));
 *
 * One ES module without dependencies or a build step; its parts are in `client/`.
 *
 * Absent: tables (see the HTTP API), merge functions (a winner is shown, marked unmerged), trees.
 */

export { connect, Store } from "./client/store.js";
export { Documents, Document } from "./client/documents.js";
export {
  register, ask, merge, counter, growCounter, boundedCounter, flag, disableFlag,
  addWinsSet, removeWinsSet, growSet, twoPhaseSet, map, nested, json, text, list,
} from "./client/schema.js";
export { Float } from "./client/codec.js";
export * from "./client/errors.js";
export { forgetAll, storages, unsent } from "./client/keeping.js";
