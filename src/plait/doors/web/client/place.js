/**
 * Where an object of a document is read and written: what fields and views work on.
 *
 * A view knows its place and nothing else, so it never goes stale: it reads what is there now.
 *
 * Invariant: every write of a handle goes through `mutate` or `clear` here, which tell undo.
 */

import { BadCall } from "./errors.js";
import { nameOf } from "./paths.js";

/**
 * What documents use of a replica: engines/graph_port.py's GraphReplica.
 * @typedef {any} Replica
 * @typedef {import("./paths.js").Path} Path
 */

/** A collection's replica, and the undo of one handle. */
export class Access {
  /** @param {Replica} replica @param {import("./undo.js").Undo} undo @param {string} name of the collection */
  constructor(replica, undo, name) {
    this.replica = replica;
    this.undo = undo;
    this.name = name;
    this.changing = false; // inside `change`
  }
}

export class Place {
  /** @param {Access} access @param {string} key @param {Path} path */
  constructor(access, key, path) {
    this.access = access;
    this.key = key;
    this.path = path;
  }

  /** The state of the object, live; null if nothing was ever written. @returns {any} */
  state() {
    return this.access.replica.object(this.key, this.path);
  }

  /** Prepare and apply: visible at once. @param {any[]} mutation */
  mutate(mutation) {
    const { replica, undo } = this.access;
    return replica.mutate(this.key, this.path, mutation, undo.note);
  }

  /** Reset everything at and below. */
  clear() {
    const { replica, undo } = this.access;
    undo.cleared(replica, this.key, this.path);
    replica.clear(this.key, this.path);
  }

  /** Components of the children that are alive, sorted. @returns {string[]} */
  children() {
    return this.access.replica.children(this.key, this.path);
  }

  /** @param {string} part a component */
  child(part) {
    return new Place(this.access, this.key, [...this.path, part]);
  }

  /** For messages. */
  where() {
    return `${this.access.name}[${JSON.stringify(this.key)}].${this.path.map(nameOf).join(".")}`;
  }

  /** Refuse an assignment. @param {any} value @param {string} instead */
  refuse(value, instead) {
    return new BadCall(`${this.where()} cannot become ${String(value).slice(0, 60)}: ${instead}`);
  }
}
