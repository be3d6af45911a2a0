/**
 * The documents of a collection: objects by path in documents by key, all in memory. Mirrors
 * types/shelf.py (and its parts: held_documents, preparing, contended).
 *
 *     prepare -> ops ─┐                      ┌─> object, children, keys      (reading)
 *                     ├─> apply ─> documents ┼─> delta, state                (other replicas, storage)
 *     other replicas ─┘    join ──^          └─> observer, joinObserver      (whoever watches)
 *
 * Invariants: any two shelves that applied or joined the same events are `canonical`ly equal, here
 * and in Python, however they came by them; `count()` is the number of keys that `keys()` lists;
 * what a remote replica wrote raises nothing in `apply`.
 *
 * Absent: rows. The replica saves `state([key])` of the keys that `takeChanged` names, and joins
 * those fragments when it opens again.
 *
 * @typedef {import("./shelf_roads.js").Fragment} Fragment
 * @typedef {import("./causality.js").Context} Context
 * @typedef {import("./causality.js").Dot} Dot
 * @typedef {import("./paths.js").Path} Path
 * @typedef {import("./event.js").Event} Event
 * @typedef {import("./graph_type.js").Here} Here
 * @typedef {{key: string, path: Path, type: any, mutation: any[], before: any, dot: Dot}} Noted
 */

import { NOTHING, VersionVector } from "./causality.js";
import { typeOf as catalogueTypeOf } from "./catalogue.js";
import { compareStrings, encode } from "./codec.js";
import { blake2b } from "./digest.js";
import { BadCall } from "./errors.js";
import { APPLY, CLEAR, DELETE, Op } from "./event.js";
import { Draft } from "./shelf_drafts.js";
import { Unfolded, foldDocument } from "./shelf_folding.js";
import { joinFragments } from "./shelf_joining.js";
import { FORGOT, Touched, bundle, join } from "./shelf_roads.js";
import { ShelvedDocument } from "./shelved_document.js";
import { holds } from "./nesting.js";
import { tagOf } from "./paths.js";
import { checkKey, ground, isKey } from "./preparing.js";
import { tellApply, tellOthers, toldAnew } from "./telling.js";

const NOBODY = { replica: 0n, context: NOTHING }; // what a clear says depends on what is there only

export class Shelf {
  /** @param {(tag: string) => any} [typeOf] */
  constructor(typeOf = catalogueTypeOf) {
    this.typeOf = typeOf;
    /** Told of every operation, after it was applied.
     * @type {((key: string, path: Path, op: any, event: Event, before: any, after: any) => void) | null} */
    this.observer = null;
    /** Told of every object that a join changed; path [] is the document that came or went.
     * @type {((key: string, path: Path, before: any, after: any) => void) | null} */
    this.joinObserver = null;
    /** @type {Map<string, ShelvedDocument>} */
    this.documents = new Map();
    this.seen = new VersionVector(); // every event that was applied
    this.forgot = false; // markers were folded, here or where this state comes from
    this.unfolded = new Unfolded(this.seen);
    /** @type {Draft | null} */
    this.draft = null;
    /** @type {Set<string>} */
    this.stale = new Set(); // documents that were written since they were last counted
    /** @type {Set<string>} */
    this.changed = new Set(); // and since they were last saved
    this.shownCount = 0;
    /** @type {string[] | null} */
    this.sorted = null; // the keys of visible documents
  }

  // ------------------------------------------------------------------ reading

  /** The state of an object, live; null if there is none. @param {string} key @param {Path} path @returns {any} */
  object(key, path) {
    const document = this.documents.get(key);
    const object = document?.find(path);
    if (!document || !object || (document.markers.size && !document.visible())) return null;
    return object.state;
  }

  /** Components of the children that are alive, sorted. @param {string} key @param {Path} path */
  children(key, path) {
    const document = this.documents.get(key);
    if (!document || (document.markers.size && !document.visible())) return [];
    return document.children(path);
  }

  /** Whether the document is visible. @param {string} key */
  exists(key) {
    return this.documents.get(key)?.visible() ?? false;
  }

  /** Keys of visible documents in order; start <= key < stop. */
  keys(/** @type {string | null} */ start = null, /** @type {string | null} */ stop = null) {
    this.settle();
    this.sorted ??= [...this.documents.values()]
      .filter((document) => document.shown)
      .map((document) => document.key)
      .sort(compareStrings);
    if (start === null && stop === null) return [...this.sorted];
    return this.sorted.filter(
      (key) =>
        (start === null || compareStrings(key, start) >= 0) &&
        (stop === null || compareStrings(key, stop) < 0),
    );
  }

  /** How many documents are visible. */
  count() {
    this.settle();
    return this.shownCount;
  }

