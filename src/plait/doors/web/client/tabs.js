/**
 * The tabs of one browser, linked with each other over a BroadcastChannel as any two replicas are:
 * what is written in one is shown in the others while no node answers, and a tab that is opened
 * offline gets what another one has.
 *
 * Tabs say every few seconds which collections they hold; one that was not heard for a while is
 * gone. Either side may have forgotten the other (a tab that sleeps says nothing), so every message
 * names the session that it is of at either end: a side that hears of a session which it does not
 * know begins anew, and what belongs to a past one is dropped.
 *
 * Invariant: a tab is told only what is durable in the tab that tells it. Absent: sending for another
 * tab; each is linked with a node itself.
 */

import { PlaitError } from "./errors.js";
import { sameBytes } from "./event.js";

const HERE_MS = 4000;
const GONE_MS = 150_000; // a tab that is not looked at has its timers once a minute

/** This page's place among the tabs. */
export class Tabs {
  /** @param {string} persist @param {any} core @param {any} Channel like BroadcastChannel */
  constructor(persist, core, Channel = globalThis.BroadcastChannel) {
    this._core = core;
    this._id = crypto.randomUUID?.() ?? String(Math.random());
    this._replicas = new Map(); // collection to replica
    this._wanted = new Map(); // collection to who waits for what it is
    this._heardAt = new Map(); // tab to when
    this._links = new Map(); // `${tab} ${collection}` to {mine, theirs}: sessions
    this._channel = Channel ? new Channel(`plait:${persist}`) : null;
    if (!this._channel) return;
    this._channel.onmessage = (event) => this._heard(event.data);
    this._channel.unref?.();
    this._timer = setInterval(() => this._tick(), HERE_MS);
    this._timer.unref?.();
    this._bye = () => {
      this._post({ kind: "bye" });
      for (const tab of [...this._heardAt.keys()]) this._forget(tab); // this page may come back
    };
    globalThis.addEventListener?.("pagehide", this._bye);
  }

  /** This page holds a replica of a collection. */
  opened(collection, replica) {
    this._wanted.delete(collection);
    this._replicas.set(collection, replica);
    this._sayHere();
  }

  /** This page wants a collection that it does not hold: `learn(info)` gives a replica of it. */
  wanted(collection, learn) {
    this._wanted.set(collection, learn);
    this._post({ kind: "who" });
  }

  /** Leave. */
  close() {
    if (!this._channel) return;
    this._bye();
    clearInterval(this._timer);
    globalThis.removeEventListener?.("pagehide", this._bye);
    this._channel.close();
    this._channel = null;
  }

  _sayHere(to = null) {
    const holds = [...this._replicas].map(([collection, { info }]) => [collection, info]);
    this._post({ kind: "here", to, holds });
  }

  _post(message) {
    this._channel?.postMessage({ ...message, from: this._id });
  }

  _heard(message) {
    if (!message || message.from === this._id || (message.to && message.to !== this._id)) return;
    const { kind, from } = message;
    const isNew = !this._heardAt.has(from);
    if (kind === "bye") this._forget(from);
    else this._heardAt.set(from, Date.now());
    if (kind === "who" || (kind === "here" && isNew)) this._sayHere(from);
    if (kind === "here") for (const [collection, info] of message.holds) this._meet(from, collection, info);
    if (kind === "say") this._told(from, message);
  }

  /** Another tab holds a collection. */
  _meet(tab, collection, info) {
    const wanted = this._wanted.get(collection);
    if (wanted) {
      this._wanted.delete(collection);
      const made = wanted(info);
      if (made) this._replicas.set(collection, made);
    }
    const replica = this._replicas.get(collection);
    const link = `${tab} ${collection}`;
    if (!replica || this._links.has(link) || !sameBytes(info.lineage, replica.info.lineage)) return;
    this._link(tab, collection, replica, null);
  }

  _link(tab, collection, replica, theirs) {
    const session = { mine: Math.random(), theirs };
    this._links.set(`${tab} ${collection}`, session);
    replica.linked(`tab:${tab}`, (data) => {
      const { mine: of, theirs: answers } = session;
      this._post({ kind: "say", to: tab, collection, data, of, answers });
    });
  }

  _told(tab, { collection, data, of, answers }) {
    const replica = this._replicas.get(collection);
    if (!replica) return;
    const session = this._links.get(`${tab} ${collection}`);
    if (session && answers === session.mine) session.theirs = of;
    else if (answers !== null) return; // of a session that is over
    else if (!session || (session.theirs !== null && session.theirs !== of)) {
      this._link(tab, collection, replica, of);
    } else session.theirs = of;
    try {
      replica.received(`tab:${tab}`, data);
    } catch (error) {
      if (!(error instanceof PlaitError)) throw error;
      this._unlink(tab, collection);
    }
  }

  _tick() {
    this._sayHere();
    for (const [tab, at] of this._heardAt) if (Date.now() - at > GONE_MS) this._forget(tab);
  }

  _forget(tab) {
    this._heardAt.delete(tab);
    for (const collection of this._replicas.keys()) this._unlink(tab, collection);
  }

  _unlink(tab, collection) {
    if (this._links.delete(`${tab} ${collection}`)) {
      this._replicas.get(collection)?.unlinked(`tab:${tab}`);
    }
  }
}
