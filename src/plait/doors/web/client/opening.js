/**
 * Opening a replica: as the storage has it, or fresh.
 *
 * Invariant: what comes back is what the checkpoint and the log say, in their order; whatever does not
 * fit together raises `Corrupt`. A replica that is opened again says so with its first batch, by which
 * a copy of a storage is told from its original.
 */

import { NOTHING } from "./causality.js";
import { BadFrame, Corrupt, PlaitError } from "./errors.js";
import { bigOf, decodePack } from "./event.js";
import { JOINED, Journal, NOTED, RENAMED, WROTE, readJournal } from "./journal.js";
import { Parcel, fragmentOf, join } from "./parcels.js";
import { decodeScope } from "./records.js";
import { randomId } from "./random_id.js";
import { Replica } from "./replica.js";
import { infoOf } from "./saver.js";
import { Scope } from "./scope.js";
import { Shelf } from "./shelf.js";

/**
 * This page's replica as the storage has it, or null if the storage has none. Raises `Corrupt`.
 * @param {any} options @param {any} storage @param {string} prefix @param {() => number} now
 */
export async function loadReplica(options, storage, prefix, now) {
  const read = await readJournal(storage, prefix);
  if (!read) return null;
  try {
    const shelf = new Shelf();
    const scope = decodeScope(read.scope, shelf);
    const fragments = read.documents.flat().map(fragmentOf);
    shelf.join(fragments, NOTHING, scope.vector, true);
    shelf.fold(scope.stable);
    shelf.takeChanged();
    const info = infoOf(read.info);
    const replica = new Replica({ ...options, sync: info.sync }, info, scope, shelf, now);
    replica.saver.restore(read.buckets, read.notes);
    for (const [kind, data] of read.records) replay(replica, kind, data);
    scope.notices();
    scope.opening = randomId();
    replica.attach(new Journal(storage, prefix, replica.saver, read.found));
    replica.bind();
    return replica;
  } catch (error) {
    if (error instanceof PlaitError && !(error instanceof BadFrame)) throw error;
    throw new Corrupt(`what this browser has of ${prefix} does not fit: ${error.message}`);
  }
}

function replay(replica, kind, data) {
  const { scope } = replica;
  if (kind === RENAMED) {
    const [fresh, retire] = data;
    scope.renamed(bigOf(fresh), retire);
    replica.ids.push(scope.replica);
  } else if (kind === NOTED) replica.saver.note(...data);
  else if (kind === JOINED) {
    if (join(scope, new Parcel(data), null) === null) throw new BadFrame("a parcel does not fit");
  } else {
    const batches = decodePack(data);
    if (scope.replay(batches).length !== batches.length) throw new BadFrame("a batch does not fit");
    if (kind === WROTE) {
      scope.news.clear();
      scope.unsaid = false;
    }
  }
}

/** A fresh replica, which holds nothing. @param {any} options @param {import("./replica.js").Info} info */
export function newReplica(options, info, storage, prefix, now) {
  const shelf = new Shelf();
  const scope = new Scope(info.lineage, randomId(), info.founder, shelf);
  const replica = new Replica({ ...options, sync: info.sync }, info, scope, shelf, now);
  replica.attach(new Journal(storage, prefix, replica.saver));
  replica.journal.checkpoint();
  return replica;
}