  /** Where registers with these tags hold several writes, in order; of one document or of all.
   * @param {string[]} tags @param {string | null} [key] @returns {[string, Path][]} */
  contended(tags, key = null) {
    const found = /** @type {[string, Path][]} */ ([]);
    for (const one of key === null ? this.keys() : [key]) {
      const document = this.documents.get(one);
      if (!document?.visible()) continue;
      for (const { path, state } of document.objects.values())
        if (tags.includes(tagOf(path[path.length - 1])))
          if ([...state.slots.values()].some((cells) => cells.size > 1)) found.push([one, path]);
    }
    return found;
  }

  /** The keys of documents that changed since this was last asked, but for an open draft's. */
  takeChanged() {
    const changed = this.changed;
    this.changed = new Set();
    for (const key of this.draft?.documents.keys() ?? [])
      if (changed.delete(key)) this.changed.add(key);
    return [...changed];
  }

  // ------------------------------------------------------------------ writing

  /**
   * What to tell everybody; nothing if nothing changes. A document that is not there, or was
   * deleted, is cleared first. Raises what the type does, `BadKey` and `BadCall`.
   * @param {string} key @param {Path} path @param {any[]} mutation @param {Here} here
   * @param {((noted: Noted) => void) | null} [note] told what it takes to take it back
   * @returns {Op[]}
   */
  prepare(key, path, mutation, here, note = null) {
    checkKey(key);
    const { type, state, clear } = ground(this, key, path, here);
    const body = type.prepare(state, mutation, here);
    if (body === undefined || body === null) return [];
    if (note) {
      const seq = (here.context.get(here.replica) ?? 0) + (clear ? 2 : 1);
      const dot = /** @type {Dot} */ ([here.replica, seq]);
      const before = type.before(state, mutation, dot);
      if (before !== null && before !== undefined) note({ key, path, type, mutation, before, dot });
    }
    const op = new Op(key, path, body);
    return clear ? [clear, op] : [op];
  }

  /** Reset everything at and below a path; nothing if nothing is there. `BadCall`.
   * @param {string} key @param {Path} path @returns {Op[]} */
  prepareClear(key, path) {
    const document = this.documents.get(key);
    if (!document?.visible()) return [];
    const alive = document.below(path).filter((object) => object.alive());
    for (const { type } of alive)
      if (!type.clears) throw new BadCall(`a ${type.constructor.name} cannot be cleared`);
    return alive.length ? [new Op(key, path, document.clearing(path, NOBODY), CLEAR)] : [];
  }

  /** Hide the document; nothing if it is not visible. @param {string} key @returns {Op[]} */
  prepareDelete(key) {
    return this.exists(key) ? [new Op(key, [], null, DELETE)] : [];
  }

  // ------------------------------------------------------------------ the fold: operations

  /** Apply one operation, with what it does to deletions that it has seen. @param {Op} op @param {Event} event */
  apply(op, event) {
    this.seen.set(event.replica, event.seq); // lower than before, after a draft that was discarded
    let document = this.documents.get(op.key);
    if (!document) {
      if (!isKey(op.key)) return;
      document = this.make(op.key);
    }
    const it = document;
    if (!this.observer) return this.act(it, op, event);
    const tell = op.kind === APPLY ? tellApply : tellOthers;
    for (const [path, before, after] of tell(it, op, event, () => this.act(it, op, event)))
      this.observer(op.key, path, op, event, before, after);
  }

  act(/** @type {ShelvedDocument} */ document, /** @type {any} */ op, /** @type {Event} */ event) {
    if (op.kind === APPLY) {
      if (!holds(op.path)) return;
      const object = this.wake(document, op.path);
      document.markers.take(event);
      object.type.apply(object.state, op.body, event);
      object.touch(event);
    } else if (op.kind === CLEAR) {
      this.wakeDocument(document);
      for (const { path } of document.below(op.path)) this.wake(document, path);
      document.clear(op.path, op.body, event);
      document.markers.take(event);
    } else if (op.kind === DELETE && !op.path.length) {
      this.wakeDocument(document);
      document.markers.take(event);
      document.markers.put(event);
    }
  }

  /** Forget a document and make it anew; whoever watches is told what is other than it was.
   * @param {string} key @param {Iterable<[Op, Event]>} events @param {Iterable<Fragment>} [fragments]
   * @param {Context} [theirs] */
  refold(key, events, fragments = [], theirs = NOTHING) {
    const fresh = new ShelvedDocument(key);
    const wake = (/** @type {ShelvedDocument} */ document, /** @type {Path} */ path) =>
      document.find(path) ?? document.add(path, this.typeOf(tagOf(path[path.length - 1])));
    const joining = { mine: NOTHING, theirs, wake, wakeDocument() {} };
    for (const fragment of fragments) if (fragment.key === key) join(fresh, fragment, joining);
    const before = this.documents.get(key);
    fresh.shown = before?.shown ?? false;
    this.documents.set(key, fresh);
    this.wakeDocument(fresh);
    for (const [op, event] of events) this.act(fresh, op, event);
    if (!this.joinObserver) return;
    const [was, is] = [before?.visible() ?? false, fresh.visible()];
    if (was !== is) this.joinObserver(key, [], was, is);
    for (const [path, old, now] of toldAnew(before, fresh)) this.joinObserver(key, path, old, now);
  }

