/**
 * A scope as one row of a browser's storage: everything but the fold, with the retained batches.
 *
 * What waits is not in it, nor what is held for the clock: both are asked for again. Mirrors
 * graph/records.py, with a format of its own: it never leaves the browser.
 */

import { decode, encode } from "./codec.js";
import { UnknownFormat } from "./errors.js";
import { bigOf, decodePack, encodePack, sortedReplicas } from "./event.js";
import { Names, arrayOf, callRoll, checkedNames, headOf, nameAt, readRoll, rollOf, streamOf, vectorAt, voidData, voidOf } from "./portable.js";
import { Scope, sortedStreams } from "./scope.js";
import { Stream } from "./streams.js";

const VERSION = 1;

/** The scope's row. @param {Scope} scope @returns {Uint8Array} */
export function encodeScope(scope) {
  const names = new Names();
  const replica = names.of(scope.replica);
  const bases = [];
  const whole = [];
  for (const author of sortedReplicas(scope.history.authors.keys())) {
    const { base } = scope.history.authors.get(author);
    if (!base.last) whole.push(names.of(author));
    else bases.push(headOf(base, names));
  }
  const fields = [
    replica,
    scope.former ? [names.of(scope.former[0]), scope.former[1]] : null,
    scope.clock.last,
    sortedStreams(scope.streams).map((stream) => headOf(stream, names)),
    bases,
    whole,
    rollOf(scope.members, names),
    [...scope.voids.known.values()].map(({ dot, refusal }) => voidData(dot, refusal, names)),
    [...scope.voids.unclean],
    names.pairs(scope.stable),
    [...scope.news].map((author) => names.of(author)),
    scope.unsaid,
    encodePack(scope.history.since(new Map())),
  ];
  return encode([VERSION, scope.lineage, names.listed(), ...fields]);
}

/**
 * The scope of a row, with a fold that will be as it was then. Raises `UnknownFormat`, or
 * `BadFrame` for what does not fit together.
 * @param {Uint8Array} data @param {any} fold @returns {Scope}
 */
export function decodeScope(data, fold) {
  const [version, lineage, listed, ...fields] = arrayOf(decode(data), 3);
  if (version !== VERSION) throw new UnknownFormat(`storage of version ${version}`);
  const names = checkedNames(listed);
  const [replica, former, clock, heads, bases, whole, roll, voids, unclean, stable, news, unsaid, pack] =
    arrayOf(fields, 13);
  const called = readRoll(roll, names);
  const scope = new Scope(lineage, nameAt(names, replica), called.founder, fold);
  if (former) scope.former = [nameAt(names, former[0]), former[1]];
  scope.clock.observe(bigOf(clock));
  for (const head of arrayOf(heads)) {
    const stream = streamOf(head, names);
    scope.streams.set(stream.replica, stream);
    scope.vector.set(stream.replica, stream.last);
  }
  callRoll(scope.members, called);
  scope.stable = vectorAt(stable, names);
  restoreHistory(scope, names, arrayOf(bases), arrayOf(whole), decodePack(pack));
  for (const one of arrayOf(voids)) scope.voids.learn(...voidOf(one, names));
  scope.voids.unclean = new Set(unclean);
  scope.news = new Set(arrayOf(news).map((number) => nameAt(names, number)));
  scope.unsaid = unsaid === true;
  return scope;
}

function restoreHistory(scope, names, bases, whole, batches) {
  const running = new Map();
  for (const number of whole) {
    const author = nameAt(names, number);
    running.set(author, new Stream(author));
  }
  for (const head of bases) {
    const base = streamOf(head, names);
    scope.history.begin(base);
    running.set(base.replica, base.copy());
  }
  for (const batch of batches) {
    const stream = running.get(batch.replica) ?? new Stream(batch.replica);
    running.set(batch.replica, stream);
    stream.advance(batch);
    scope.history.add(batch, stream.digest);
  }
}
