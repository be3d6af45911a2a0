/**
 * A test double of /client.js for pages of the notes app: its calls, in this page's memory, alone.
 *
 * Others are played by the test: `fake.as("Bo", () => note.body.insert(0, "x"))` tells the page what
 * happened as if it had come from a node. Absent: merging, storage, a network.
 */

export const register = () => "register";
export const ask = () => "ask";
export const text = () => "text";
export const addWinsSet = () => "set";
export const flag = () => "flag";

let told = null; // patches by key, while a change is under way
const listeners = new Set();
const statusListeners = new Set();
const conflicts = [];
const refused = [];
const documents = new Map();
let ids = 0;

function tell(key, patch) {
  const own = told === null;
  told ??= new Map();
  if (!told.has(key)) told.set(key, []);
  if (patch) told.get(key).push(patch);
  if (own) flush();
}

function flush() {
  const patches = told;
  told = null;
  if (patches?.size) for (const listener of listeners) listener({ keys: [...patches.keys()], patches: [...patches].flatMap(([key, all]) => all.map((one) => ({ key, ...one }))) });
}

class Text {
  constructor(key) {
    this.key = key;
    this.chars = []; // {c, id, marks}
  }

  get length() { return this.chars.length; }
  toString() { return this.chars.map((one) => one.c).join(""); }

  insert(at, words) {
    if (at < 0 || at > this.length) throw new Error(`insert at ${at} of ${this.length}`);
    const inherited = {};
    for (const [name, value] of Object.entries(this.chars[at - 1]?.marks ?? {})) {
      if (name !== "link" || this.chars[at]?.marks.link === value) inherited[name] = value;
    }
    this.chars.splice(at, 0, ...[...Array(words.length).keys()].map((i) => ({ c: words[i], id: ++ids, marks: { ...inherited } })));
    tell(this.key, { path: ["body"], kind: "text", edits: [{ at, insert: words }] });
  }

  delete(at, size) {
    if (at < 0 || at + size > this.length) throw new Error(`delete ${size} at ${at} of ${this.length}`);
    this.chars.splice(at, size);
    tell(this.key, { path: ["body"], kind: "text", edits: [{ at, delete: size }] });
  }

  applyDiff(words) {
    this.delete(0, this.length);
    this.insert(0, words);
  }

  mark(from, to, name, value = true) {
    for (const one of this.chars.slice(from, to)) one.marks = { ...one.marks, [name]: value };
    tell(this.key, { path: ["body"], kind: "text", edits: [{ at: from, length: to - from, mark: name, value: null }] });
  }

  unmark(from, to, name) {
    for (const one of this.chars.slice(from, to)) {
      one.marks = { ...one.marks };
      delete one.marks[name];
    }
    tell(this.key, { path: ["body"], kind: "text", edits: [{ at: from, length: to - from, mark: name, value: null }] });
  }

  toDelta() {
    const found = [];
    let looks = null;
    for (const { c, marks } of this.chars) {
      const now = JSON.stringify(Object.entries(marks).sort());
      if (now === looks) found.at(-1).insert += c;
      else found.push(Object.keys(marks).length ? { insert: c, attributes: marks } : { insert: c });
      looks = now;
    }
    return found;
  }

  cursor(at) { return at ? `after ${this.chars[at - 1].id}` : "start"; }
  position(token) {
    if (token === "start") return 0;
    const at = this.chars.findIndex((one) => `after ${one.id}` === token);
    if (at < 0) throw new Error("HistoryTrimmed");
    return at + 1;
  }
}

class Tags extends Set {
  constructor(key) {
    super();
    this.key = key;
  }
  add(tag) { super.add(tag); if (this.key) tell(this.key, { path: ["tags"] }); return this; }
  delete(tag) { const had = super.delete(tag); tell(this.key, { path: ["tags"] }); return had; }
}

function documentOf(key) {
  if (!documents.has(key)) {
    const values = { body: new Text(key), tags: new Tags(key) };
    documents.set(key, new Proxy({ key, values }, {
      get: (target, name) => (name === "values" ? values : name === "key" ? key : values[name] ?? (name === "pinned" ? false : null)),
      set: (target, name, value) => { values[name] = value; tell(key, { path: [name] }); return true; },
    }));
  }
  return documents.get(key);
}

const exists = new Set();
const said = new Map();
const presenceListeners = new Set();

const notes = {
  keys: () => [...exists].sort(),
  has: (key) => exists.has(key),
  get size() { return exists.size; },
  get: documentOf,
  create: () => `n${++ids}`,
  delete: (key) => { exists.delete(key); documents.delete(key); tell(key); },
  change(make) {
    const own = told === null;
    told ??= new Map();
    const result = make();
    for (const key of told.keys()) exists.add(key);
    if (own) flush();
    return result;
  },
  subscribe: (listener) => { listeners.add(listener); return () => listeners.delete(listener); },
  conflicts: () => [...conflicts],
  resolve(conflict, value) {
    conflicts.splice(conflicts.findIndex((one) => one.key === conflict.key && one.field === conflict.field), 1);
    notes.change(() => (documentOf(conflict.key)[conflict.field] = value));
  },
  presence: {
    set: (value) => { said.set("me", value); },
    entries: () => [...said].map(([replica, value]) => ({ replica, who: value.name, value })),
    subscribe: (listener) => { presenceListeners.add(listener); return () => presenceListeners.delete(listener); },
  },
  mayWrite: () => true,
  status: { writes: null },
  onStatus: () => () => undefined,
  again: () => undefined,
  refused: () => [...refused],
  dismiss: (one) => refused.splice(refused.indexOf(one), 1),
};

const store = {
  status: { online: true, node: "n1", pending: 0, saved: true, refused: 0 },
  off: false,
  get offline() { return this.off; },
  set offline(value) {
    this.off = value;
    this.status = { ...this.status, online: !value };
    for (const listener of statusListeners) listener();
  },
  subscribe: (listener) => { statusListeners.add(listener); return () => statusListeners.delete(listener); },
  documents: async () => notes,
  close() {},
};

export async function connect() {
  window.fake = {
    store, notes, conflicts, refused,
    as: (who, make) => notes.change(make),
    here: (page, value) => { said.set(page, { page, moves: ++ids, ...value }); for (const one of presenceListeners) one(); },
    left: (page) => { said.delete(page); for (const one of presenceListeners) one(); },
    status: (more) => { store.status = { ...store.status, ...more }; for (const one of statusListeners) one(); },
  };
  for (const note of window.fakeNotes ?? []) {
    notes.change(() => {
      const { key, delta = [], tags = [], ...values } = note;
      const one = documentOf(key);
      for (const [name, value] of Object.entries(values)) one[name] = value;
      for (const tag of tags) one.tags.add(tag);
      for (const { insert, attributes = {} } of delta) {
        const at = one.body.length;
        one.body.insert(at, insert);
        for (const name of Object.keys(one.body.chars[at].marks)) one.body.unmark(at, at + insert.length, name);
        for (const [name, value] of Object.entries(attributes)) one.body.mark(at, at + insert.length, name, value);
      }
    });
  }
  return store;
}
