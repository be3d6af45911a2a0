/**
 * What a checkpoint of a replica is made of: its scope, its documents in buckets, what is kept for
 * people; and how these come back.
 *
 * Invariant: only buckets with documents that changed since the last checkpoint are written, and
 * `meta` lists all that there are. A checkpoint that could not be written is made anew, whole.
 */

import { checksum, encode, utf8Bytes } from "./codec.js";
import { bigOf } from "./event.js";
import { metaRow } from "./journal.js";
import { encodeScope } from "./records.js";

const BUCKETS = 256;

const bucketOf = (key) => `b/${(checksum(utf8Bytes(key)) % BUCKETS).toString(16).padStart(2, "0")}`;

/** Makes the rows of one replica's checkpoints. */
export class Saver {
  /** @param {any} replica @param {import("./refused.js").Refused} refused */
  constructor(replica, refused) {
    this._replica = replica;
    this._refused = refused;
    this._keys = new Map(); // bucket to the keys in it
    this._dirty = new Set(); // buckets to be written though nothing changed in them
    this._written = new Set(); // buckets that are on the storage
  }

  /** Whether nothing is half done. */
  settle() {
    return this._replica.settle();
  }

  /** A write failed (the error), or succeeded again (null). */
  failed(error) {
    this._replica.storageFailed(error);
  }

  /** The rows of all that is in memory now; `keep` is called if they could not be written. */
  checkpoint() {
    const { scope, info, ids, renewal } = this._replica;
    const dirty = this._dirty;
    this._dirty = new Set();
    for (const key of scope.fold.takeChanged()) dirty.add(this._place(key));
    const rows = new Map();
    for (const bucket of dirty) {
      const keys = [...(this._keys.get(bucket) ?? [])].filter((key) => scope.fold.documents.has(key));
      if (!keys.length) this._keys.delete(bucket);
      else this._keys.set(bucket, new Set(keys));
      const fragments = [...scope.fold.state(keys)].map((f) => [f.key, f.path, f.whole, f.data]);
      rows.set(bucket, keys.length ? encode(fragments) : null);
    }
    const buckets = [...this._keys.keys()].sort();
    for (const gone of this._written) if (!this._keys.has(gone)) rows.set(gone, null);
    this._written = new Set(buckets);
    const notes = new Map([["ids", ids], ["refused", this._refused.data()], ["lost", renewal.lost]]);
    rows.set("meta", metaRow(infoData(info), buckets, notes));
    rows.set("scope", encodeScope(scope));
    return {
      rows,
      keep: () => {
        for (const bucket of dirty) this._dirty.add(bucket);
        for (const bucket of rows.keys()) if (bucket.startsWith("b/")) this._written.add(bucket);
      },
    };
  }

  /** Everything is to be written at the next checkpoint: the documents are others now. */
  begin() {
    this._keys.clear();
    this._dirty.clear();
  }

  /** From the storage. @param {string[]} buckets @param {Map<string, any>} notes */
  restore(buckets, notes) {
    this._written = new Set(buckets);
    for (const key of this._replica.scope.fold.documents.keys()) this._place(key);
    for (const bucket of buckets) if (!this._keys.has(bucket)) this._dirty.add(bucket);
    this._replica.ids = notes.get("ids").map(bigOf);
    for (const name of ["refused", "lost"]) this.note(name, notes.get(name));
  }

  /** Something that is kept for people, from the storage. */
  note(name, data) {
    if (name === "refused") this._refused.replace(data);
    else if (name === "lost") this._replica.renewal.lost = data;
  }

  _place(key) {
    const bucket = bucketOf(key);
    if (!this._keys.has(bucket)) this._keys.set(bucket, new Set());
    this._keys.get(bucket).add(key);
    return bucket;
  }
}

/** What is known of a collection, as stored values. */
export const infoData = ({ name, lineage, founder, sync, node }) => [name, lineage, founder, sync, node];

/** And back. @returns {import("./replica.js").Info} */
export function infoOf([name, lineage, founder, sync, node]) {
  return { name, lineage, founder: bigOf(founder), sync, node };
}