  // ------------------------------------------------------------------ the fold: other roads

  /** What the operations touched, as it is now. @param {Iterable<[Op, Dot]>} events @returns {Generator<Fragment>} */
  *delta(events) {
    /** @type {Map<string, Touched>} */
    const touched = new Map();
    for (const [op, dot] of events) {
      if (!isKey(op.key)) continue;
      const its = touched.get(op.key) ?? new Touched();
      touched.set(op.key, its);
      its.touch(op, dot, this.typeOf);
    }
    if (this.forgot) yield FORGOT;
    for (const [key, what] of touched)
      yield* what.fragments(this.documents.get(key) ?? new ShelvedDocument(key), this.typeOf);
  }

  /** Everything, document by document, hidden ones too; or these documents.
   * @param {Iterable<string> | null} [keys] @returns {Generator<Fragment>} */
  *state(keys = null) {
    if (this.forgot) yield FORGOT;
    for (const key of keys ?? this.allKeys()) {
      const document = this.documents.get(key);
      if (!document || !(document.objects.size || document.markers.size)) continue;
      const fragment = bundle(document, []);
      if (fragment.data[0].length || fragment.data[1].length) yield fragment;
    }
  }

  /** Join what a replica at vector `theirs` sent; `whole`: what it did not send it lacks. Raises
   * `BadFrame`; nothing changed then. @param {Iterable<Fragment>} fragments @param {Context} mine
   * @param {Context} theirs @param {boolean} whole */
  join(fragments, mine, theirs, whole) {
    joinFragments(this, fragments, { mine, theirs }, whole);
  }

  /** Drop what no event that is still to come can make a difference to. @param {Context} cut */
  fold(cut) {
    const marked = /** @type {Set<string>} */ (new Set());
    for (const key of this.unfolded.due(cut)) {
      const document = this.documents.get(key);
      if (!document) continue;
      if (foldDocument(document, cut, this.unfolded)) this.forgot = true;
      this.changed.add(key);
      this.stale.add(key);
      if (document.markers.size) marked.add(key);
      else if (!document.objects.size) {
        this.settle();
        this.documents.delete(key);
      }
    }
    this.unfolded.done(cut, marked);
  }

  /** A digest of all documents, hidden ones too, as they are when folded to the cut. @param {Context} cut */
  canonical(cut) {
    const images = this.allKeys()
      .map((key) => this.image(key, cut))
      .filter((image) => image.length)
      .map(encode);
    const whole = new Uint8Array(images.reduce((sum, image) => sum + image.length, 0));
    let at = 0;
    for (const image of images) {
      whole.set(image, at);
      at += image.length;
    }
    return blake2b(whole, 32);
  }

  /** What `canonical` digests of one document. @param {string} key @param {Context} cut @returns {any[]} */
  image(key, cut) {
    return this.documents.get(key)?.image(cut) ?? [];
  }

  // ------------------------------------------------------------------ drafts

  /** Begin a draft. */
  mark() {
    if (this.draft) throw new Error("drafts do not nest");
    this.draft = new Draft();
  }

  /** What was applied since `mark` never happened. */
  rollback() {
    this.draft?.rollback();
    this.draft = null;
  }

  /** What was applied since `mark` stays. */
  keep() {
    this.draft?.keep();
    this.draft = null;
  }

  // ------------------------------------------------------------------ holding

  allKeys() {
    return [...this.documents.keys()].sort(compareStrings);
  }

  make(/** @type {string} */ key) {
    const document = new ShelvedDocument(key);
    this.documents.set(key, document);
    return document;
  }

  /** The document will change. @param {ShelvedDocument} document */
  wakeDocument(document) {
    this.draft?.noteDocument(document);
    this.stale.add(document.key);
    this.changed.add(document.key);
    this.unfolded.touch(document.key);
  }

  /** The object at `path` will change; it is made if it is not there.
   * @param {ShelvedDocument} document @param {Path} path */
  wake(document, path) {
    this.wakeDocument(document);
    const found = document.find(path);
    if (found) {
      this.draft?.noteObject(document, found);
      return found;
    }
    const object = document.add(path, this.typeOf(tagOf(path[path.length - 1])));
    this.draft?.noteAdded(document, path);
    return object;
  }

  /** Count what was written since the last time. */
  settle() {
    for (const key of this.stale) {
      const document = this.documents.get(key);
      const shown = document?.visible() ?? false;
      if (!document || shown === document.shown) continue;
      this.shownCount += shown ? 1 : -1;
      document.shown = shown;
      this.sorted = null;
    }
    this.stale.clear();
  }
}
